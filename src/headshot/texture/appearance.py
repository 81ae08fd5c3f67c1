"""The person's albedo and the light of a photo, as the texture takes them.

The photometric fit finds both together with the shape; for heads that were fitted without it they are
estimated here from the colours of the photo.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, Array
from headshot.geometry.light import AlbedoAndLight, fit_albedo_and_light
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import TO_LINEAR
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.models.head_model import HeadModel
from headshot.texture.crop import crop_head
from headshot.texture.sample import sample_vertices
from headshot.texture.surface import surface_of
from headshot.texture.view import TextureView

_TEXELS = 256  # of the texture at whose density the photo is sampled: vertices lie coarser than its pixels
_POINTS = 1200


@dataclass(frozen=True, eq=False)
class PersonAlbedo:
    """The colours of a person's skin, whatever the light.

    Attributes:
        colours: (V, 3) linear, `headshot.models.albedo.AlbedoModel.colours` of the person's coefficients.
        occlusion: (V,) the share of light from all around that reaches each vertex.
    """

    colours: F32
    occlusion: F32


def person_albedo(coefficients: ArrayLike, resolution: str) -> PersonAlbedo:
    """Colours from albedo coefficients (A,), on the head model at "low" or "high" resolution."""
    model = load_albedo(resolution)
    return PersonAlbedo(model.colours(coefficients), model.occlusion)


def estimate_albedo_and_light(view: TextureView, model: HeadModel, albedo: AlbedoModel) -> AlbedoAndLight:
    """Albedo and light that explain the skin of a head in a photo.

    Args:
        view: the photo, and the head in it; its own light is not used.
        model: the head model.
        albedo: the albedo model at the resolution of the head model.
    """
    skin = surface_of(model)
    colours, weight = sample_vertices(skin, crop_head(view, model, _TEXELS))
    # Vertices lie closest around the features; area by area, every part of the face has its say.
    weight = weight * np.minimum(skin.area, np.median(skin.area))
    seen = np.flatnonzero(weight > 0)
    some = seen[:: max(1, len(seen) // _POINTS)]
    chosen = skin.vertices[some]
    return fit_albedo_and_light(
        TO_LINEAR[np.round(colours[some]).astype(np.uint8)],
        vertex_normals(view.vertices, model.triangles)[chosen],
        weight[some],
        (albedo.mean[chosen], albedo.modes[:, chosen]),
        albedo.light_prior,
    )


def with_appearance(
    view: TextureView, coefficients: Array | None, model: HeadModel
) -> tuple[TextureView, PersonAlbedo]:
    """A view with its light, and the person's albedo: as given, or else estimated from the view's colours.

    Args:
        view: its light counts only together with ``coefficients``.
        coefficients: (A,) of the albedo; None where they are not known.
        model: the head model.
    """
    if coefficients is None or view.light is None:
        found = estimate_albedo_and_light(view, model, load_albedo(model.resolution))
        view, coefficients = replace(view, light=found.light), found.albedo
    return view, person_albedo(coefficients, model.resolution)
