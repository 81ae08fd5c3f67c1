"""ICT-FaceKit: the light face model of USC's Institute for Creative Technologies (MIT).

Li et al., "Learning Formation of Physically-Based Face Attributes", CVPR 2020;
https://github.com/ICT-VGL/ICT-FaceKit. Read from its folder ``FaceXModel`` of OBJ files, or from one npz of
the same content:

    generic_neutral_mesh.obj    mean           mean (V, 3)
    identity000.obj ...         identity       (I, V, 3) offsets, per standard deviation
    browDown_L.obj ...          expression     (E, V, 3) offsets, expression_names (E,)
                                triangles      (F, 3), triangle_uv (F, 3), uv (T, 2)

in centimetres. The mean face is the surface of this project's bundled head (which was laid on it,
docs/explanation/head-model.md: half of it within 0.02 mm, 99 % within 0.5 mm), so the bundled head's
landmarks, which were calibrated for the networks that find them, are those of ICT's head at the nearest
points. ICT's own 68 landmark vertices differ from them by up to 7 mm.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32, Array, Index
from headshot.errors import ModelFormatError
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import load_head_model
from headshot.models.linear import LinearModel, on_surface
from headshot.models.protocol import LandmarkSet
from headshot.models.topologies import ibug68
from headshot.models.topologies.mediapipe478 import IRIS_LEFT_IN_IMAGE, IRIS_RIGHT_IN_IMAGE, POINTS
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import MODEL_MODES, index_of, inside, require_at_most, require_mesh
from headshot.reading.complaint import reading
from headshot.reading.documents import read_json
from headshot.reading.obj import read_obj

TERMS = "ICT-FaceKit Light, (c) 2020 USC Institute for Creative Technologies: MIT"
NEUTRAL = "generic_neutral_mesh.obj"
MM = 10.0
"""Millimetres of a unit of the files."""
ORIGIN: Array = np.array([0.0, 35.93, 79.91])
"""Origin of the bundled head in ICT's frame, mm: iterative closest points of the face, without scale."""
VERTICES = 26719
# Name of a part -> its vertices, as ICT's documentation has them. What else there
# is (corneas, lacrimal fluid, blends, shadows and lashes of the eyes) lies over the eyes and is made for
# transparent materials: its triangles are left out.
PARTS = {
    "skin": (0, 11248),
    "mouth": (11248, 17039),  # and sockets of the eyes, and gums with the tongue
    "teeth": (17039, 21451),
    "eye_left": (21451, 22221),
    "eye_right": (23021, 23791),
}
_NEAR = 1.0  # mm, median distance of landmarks from the mean above which it is another head


def read_ict(source: Path) -> LinearModel:
    """Read the model from its folder or its npz.

    Raises:
        ModelFormatError: files are missing or hold something else.
    """
    with reading(source, "ICT-FaceKit Light", ModelFormatError):
        if source.is_dir():
            return _model(_from_folder(source))
        with open_arrays(source) as data:
            return _model(data)


def _from_folder(folder: Path) -> dict[str, NDArray[Any]]:
    neutral = read_obj(folder / NEUTRAL)
    identity = sorted(folder.glob("identity[0-9][0-9][0-9].obj"))
    listed = read_json(folder / "vertex_indices.json")["expressions"]
    names = [str(name) for name in listed if inside(folder, f"{name}.obj").is_file()]
    if not identity or not names or len(set(names)) != len(names):
        raise ModelFormatError("it has no identity000.obj, or no OBJ of an expression of vertex_indices.json")
    mean = neutral.vertices.astype(np.float32)
    if len(mean) != VERTICES:
        raise ModelFormatError(f"it has {len(mean)} vertices, ICT-FaceKit Light has {VERTICES}")
    triangles, triangle_uv = neutral.triangles()
    if triangle_uv is None:
        raise ModelFormatError(f"{NEUTRAL} has no texture coordinates")
    return {
        "mean": mean,
        "identity": np.stack([_positions(file) - mean for file in identity]),
        "expression": np.stack([_positions(folder / f"{name}.obj") - mean for name in names]),
        "expression_names": np.array(names),
        "uv": neutral.uv.astype(np.float32),
        "triangles": triangles,
        "triangle_uv": triangle_uv,
    }


def _positions(file: Path) -> F32:
    with reading(file, "an OBJ of ICT-FaceKit Light", ModelFormatError):
        found = read_obj(file).vertices.astype(np.float32)
        if len(found) != VERTICES:
            raise ValueError(f"it has {len(found)} vertices, expected {VERTICES}")
        return found


def _model(data: Mapping[str, NDArray[Any]]) -> LinearModel:
    if len(data["mean"]) != VERTICES:
        raise ModelFormatError(f"it has {len(data['mean'])} vertices, ICT-FaceKit Light has {VERTICES}")
    require_mesh(max(VERTICES, len(data["uv"])), max(len(data["triangles"]), len(data["triangle_uv"])))
    require_at_most(MODEL_MODES, expressions=len(data["expression_names"]))
    mean = (data["mean"].astype(np.float64) * MM - ORIGIN).astype(np.float32)
    shape = (len(data["triangles"]), 3)
    triangles = index_of("triangles", data["triangles"], len(mean), shape)
    triangles_uv = index_of("triangle_uv", data["triangle_uv"], len(data["uv"]), shape)
    order, parts = _parts(triangles)
    triangles, triangles_uv = triangles[order], triangles_uv[order]
    jaw, fixed, dense = _landmarks(mean, triangles, parts)
    uv, triangles_uv = _layout(data["uv"].astype(np.float32), triangles_uv, parts)
    return LinearModel(
        name="ICT-FaceKit Light",
        mean=mean,
        identity=data["identity"].astype(np.float32) * np.float32(MM),
        expression=data["expression"].astype(np.float32) * np.float32(MM),
        expression_names=tuple(str(name) for name in data["expression_names"]),
        expression_kind="arkit",
        triangles=triangles,
        landmarks=LandmarkSet(ibug68.FIXED.astype(np.int32), fixed),
        contours={
            "right": jaw.restricted(ibug68.JAW_LEFT_IN_IMAGE),
            "left": jaw.restricted(ibug68.JAW_RIGHT_IN_IMAGE),
        },
        uv=uv,
        triangles_uv=triangles_uv,
        origin=ORIGIN,
        terms=TERMS,
        dense=dense,
        parts=parts,
    )


def _parts(triangles: I32) -> tuple[Index, dict[str, tuple[int, int]]]:
    """Triangles in the order of `PARTS`, and the range of each part among these."""
    first, order, ranges = 0, [], {}
    for name, (low, high) in PARTS.items():
        own = np.flatnonzero(((triangles >= low) & (triangles < high)).all(axis=1))
        order.append(own)
        ranges[name] = (first, first + len(own))
        first += len(own)
    return np.concatenate(order), ranges


_LARGE = 0.75
"""Side of the first tile in the layout; the others have a quarter."""
_PLACES = {
    1: (0.75, 0.0),
    2: (0.75, 0.25),
    3: (0.75, 0.5),
    "eye_left": (0.5, 0.75),
    "eye_right": (0.25, 0.75),
}
"""Corners of the others, left and top: of tiles by their number, and of the eyes."""


def _layout(uv: F32, triangles_uv: I32, parts: dict[str, tuple[int, int]]) -> tuple[F32, I32]:
    """One layout, origin at the top left, of ICT's textures: coordinates (T, 2), and their triangles (F, 3).

    The first tile, which is the face and the front of the head, takes nine sixteenths; the others (UDIM, by
    the whole part of u) a sixteenth each. The eyes are textures of their own, with the first tile's
    coordinates, and get places of their own.
    """
    tile = np.clip(np.floor(uv[:, 0]), 0, 3).astype(np.int64)
    inside = np.stack([np.clip(uv[:, 0] - tile, 0, 1), 1 - uv[:, 1]], axis=1)
    corner = np.array([(0.0, 0.0), *(_PLACES[number] for number in (1, 2, 3))])[tile]
    found = [corner + np.where(tile == 0, _LARGE, 0.25)[:, None] * inside]
    index = triangles_uv.copy()
    for number, name in enumerate(("eye_left", "eye_right"), start=1):
        index[slice(*parts[name])] += np.int32(number * len(uv))
        found.append(_PLACES[name] + 0.25 * inside)
    return np.concatenate(found).astype(np.float32), index


def _landmarks(
    mean: F32, triangles: I32, parts: dict[str, tuple[int, int]]
) -> tuple[Correspondence, Correspondence, LandmarkSet]:
    """The jaw's points, the other fixed ones of iBUG, and MediaPipe's, where the bundled head has them."""
    bundled = load_head_model("high")

    def nearest(points: F32, part: str) -> tuple[Correspondence, Array]:
        return on_surface(points, mean, triangles, np.arange(*parts[part]))

    skin = {
        name: nearest(bundled.landmarks[name].on(bundled.mean, bundled.triangles), "skin")
        for name in ("ibug68", "mediapipe478")
    }
    middle = float(np.median(skin["mediapipe478"][1]))
    if middle > _NEAR:
        raise ModelFormatError(
            f"its mean face is {middle:.1f} mm from where ICT-FaceKit Light has it: is it another version?"
        )
    dense, points = skin["mediapipe478"][0], bundled.landmarks["mediapipe478"]
    triangle, barycentric = dense.triangle.copy(), dense.barycentric.copy()
    places = points.on(bundled.mean, bundled.triangles)
    for part, iris in (("eye_right", IRIS_LEFT_IN_IMAGE), ("eye_left", IRIS_RIGHT_IN_IMAGE)):
        found, _ = nearest(places[list(iris)], part)
        triangle[list(iris)], barycentric[list(iris)] = found.triangle, found.barycentric
    every = LandmarkSet(np.arange(POINTS, dtype=np.int32), Correspondence(triangle, barycentric))
    ibug = skin["ibug68"][0]
    return ibug, ibug.restricted(ibug68.FIXED), every
