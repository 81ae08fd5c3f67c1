"""The hair styles that ship, and how they follow a head.

MakeHuman's hair (CC0): strips of a mesh for strands to be painted on, made for the mean head by
tools/hair/build.py. On other heads a vertex that lies on the skin moves with the point below it, one that
hangs far from it as the skin around does, by weights that fall off slowly, so that strips stay smooth.
docs/explanation/hair.md says more.

Dimension letters: P vertices of a style, F its triangles, C control points.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from headshot import assets
from headshot.arrays import F32, I32, Index, Mask, ReadOnly, read_only
from headshot.errors import AssetError
from headshot.geometry.raster import vertex_normals
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.subdivision import refined
from headshot.ramps import smoothstep
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import index_of, require_mesh
from headshot.reading.complaint import reading

ASSET = "hair.npz"
FORMAT_VERSION = 2
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
        triangles: (F, 3) indices, seen from both sides: first ``inner`` ones within shells of hair, then
            their borders and wisps; of both those near the skin first.
        inner: how many triangles lie within shells.
        uv: (P, 2) across the strands in periods of the texture, and along them from 0 at the root to 1 at the
            tip; see `headshot.hair.strands`.
        wisp: (P,) whether a wisp is painted there rather than a shell.
        root: for each vertex the nearest point of the low mesh's skin that is not on an ear.
    """

    name: str
    vertices: F32
    triangles: I32
    inner: int
    uv: F32
    wisp: Mask
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
            wisp = np.unpackbits(data[f"{name}/wisp"], count=len(vertices)).astype(bool)
            inner = int(data[f"{name}/inner"])
            require_mesh(len(vertices), len(triangles))
            barycentric = data[f"{name}/root_barycentric"].astype(np.float32)
            barycentric /= barycentric.sum(axis=1, keepdims=True)
            root = Correspondence(data[f"{name}/root_triangle"].astype(np.int32), barycentric)
            if not len(root) == len(barycentric) == len(vertices) == len(uv):
                raise ValueError(f"{name} has {len(vertices)} vertices and {len(root)} roots")
            styles[name] = HairStyle(name, vertices, triangles, inner, uv, wisp, root)
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
    control, weights = _hanging(style.name, model.resolution)
    moved = head[control] - model.mean[control]
    root = root_on(style, model)
    rest, below = root.on(model.mean, model.triangles), root.on(head, model.triangles)
    height = np.linalg.norm(style.vertices - rest, axis=1)
    hanging = smoothstep(height, _LYING, _HANGING)[:, None].astype(np.float32)
    placed = style.vertices + hanging * (weights @ moved) + (1 - hanging) * (below - rest)
    # Over skin that is rounder than the mean's, hair is lifted to where it does not cut into it.
    normal = root.on(vertex_normals(head, model.triangles), model.triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    over = ((placed - below) * normal).sum(axis=1)
    beside = np.linalg.norm(placed - below - over[:, None] * normal, axis=1)
    missing = np.where(beside < _BESIDE, np.maximum(_CLEARANCE - over, 0), 0).astype(np.float32)
    lifted: F32 = placed + missing[:, None] * normal
    return lifted


def root_on(style: HairStyle, model: HeadModel) -> Correspondence:
    """Where a style's vertices hang on the mesh of the head model, at its resolution."""
    return _refined(style.name) if model.resolution == "high" else style.root


@cache
def _refined(name: str) -> Correspondence:
    return refined(load_styles()[name].root)


@lru_cache(maxsize=8)
def _hanging(name: str, resolution: str) -> tuple[Index, F32]:
    """Control points (C,), and their weights (P, C) for the vertices of a style."""
    style, model = load_styles()[name], load_head_model(resolution)
    control = _control_points(resolution)
    apart = np.linalg.norm(style.vertices[:, None] - model.mean[control], axis=2)
    weights = (apart + np.float32(_REACH)) ** -_FALL
    weights /= weights.sum(axis=1, keepdims=True)
    return control, read_only(weights)


@lru_cache(maxsize=2)
def _control_points(resolution: str) -> Index:
    return read_only(control_points(load_head_model(resolution)))


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
