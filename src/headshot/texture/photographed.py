"""Everything that a photo shows on a head, hair and glasses too: for synthetic photos, not for users."""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, U8
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.raster import rasterise, sample, vertex_normals
from headshot.models.head_model import HeadModel
from headshot.ramps import smoothstep
from headshot.texture.atlas import atlas_of


def as_photographed(
    completed: U8, pixels: U8, vertices: F32, model: HeadModel, camera: Camera, *, scalp_as_hair: bool = False
) -> U8:
    """A texture with everything that the photo shows on the head's surface, hair and glasses too.

    Args:
        completed: (T, T, 3) uint8 sRGB, shows where the photo does not show the head; not changed.
        pixels: (H, W, 3) uint8, the photo.
        vertices: (V, 3) of the fitted head, with its expression.
        model: of the head.
        camera: sees the head in the photo.
        scalp_as_hair: give the unseen scalp the colour of the hair that is seen on it.

    Returns:
        (T, T, 3) uint8 sRGB.
    """
    atlas = atlas_of(model, len(completed))
    inside = atlas.triangle >= 0
    corners = model.triangles[atlas.triangle[inside]]
    weights = atlas.barycentric[inside]
    normals = vertex_normals(vertices, model.triangles)
    point = np.einsum("ncd,nc->nd", vertices[corners], weights)
    normal = np.einsum("ncd,nc->nd", normals[corners], weights)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    view = camera.position - point
    cosine = (normal * view).sum(axis=1) / np.linalg.norm(view, axis=1)
    xy, depth = project_for_raster(vertices, camera)
    raster = rasterise(xy, depth, model.triangles, camera.height, camera.width)
    at = camera.project(point)
    column = np.clip(at[:, 0], 0, camera.width - 1).astype(int)
    row = np.clip(at[:, 1], 0, camera.height - 1).astype(int)
    distance = -camera.to_camera(point)[:, 2]
    clear = distance < raster.depth[row, column] + 2.5
    clear &= (at > 1).all(axis=1) & (at[:, 0] < camera.width - 1) & (at[:, 1] < camera.height - 1)
    trust = (smoothstep(cosine, 0.15, 0.45) * clear)[:, None]
    shown = sample(np.ascontiguousarray(pixels), at) * 255
    rest = completed[inside].astype(float)
    scalp = np.einsum("nc,nc->n", model.regions["scalp"][corners], weights)
    hair = (scalp > 0.6) & (trust[:, 0] > 0.5)
    if scalp_as_hair and hair.sum() > 200:
        rest += np.clip(2 * scalp - 0.5, 0, 1)[:, None] * (np.median(shown[hair], axis=0) - rest)
    out = completed.copy()
    out[inside] = np.clip(rest + trust * (shown - rest) + 0.5, 0, 255).astype(np.uint8)
    flat = out.reshape(-1, 3)
    flat[atlas.gutter] = flat[atlas.source]
    return out
