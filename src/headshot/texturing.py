"""Textures of heads from the photos that they were made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headshot.estimate import Estimate
from headshot.models.head_model import HeadModel
from headshot.perception.observe import FaceObservation
from headshot.texture import Texture, TextureSettings, TextureView, make_texture
from headshot.texture.appearance import person_albedo, with_appearance


def texture_of(
    estimate: Estimate, seen: Sequence[FaceObservation], model: HeadModel, settings: TextureSettings
) -> Texture:
    """The texture of a head from all of its views.

    Args:
        estimate: the head.
        seen: what networks saw in each photo, photos included.
        model: the head model of the estimate.
        settings: see `TextureSettings`.
    """
    person = estimate.person
    views = [
        TextureView(
            s.photo.pixels,
            np.float32(person.scale) * model.shape(person.identity, v.expression),
            v.camera,
            v.light,
            s.segmentation,
        )
        for s, v in zip(seen, estimate.views, strict=True)
    ]
    albedo = None
    if settings.delit and (person.albedo is None or any(v.light is None for v in views)):
        known = [with_appearance(view, person.albedo, model) for view in views]
        views, albedo = [view for view, _ in known], known[0][1]
    elif person.albedo is not None:
        albedo = person_albedo(person.albedo, model.resolution)
    return make_texture(views, model, settings, albedo)
