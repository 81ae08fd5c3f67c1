"""Albedo and light of a head whose shape is already fitted, from the colours of the photo.

The photometric fit finds them together with the shape; this is for heads that were fitted without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.geometry.camera import Camera
from headshot.geometry.light import AlbedoAndLight, fit_albedo_and_light
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import TO_LINEAR
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.models.head_model import HeadModel
from headshot.perception.segmentation import Segmentation
from headshot.texture.atlas import surface_of
from headshot.texture.delight import Looks
from headshot.texture.observe import observe_vertices
from headshot.texture.view import look

if TYPE_CHECKING:
    from headshot.pipeline import Reconstruction


_TEXELS = 256  # of the texture at whose density the photo is looked at: vertices lie coarser than its pixels
_POINTS = 1200


def estimate_albedo_and_light(
    pixels: U8,
    vertices: F32,
    model: HeadModel,
    camera: Camera,
    albedo: AlbedoModel,
    parts: Segmentation | None = None,
) -> AlbedoAndLight:
    """Albedo and light that explain the skin of a head in a photo.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        vertices: (V, 3) mm, head frame, with the expression that the photo shows.
        model: the head model.
        camera: projects the head frame to the photo.
        albedo: the albedo model at the resolution of the head model.
        parts: what is before the face in the photo; without, only colours tell.
    """
    skin = surface_of(model)
    points = np.ascontiguousarray(vertices, dtype=np.float32)
    colours, weight = observe_vertices(skin, look(pixels, points, model, camera, _TEXELS, parts))
    # Vertices lie closest around the features; area by area, every part of the face has its say.
    weight = weight * np.minimum(skin.area, np.median(skin.area))
    seen = np.flatnonzero(weight > 0)
    some = seen[:: max(1, len(seen) // _POINTS)]
    chosen = skin.vertices[some]
    return fit_albedo_and_light(
        TO_LINEAR[np.round(colours[some]).astype(np.uint8)],
        vertex_normals(points, model.triangles)[chosen],
        weight[some],
        (albedo.mean[chosen], albedo.modes[:, chosen]),
        albedo.light_prior,
    )


def looks_from(albedo: Array | None, light: Array | None, resolution: str) -> Looks | None:
    """The person's own colours and the light of the photo from albedo (A,) and light (9, 3); None without."""
    if albedo is None or light is None:
        return None
    model = load_albedo(resolution)
    return Looks(model.colours(albedo), model.occlusion, light)


def looks_of(head: Reconstruction) -> Looks:
    """The person's own colours and the light of the photo: as fitted, or else from the colours alone."""
    resolution = head.model.resolution
    looks = looks_from(head.albedo, head.light, resolution)
    if looks is not None:
        return looks
    model = load_albedo(resolution)
    found = estimate_albedo_and_light(
        head.photo.pixels, head.vertices, head.model, head.camera, model, head.parts
    )
    return Looks(model.colours(found.albedo), model.occlusion, found.light)
