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

from headshot.arrays import F32, I32, Index, Mask, ReadOnly, read_only
from headshot.geometry.raster import vertex_normals
from headshot.hair.stored import mesh_of, stored
from headshot.hair.strands import BANDS
from headshot.kernels import njit
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel, load_head_model
from headshot.models.subdivision import refined
from headshot.ramps import smoothstep

CONTROL_POINTS = 160
"""About one every 25 mm of skin: closer ones would carry the face's features into the hair."""
_REACH = 20.0  # mm: added to distances, so that no single control point rules a vertex that lies on it
_FALL = 4  # weights fall with this power of the distance
_COUNTED = 48  # control points for a vertex: those beyond hardly count
_LYING, _HANGING = (
    10.0,
    50.0,
)  # mm over the skin: up to here with the point below, from here on with all around
_CLEARANCE = 3.0  # mm that hair keeps from the skin; `CLEARANCE` of tools/hair/build.py
_SIDE = 40.0  # mm from the middle: nearer hair is not beside an ear
_EAR = 24  # vertices of the ear that hair looks at
_AROUND_EAR = (6.0, 25.0)  # mm from it, seen from the side, at which pushing begins to fall, and ends
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
        strands: how strands run by themselves, one of `headshot.hair.worn.TEXTURES`.
        covers: whether it lies over the left ear, and over the right.
        root: for each vertex the nearest point of the low mesh's skin that is not on an ear.
    """

    name: str
    vertices: F32
    triangles: I32
    inner: int
    uv: F32
    wisp: Mask
    strands: str
    covers: tuple[bool, bool]
    root: Correspondence


@lru_cache(maxsize=1)
def load_styles() -> dict[str, HairStyle]:
    """All styles by name.

    Raises:
        AssetError: the file is missing, altered, or of another version.
    """
    styles = {}
    with stored() as data:
        for name in data["names"].tolist():
            vertices, triangles, uv, root = mesh_of(data, name)
            wisp = np.unpackbits(data[f"{name}/wisp"], count=len(vertices)).astype(bool)
            strands = str(data[f"{name}/strands"])
            if f"{strands}_shell" not in BANDS:
                raise ValueError(f"{name} has strands {strands!r}, which the texture has not")
            left, right = (bool(over) for over in data[f"{name}/covers"])
            inner = int(data[f"{name}/inner"])
            styles[name] = HairStyle(name, vertices, triangles, inner, uv, wisp, strands, (left, right), root)
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
    carried = _average(head - model.mean, control, weights)
    root = root_on(style, model)
    rest, below = root.on(model.mean, model.triangles), root.on(head, model.triangles)
    height = np.linalg.norm(style.vertices - rest, axis=1)
    hanging = smoothstep(height, _LYING, _HANGING)[:, None].astype(np.float32)
    placed = style.vertices + hanging * carried + (1 - hanging) * (below - rest)
    # Over skin that is rounder than the mean's, hair is lifted to where it does not cut into it.
    normal = root.on(vertex_normals(head, model.triangles), model.triangles)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    over = ((placed - below) * normal).sum(axis=1)
    beside = np.linalg.norm(placed - below - over[:, None] * normal, axis=1)
    missing = np.where(beside < _BESIDE, np.maximum(_CLEARANCE - over, 0), 0).astype(np.float32)
    lifted: F32 = placed + missing[:, None] * normal
    for side, over in enumerate(style.covers):
        if over:
            _push_over_ear(style.name, side, model, head, lifted)
    return lifted


def _push_over_ear(name: str, side: int, model: HeadModel, head: F32, placed: F32) -> None:
    """Push hair (P, 3) in place to where an ear does not stick out through it."""
    rows, nearest, weight = _over_ear(name, side, model.resolution)
    outwards = np.float32((1, -1)[side])
    least = (outwards * head[nearest, 0]).max(axis=1) + np.float32(_CLEARANCE)
    missing = np.maximum(least - outwards * placed[rows, 0], 0)
    placed[rows, 0] += outwards * weight * missing


@lru_cache(maxsize=16)
def _over_ear(name: str, side: int, resolution: str) -> tuple[Index, Index, F32]:
    """Vertices (R,) of a style beside an ear, those (R, `_EAR`) of the ear that are nearest to each seen from
    the side, and shares (R,) of the push."""
    style, model = load_styles()[name], load_head_model(resolution)
    out = (1, -1)[side]
    ears = np.flatnonzero((model.regions["ears"] > 0.3) & (out * model.mean[:, 0] > 0))
    rows = np.flatnonzero(out * style.vertices[:, 0] > _SIDE)
    apart = np.linalg.norm(style.vertices[rows, None, 1:] - model.mean[ears, 1:], axis=2)
    near = apart.min(axis=1) < _AROUND_EAR[1]
    rows, apart = rows[near], apart[near]
    order = np.argpartition(apart, _EAR, axis=1)[:, :_EAR]
    weight = (1 - smoothstep(apart.min(axis=1), *_AROUND_EAR)).astype(np.float32)
    return rows, ears[order], weight


@njit(cache=True, nogil=True, error_model="numpy")
def _average(moved: F32, rows: I32, weights: F32) -> F32:
    """(P, 3) averages of rows (P, K) of (V, 3), weighted by (P, K)."""
    out = np.zeros((rows.shape[0], 3), np.float32)
    for p in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            for c in range(3):
                out[p, c] += weights[p, k] * moved[rows[p, k], c]
    return out


def root_on(style: HairStyle, model: HeadModel) -> Correspondence:
    """Where a style's vertices hang on the mesh of the head model, at its resolution."""
    return _refined(style.name) if model.resolution == "high" else style.root


@cache
def _refined(name: str) -> Correspondence:
    return refined(load_styles()[name].root)


@lru_cache(maxsize=8)
def _hanging(name: str, resolution: str) -> tuple[I32, F32]:
    """The nearest control points (P, `_COUNTED`) of each vertex of a style, and their weights."""
    style, model = load_styles()[name], load_head_model(resolution)
    control = control_points(model)
    rest = model.mean[control]
    squared = (style.vertices**2).sum(1)[:, None] - 2 * style.vertices @ rest.T + (rest**2).sum(1)
    apart = np.sqrt(np.maximum(squared, 0))
    nearest = np.argpartition(apart, _COUNTED, axis=1)[:, :_COUNTED]
    weights = (np.take_along_axis(apart, nearest, axis=1) + np.float32(_REACH)) ** -_FALL
    weights /= weights.sum(axis=1, keepdims=True)
    return read_only(control[nearest].astype(np.int32)), read_only(weights.astype(np.float32))


@lru_cache(maxsize=2)
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
