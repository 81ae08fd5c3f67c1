"""Skinned head models: FLAME, converted from its pickle, and Google's GNM head.

FLAME (Li et al. 2017; https://flame.is.tue.mpg.de) comes as a pickle, which is never opened here: its arrays
are saved once, under their own names, as ``.npz`` or ``.safetensors`` (docs/reference/model-formats.md has
the lines):

    v_template (V, 3)       shapedirs (V, 3, K)     posedirs (V, 3, 9 (J - 1)), optional
    J_regressor (J, V)      kintree_table (2, J)    weights (V, J)               f (F, 3)
    identity_modes ()       how many of K are identity; 300 without
    vt (T, 2), ft (F, 3)    texture coordinates, optional

GNM (https://github.com/google/GNM, Apache 2.0) comes as ``gnm_head.npz``: template_vertex_positions,
vertex_identity_basis (I, V, 3), expression_basis (C, V, 3), template_joint_positions,
joint_identity_basis (I, J, 3), joint_parent_indices, joint_names, skinning_weights (J, V),
pose_correctives_regressor (9 J, 3 V), triangles, triangle_uvs (F, 3, 2), expression_names and others.

Neither has its landmarks inside. They are read from ``STEM_landmarks.npz`` beside the file, or else from the
file itself, in any of these forms: ``indices`` and ``weights`` (68, 3) of vertices (GNM's);
``full_lmk_faces_idx`` (68,) and ``full_lmk_bary_coords`` (68, 3); or ``lmk_faces_idx`` (51,) and
``lmk_b_coords`` (51, 3) with ``dynamic_lmk_faces_idx`` (79, 17) and ``dynamic_lmk_bary_coords`` (79, 17, 3),
of which the frontal row is taken (FLAME's).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from headshot.arrays import F32, I32, Array, all_finite
from headshot.errors import ModelFormatError
from headshot.geometry.raster import rasterise
from headshot.models.linear import eye_origin, on_surface
from headshot.models.protocol import LandmarkSet
from headshot.models.skinned import SkinnedModel
from headshot.models.skinning import Skeleton, Skin
from headshot.models.topologies import ibug68
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import (
    DOCUMENT,
    MODEL_JOINTS,
    MODEL_MODES,
    index_of,
    require_at_most,
    require_mesh,
)
from headshot.reading.complaint import reading

Arrays = Mapping[str, NDArray[Any]]

FLAME_IDENTITY = 300
FLAME_JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
FLAME_TERMS = "FLAME, Max Planck Institute for Intelligent Systems: see https://flame.is.tue.mpg.de"
GNM_TERMS = "GNM, Google: Apache License 2.0"
_GRID, _SHARED = 256, 0.02  # texels of a side in which layouts are checked, and share of them on edges
_MARKS = (
    "indices", "weights", "full_lmk_faces_idx", "full_lmk_bary_coords", "lmk_faces_idx", "lmk_b_coords",
    "dynamic_lmk_faces_idx", "dynamic_lmk_bary_coords",
)  # fmt: skip
_OFF = 1.0  # mm that a landmark may lie off the surface
_DRAWN = 8.0  # whole layouts that the boxes around all triangles may fill: one layout's fill about two


def read_flame(file: Path) -> SkinnedModel:
    """Read FLAME from an npz or safetensors file of its arrays.

    Raises:
        ModelFormatError: something is missing, or has another shape.
    """
    return _read(file, _flame)


def read_gnm(file: Path) -> SkinnedModel:
    """Read GNM's head.

    Raises:
        ModelFormatError: something is missing, or has another shape.
    """
    return _read(file, _gnm)


def _read(file: Path, model: Callable[[Arrays, Arrays], SkinnedModel]) -> SkinnedModel:
    with reading(file, "a skinned head model", ModelFormatError), open_arrays(file) as data:
        beside = file.with_name(f"{file.stem}_landmarks.npz")
        if not beside.is_file():
            return model(data, data)
        with reading(beside, "landmarks of a head", ModelFormatError), open_arrays(beside, DOCUMENT) as own:
            marks = {name: own[name] for name in _MARKS if name in own}
        return model(data, marks)


def _flame(data: Arrays, landmarks: Arrays) -> SkinnedModel:
    mean, triangles = _mesh(data["v_template"], data["f"])
    modes = np.moveaxis(data["shapedirs"], 2, 0)
    require_at_most(MODEL_MODES, modes=len(modes))
    count = int(data["identity_modes"]) if "identity_modes" in data else FLAME_IDENTITY
    if not 0 < count <= len(modes):
        raise ModelFormatError(f"shapedirs has {len(modes)} modes, of which {count} are to be identity")
    regressor = data["J_regressor"].astype(np.float64)
    joints = len(regressor)
    parents = _parents(data["kintree_table"][0], joints)
    corrective = None
    if "posedirs" in data:
        below_root = np.moveaxis(data["posedirs"], 2, 0)
        corrective = np.concatenate([np.zeros((9, *mean.shape), below_root.dtype), below_root])
    names = FLAME_JOINTS if joints == len(FLAME_JOINTS) else tuple(f"joint{j}" for j in range(joints))
    moved = np.array([regressor @ mode for mode in modes])
    raw = _Raw(
        mean, modes[:count], modes[count:], data["weights"], corrective, names, parents,
        regressor @ mean, moved[:count], moved[count:], triangles,
    )  # fmt: skip
    expressions = tuple(f"expression{k + 1}" for k in range(len(modes) - count))
    uv = triangles_uv = None
    if "vt" in data and "ft" in data:
        require_mesh(len(data["vt"]), len(data["ft"]))
        uv, triangles_uv = _flipped(data["vt"]), index_of("ft", data["ft"], len(data["vt"]), triangles.shape)
    return raw.model(
        f"FLAME, {len(mean):,} vertices", expressions, landmarks, (uv, triangles_uv), FLAME_TERMS
    )


def _gnm(data: Arrays, landmarks: Arrays) -> SkinnedModel:
    mean, triangles = _mesh(data["template_vertex_positions"], data["triangles"])
    parents = _parents(data["joint_parent_indices"], len(data["joint_names"]))
    names = tuple(str(name) for name in data["joint_names"])
    expression = data["expression_basis"]
    require_at_most(MODEL_MODES, modes=max(len(expression), len(data["expression_names"])))
    if data["triangle_uvs"].shape != (len(triangles), 3, 2) or not all_finite(data["triangle_uvs"]):
        raise ModelFormatError("triangle_uvs must be three finite texture coordinates for each triangle")
    corrective = None
    if "pose_correctives_regressor" in data:
        corrective = data["pose_correctives_regressor"].reshape(9 * len(names), *mean.shape)
    raw = _Raw(
        mean, data["vertex_identity_basis"], expression, data["skinning_weights"].T, corrective, names,
        parents, data["template_joint_positions"], data["joint_identity_basis"],
        np.zeros((len(expression), len(names), 3)), triangles,
    )  # fmt: skip
    uv, index = np.unique(data["triangle_uvs"].reshape(-1, 2), axis=0, return_inverse=True)
    layout: tuple[F32 | None, I32 | None] = (None, None)
    triangles_uv = index.reshape(-1, 3).astype(np.int32)
    # Several tiles are several textures, and so are parts that lie on each other.
    if len(uv) and uv.min() >= 0 and uv.max() <= 1 and not _overlapping(_flipped(uv), triangles_uv):
        layout = _flipped(uv), triangles_uv
    expressions = tuple(str(name) for name in data["expression_names"])
    version = str(data["version"]) if "version" in data else "?"
    return raw.model(f"GNM {version}, {len(mean):,} vertices", expressions, landmarks, layout, GNM_TERMS)


def _mesh(vertices: NDArray[Any], triangles: NDArray[Any]) -> tuple[Array, I32]:
    """Vertices (V, 3) as float64, and triangles (F, 3) that point to them."""
    require_mesh(len(vertices), len(triangles))
    if not len(triangles):
        raise ModelFormatError("it has no triangles")
    index = index_of("triangles", triangles, len(vertices), (len(triangles), 3))
    return vertices.astype(np.float64), index


def _parents(above: NDArray[Any], joints: int) -> tuple[int, ...]:
    """The parent of each joint; of the first, the root, it is -1 whatever the file says."""
    require_at_most(MODEL_JOINTS, joints=max(joints, len(above)))
    return (-1, *(int(parent) for parent in above[1:]))


def _overlapping(uv: F32, triangles_uv: I32) -> bool:
    """Whether more than a few texels belong to several triangles: drawn in reverse, the layout differs."""
    corners = uv[triangles_uv]
    if np.prod(corners.max(axis=1) - corners.min(axis=1), axis=1).sum() > _DRAWN:
        return True  # and it would take minutes to draw
    found = []
    for order in (triangles_uv, triangles_uv[::-1]):
        xy, flat = uv * np.float32(_GRID), np.ones(len(uv), np.float32)
        found.append(rasterise(xy, flat, np.ascontiguousarray(order), _GRID, _GRID, cull=False).triangle)
    covered = found[0] >= 0
    differ = found[0] != len(triangles_uv) - 1 - found[1]
    return bool(differ[covered].mean() > _SHARED) if covered.any() else True


def _flipped(uv: NDArray[Any]) -> F32:
    """Texture coordinates with their origin at the top left, from the bottom left."""
    return (uv.astype(np.float32) * [1, -1] + [0, 1]).astype(np.float32)


@dataclass(frozen=True, eq=False)
class _Raw:
    """A model in the unit and frame of its file; shapes as those of `headshot.models.skinning`."""

    mean: Array
    identity: NDArray[Any]
    expression: NDArray[Any]
    weight: NDArray[Any]
    corrective: NDArray[Any] | None
    names: tuple[str, ...]
    parents: tuple[int, ...]
    joints: NDArray[Any]
    joints_identity: NDArray[Any]
    joints_expression: NDArray[Any]
    triangles: I32

    def model(
        self,
        name: str,
        expressions: tuple[str, ...],
        landmarks: Arrays,
        layout: tuple[F32 | None, I32 | None],
        terms: str,
    ) -> SkinnedModel:
        """The model in millimetres, with its origin between the eyes."""
        places = _landmarks(landmarks, self.mean, self.triangles)
        corners = places[list(ibug68.OUTER_EYE_CORNERS)]
        unit = _unit(float(np.linalg.norm(corners[1] - corners[0])))
        found, distance = on_surface(unit * places, unit * self.mean, self.triangles)
        if distance.max() > _OFF:
            raise ModelFormatError(f"a landmark lies {distance.max():.1f} mm off the surface")
        fixed = LandmarkSet(ibug68.FIXED.astype(np.int32), found.restricted(ibug68.FIXED))
        origin = eye_origin((unit * self.mean).astype(np.float32), fixed, self.triangles)

        def mm(values: NDArray[Any]) -> F32:
            out = np.empty(values.shape, np.float32)
            for into, part in zip(out, values, strict=True):  # models are large
                into[...] = unit * part
            return out

        return SkinnedModel(
            name,
            Skin(
                (unit * self.mean - origin).astype(np.float32),
                mm(self.identity),
                mm(self.expression),
                self.weight.astype(np.float32),
                None if self.corrective is None else mm(self.corrective),
            ),
            Skeleton(
                self.names,
                self.parents,
                (unit * self.joints - origin).astype(np.float32),
                mm(self.joints_identity),
                mm(self.joints_expression),
            ),
            tuple(joint for joint in self.names if joint == "jaw"),
            expressions,
            self.triangles,
            fixed,
            {
                "right": found.restricted(ibug68.JAW_LEFT_IN_IMAGE),
                "left": found.restricted(ibug68.JAW_RIGHT_IN_IMAGE),
            },
            *layout,
            origin,
            terms,
        )


def _unit(eyes: float) -> float:
    """Millimetres of a unit in which the outer corners of the eyes are so far apart."""
    for unit in (1000.0, 100.0, 10.0, 1.0):
        if 50 < unit * eyes < 150:
            return unit
    raise ModelFormatError(
        f"the outer corners of the eyes are {eyes:g} units apart: expected 50 to 150 mm, in metres, "
        "decimetres, centimetres or millimetres"
    )


def _landmarks(data: Arrays, mean: Array, triangles: I32) -> Array:
    """(68, 3) the iBUG points on the mean head, in the file's unit."""
    if "indices" in data:
        return _weighted(mean, data["indices"], data["weights"])
    if "full_lmk_faces_idx" in data:
        faces = data["full_lmk_faces_idx"].reshape(-1)
        weights = data["full_lmk_bary_coords"].reshape(-1, 3)
    elif "lmk_faces_idx" in data and "dynamic_lmk_faces_idx" in data:
        faces = np.concatenate([data["dynamic_lmk_faces_idx"][0], data["lmk_faces_idx"]])
        weights = np.concatenate([data["dynamic_lmk_bary_coords"][0], data["lmk_b_coords"]])
    else:
        raise ModelFormatError(
            "it has no landmarks: save them beside it as STEM_landmarks.npz "
            "(docs/reference/model-formats.md says which arrays)"
        )
    return _weighted(mean, triangles[index_of("landmarks", faces, len(triangles), (68,))], weights)


def _weighted(mean: Array, vertices: NDArray[Any], weights: NDArray[Any]) -> Array:
    if weights.shape != (68, 3) or not all_finite(weights):
        raise ModelFormatError(f"landmarks have weights {weights.shape}, expected (68, 3) finite numbers")
    index = index_of("landmarks", vertices, len(mean), (68, 3))
    return np.asarray((mean[index] * weights[:, :, None]).sum(axis=1), np.float64)
