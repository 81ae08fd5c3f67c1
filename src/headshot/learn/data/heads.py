"""Photos of synthetic heads with exact shapes (tools/synthetic_heads.py), for the training of MeshNet+.

Unlike those of `rendered`, they may wear the skin of real photos, and face, landmarks and parts are found as
in any photo, with all the errors of the networks that find them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from headshot.arrays import Array, Index
from headshot.datasets.synthetic import Mesh, Truth, read_truths
from headshot.errors import HeadshotError, NoFaceError
from headshot.geometry.align import Surface, similarity
from headshot.geometry.camera import Camera
from headshot.image.photo import Photo, read_photo
from headshot.learn.data.faces import face_in
from headshot.learn.data.rendered import (
    LEVEL,
    Rendered,
    in_crop,
    in_fitted_camera,
    join_rendered,
    read_rendered,
    store_rendered,
)
from headshot.learn.template import Template
from headshot.models.head_model import load_head_model

_OFF_SKIN = 2.0  # mm from the skin from which a vertex of the template is looked for on all of the head
_MISSED = 0.1  # of the face's extent, from which a face that was found is another one


def collect_heads(
    folder: Path, size: int, template: Template, cache: Path, *,
    progress: Callable[[Sequence[Truth]], Iterable[Truth]] = iter,
) -> Rendered:  # fmt: skip
    """The faces that are found in a folder of synthetic heads; those of every tenth head are held out.

    Args:
        folder: made by tools/synthetic_heads.py.
        size: of the crops, pixels.
        template: at whose vertices shapes are stored.
        cache: .npz file, read if it exists, else written.
        progress: shows how far it is.

    Raises:
        HeadshotError: there are no heads, no face is found, or the cache is not readable or of another size.
    """
    if cache.is_file():
        return read_rendered(cache, size)
    truths = read_truths(folder)
    heads = {name: k for k, name in enumerate(sorted({truth.head for truth in truths}))}
    meshes = {id(truth.mesh): truth.mesh for truth in truths}
    places = {key: places_on(mesh, template) for key, mesh in meshes.items()}
    rows = []
    for truth in progress(truths):
        found = _one(truth, places[id(truth.mesh)], size, template, heads[truth.head] % 10 == 0)
        rows += [found] if found is not None else []
    if not rows:
        raise HeadshotError(f"no face was found in the {len(truths)} photos of {folder}")
    out = join_rendered(rows)
    store_rendered(out, cache)
    return out


def _one(
    truth: Truth, places: tuple[Index, Array], size: int, template: Template, held_out: bool
) -> Rendered | None:
    """One photo, or None where its face is not found."""
    photo = read_photo(truth.photo)
    try:
        face, affine = face_in(photo, size)
    except NoFaceError:
        return None
    corners, weights = places
    true = np.einsum("vcd,vc->vd", truth.camera_vertices[corners], weights)
    seen = in_crop(_camera(truth, photo), affine)
    landmarks = face.landmarks[0].astype(np.float64)
    points = template.landmarks[LEVEL].on(true, template.triangles[LEVEL])
    extent = np.ptp(landmarks, axis=0).max()
    if np.linalg.norm(seen.project(points) - landmarks, axis=1).mean() > _MISSED * extent:
        return None
    fitted = Camera(
        size, size, float(face.focal[0]), (size / 2, size / 2), face.rotation[0].astype(np.float64),
        face.translation[0].astype(np.float64),
    )  # fmt: skip
    face.held_out[:] = held_out
    shape = in_fitted_camera(seen.to_camera(true), seen, fitted, template)
    neutral = np.einsum("vcd,vc->vd", truth.neutral[corners], weights)
    ours = template.vertices[: len(true)]
    on_face = template.carried(load_head_model("low").regions["face"][:, None], load_head_model("low"))
    inside = on_face[: len(true), 0] > 0.5
    laid = similarity(neutral[inside], ours[inside])(neutral).astype(np.float32)
    return Rendered(
        face, shape[None], laid[None], np.full((1, *shape.shape), np.nan, np.float32),
        np.full((1, 9, 3), np.nan, np.float32),
    )  # fmt: skip


def _camera(truth: Truth, photo: Photo) -> Camera:
    """The photo's camera for points in its own frame."""
    focal = truth.focal_35mm / 36 * max(photo.width, photo.height)
    middle = (photo.width / 2, photo.height / 2)
    return Camera(photo.width, photo.height, focal, middle, np.eye(3), np.zeros(3))


def places_on(mesh: Mesh, template: Template) -> tuple[Index, Array]:
    """Corners (V, 3) and weights (V, 3) of the template's vertices on a true mesh."""
    wanted = template.vertices[: template.counts[LEVEL]].astype(np.float64)
    skin, all_parts = (Surface(mesh.canonical, t) for t in (mesh.skin, mesh.triangles))
    triangle, weights, distance = skin.closest(wanted)
    corners = skin.triangles[triangle].astype(np.int64)
    eyes = distance > _OFF_SKIN
    if eyes.any():
        triangle, weights[eyes], _ = all_parts.closest(wanted[eyes])
        corners[eyes] = all_parts.triangles[triangle]
    return corners, weights
