"""Textures of heads from the photos that they were made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.estimate import Estimate
from headshot.geometry.raster import vertex_normals
from headshot.hair.colour import light_on_face
from headshot.hair.photographed import hair_in, in_view, windows_of
from headshot.hair.scalp import scalp_growth
from headshot.hair.worn import Hair
from headshot.models.head_model import HeadModel
from headshot.models.protocol import FaceModel
from headshot.perception.observe import FaceObservation
from headshot.perception.segmentation import HIDING
from headshot.photo_colours import bake, merged, photo_surface
from headshot.texture import Texture, TextureSettings, TextureView, make_texture
from headshot.texture.appearance import person_albedo, with_appearance
from headshot.texture.layout import layout_of
from headshot.texture.make import COMPLETED
from headshot.texture.sample import TexelSamples
from headshot.texture.scalp import PaintedScalp, with_scalp

_ROOTS, _CROPPED = 0.92, 0.8
"""How much of the scalp's colour is hair's: below longer hair, and where it is cut close."""
ROOT_SHADE = 0.7
"""Share of light that longer hair lets through to the scalp below."""
_FRONT = 0.5
"""Cosine of the angle from the front up to which the surface counts as the face's front."""


def texture_of(
    estimate: Estimate,
    seen: Sequence[FaceObservation],
    model: HeadModel,
    settings: TextureSettings,
    samples: TexelSamples | None = None,
) -> Texture:
    """The texture of a head from all of its views.

    Args:
        estimate: the head.
        seen: what networks saw in each photo, photos included.
        model: the head model of the estimate.
        settings: see `TextureSettings`.
        samples: see `headshot.texture.make_texture`.
    """
    person = estimate.person
    views = [
        TextureView(
            s.photo.pixels,
            in_view(estimate, v, model),
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
    return make_texture(views, model, settings, albedo, samples)


def with_roots(
    texture: Texture,
    hair: Hair,
    estimate: Estimate,
    seen: Sequence[FaceObservation],
    model: HeadModel,
    growth: F32 | None = None,
) -> Texture:
    """A texture whose scalp takes hair's colour where hair grows.

    Args:
        texture: of the head.
        hair: what it wears.
        estimate: the head.
        seen: what networks saw in each photo, photos included.
        model: the bundled head model.
        growth: (V,) as of `photographed_hair`; found in the photos when None.
    """
    if growth is None:
        growth = scalp_growth(*windows_of(estimate, seen, model), model)
    light = np.ones(3)
    if not texture.delit:
        light = np.mean([light_on_face(each) for each in _lights(estimate, seen, model)], axis=0)
    strength = _CROPPED if hair.style is None else _ROOTS
    shade = 1.0 if hair.style is None else ROOT_SHADE
    painted = PaintedScalp(
        growth, np.asarray(np.array(hair.colour.root) * light * shade, np.float32), strength
    )
    return with_scalp(texture, layout_of(model, len(texture.pixels)), painted)


def photographed_hair(
    estimate: Estimate, seen: Sequence[FaceObservation], model: HeadModel, style: str | None = None
) -> tuple[Hair | None, F32 | None]:
    """The hair that photos show, and where on the head (V,) it grows.

    Both None where no photo has been segmented and no style is asked for.

    Args:
        estimate: the head.
        seen: what networks saw in each photo, photos included.
        model: the bundled head model.
        style: to wear in the photos' colour, whatever they show.
    """
    windows, heads = windows_of(estimate, seen, model)
    if not windows and style is None:
        return None, None
    hair = hair_in(windows, estimate, seen, _lights(estimate, seen, model), model, style)
    if style is not None:
        windows, heads = [], []
    return hair, scalp_growth(windows, heads, model)


def _lights(estimate: Estimate, seen: Sequence[FaceObservation], model: HeadModel) -> list[Array]:
    """The light (9, 3) of each photo: as fitted, or else what explains the colours of the face."""
    lights = []
    for s, view in zip(seen, estimate.views, strict=True):
        light = view.light
        if light is None:
            shown = TextureView(
                s.photo.pixels, in_view(estimate, view, model), view.camera, None, s.segmentation
            )
            light = with_appearance(shown, None, model)[0].light
            assert light is not None
        lights.append(light)
    return lights


@dataclass(frozen=True, eq=False)
class PhotoColours:
    """Colours of a head of any model, as photographed.

    Attributes:
        texture: in the model's layout; None where it has none.
        vertices: (V, 3) uint8 sRGB of its vertices.
        coverage: share of the face's front, by vertices, that the photos show.
    """

    texture: Texture | None
    vertices: U8
    coverage: float


def photo_colours_of(
    estimate: Estimate, seen: Sequence[FaceObservation], model: FaceModel, size: int, main: int
) -> PhotoColours:
    """The colours of a head of any model from all of its views.

    Args:
        estimate: the head.
        seen: what networks saw in each photo, photos included.
        model: the head model of the estimate.
        size: texels of a side of the texture.
        main: number of the view whose exposure the colours have.
    """
    person = estimate.person
    order = [main, *(v for v in range(len(seen)) if v != main)]
    surfaces = []
    for v in order:
        vertices = np.float32(person.scale) * model.shape(person.identity, estimate.views[v].expression)
        surface = photo_surface(seen[v].photo.pixels, estimate.views[v].camera, vertices, model.triangles)
        parts = seen[v].segmentation
        if parts is not None:  # hair, hats, clothes and what is beside the head are not of its surface
            hidden = parts.at(surface.view.project(vertices), *HIDING)
            surface = replace(surface, seen=surface.seen * (1 - hidden).astype(np.float32))
        surfaces.append(surface)
    whole = merged(surfaces)
    front = vertex_normals(model.neutral(person.identity), model.triangles)[:, 2] > _FRONT
    if "skin" in model.parts:  # of mouths and eyes the most is hidden
        skin = np.zeros(len(front), bool)
        skin[model.triangles[slice(*model.parts["skin"])]] = True
        front &= skin
    coverage = float(whole.seen[front].mean()) if front.any() else 0.0
    texture = None
    if model.uv is not None and model.triangles_uv is not None:
        pixels, observed, number = bake(whole, model.uv, model.triangles_uv, size)
        source = np.where(number < 0, COMPLETED, np.array(order)[number]).astype(np.uint8)
        texture = Texture(pixels, observed, source, coverage)
    colours = np.round(np.clip(whole.colours, 0, 1) * 255).astype(np.uint8)
    return PhotoColours(texture, colours, coverage)
