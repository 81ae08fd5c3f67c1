"""The hair styles that ship, and how they follow a head.

MakeHuman's hair (CC0): strips of a mesh for strands to be painted on, made for the mean head by
tools/hair/build.py. On other heads a vertex that lies on the skin moves with the point below it, one that
hangs far from it as the skin around does, by weights that fall off slowly, so that strips stay smooth.
docs/explanation/hair.md says more.

Dimension letters: P vertices of a style, F its triangles, T its texture coordinates, C control points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from headshot import assets
from headshot.arrays import F32, I32, Index, ReadOnly
from headshot.errors import AssetError
from headshot.geometry.raster import vertex_normals
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel
from headshot.models.subdivision import refined
from headshot.ramps import smoothstep
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import index_of, require_mesh
from headshot.reading.complaint import reading

ASSET = "hair.npz"
FORMAT_VERSION = 1
CONTROL_POINTS = 160
"""About one every 25 mm of skin: closer ones would carry the face's features into the hair."""
_REACH = 20.0  # mm: added to distances, so that no single control point rules a vertex that lies on it
_FALL = 4  # weights fall with this power of the distance
_LYING, _HANGING = (
    10.0,
    50.0,
)  # mm over the skin: up to here with the point below, from here on with all around
_CLEARANCE = 3.0  # mm that hair keeps from the skin; `CLEARANCE` of tools/hair/build.py
_BESIDE = 5.0  # mm: what lies farther beside its root hangs off a border, below the neck; `BESIDE` there


@dataclass(frozen=True, eq=False, repr=False)
class HairStyle(ReadOnly):
    """A style on the mean head.

    Attributes:
        name: as MakeHuman calls it.
        vertices: (P, 3) mm, frame of the head model.
        triangles: (F, 3) indices into ``vertices``, those near the skin first; strips have two
            sides.
        uv: (T, 2) texture coordinates in [0, 1], origin at the top left.
        triangles_uv: (F, 3) indices into ``uv``.
        root: for each vertex the nearest point of the low mesh's skin that is not on an ear.
    """

    name: str
    vertices: F32
    triangles: I32
    uv: F32
    triangles_uv: I32
    root: Correspondence


@lru_cache(maxsize=1)
def load_styles() -> dict[str, HairStyle]:
    """All styles by name.

    Raises:
        AssetError: the file is missing, altered, or of another version.
    """
    file = assets.path(ASSET)
    with reading(file, "hair styles", AssetError), open_arrays(file) as data:
        version = int(data["format_version"])
        if version != FORMAT_VERSION:
            raise AssetError(f"{file} has format version {version}; this version reads {FORMAT_VERSION}")

        def values(name: str) -> F32:
            low, high = data[f"{name}_bounds"]
            scaled: F32 = low + data[name].astype(np.float32) * ((high - low) / np.float32(65535))
            return scaled

        styles = {}
        for name in data["names"].tolist():
            vertices, uv = values(f"{name}/vertices"), values(f"{name}/uv")
            triangles = index_of("triangles", data[f"{name}/triangles"], len(vertices))
            triangles_uv = index_of("triangles_uv", data[f"{name}/triangles_uv"], len(uv))
            require_mesh(len(vertices), len(triangles))
            barycentric = data[f"{name}/root_barycentric"].astype(np.float32)
            barycentric /= barycentric.sum(axis=1, keepdims=True)
            root = Correspondence(data[f"{name}/root_triangle"].astype(np.int32), barycentric)
            if not len(root) == len(barycentric) == len(vertices):
                raise ValueError(f"{name} has {len(vertices)} vertices and {len(root)} roots")
            styles[name] = HairStyle(name, vertices, triangles, uv, triangles_uv, root)
        return styles


def place(style: HairStyle, model: HeadModel, neutral: ArrayLike) -> F32:
    """Where a style's vertices lie (P, 3), mm, on a head.

    Shepard's interpolation (1968, "A two-dimensional interpolation function for irregularly-spaced data") of
    how control points of the skin have moved from the mean head, which near the skin gives way to the
    movement of the point below.

    Args:
        style: what to wear.
        model: the bundled head model, at either resolution.
        neutral: (V, 3) the head's vertices without expression, mm, in the model's frame.

    Raises:
        ValueError: the vertices are not as many as the model's.
    """
    head = np.asarray(neutral, np.float32)
    if head.shape != model.mean.shape:
        raise ValueError(f"neutral must have shape {model.mean.shape}, got {head.shape}")
    control = control_points(model)
    moved = head[control] - model.mean[control]
    apart = np.linalg.norm(style.vertices[:, None] - model.mean[control], axis=2)
    weights = (apart + np.float32(_REACH)) ** -_FALL
    weights /= weights.sum(axis=1, keepdims=True)
    root = refined(style.root) if model.resolution == "high" else style.root
    rest, below = root.on(model.mean, model.triangles), root.on(head, model.triangles)
    height = np.linalg.norm(style.vertices - rest, axis=1)
    hanging = smoothstep(_LYING, _HANGING, height)[:, None]
    placed = style.vertices + hanging * (weights @ moved) + (1 - hanging) * (below - rest)
    # Over skin that is rounder than the mean's, hair is lifted to where it does not cut into it.
    normal = root.on(vertex_normals(head, model.triangles), model.triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    over = ((placed - below) * normal).sum(axis=1)
    beside = np.linalg.norm(placed - below - over[:, None] * normal, axis=1)
    missing = np.where(beside < _BESIDE, np.maximum(_CLEARANCE - over, 0), 0).astype(np.float32)
    lifted: F32 = placed + missing[:, None] * normal
    return lifted


def control_points(model: HeadModel) -> Index:
    """(C,) vertices of the skin, spread evenly by farthest-point sampling; none on ears or inside the mouth.

    They start at the top of the head, so that they are the same ones every time.
    """
    first, last = model.parts["skin"]
    skin = np.unique(model.triangles[first:last])
    skin = skin[(model.regions["ears"][skin] < 0.1) & (model.regions["mouth"][skin] < 0.1)]
    points = model.mean[skin]
    chosen = [int(points[:, 1].argmax())]
    distance = np.linalg.norm(points - points[chosen[0]], axis=1)
    while len(chosen) < CONTROL_POINTS:
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[chosen[-1]], axis=1))
    found: Index = skin[chosen].astype(np.intp)
    return found
