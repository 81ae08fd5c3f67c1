"""The hair that photos show, as a head wears it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headshot.arrays import F32, Array
from headshot.estimate import Estimate, ViewParameters
from headshot.geometry.camera import project_for_raster
from headshot.geometry.raster import interpolate, rasterise
from headshot.hair.cards import light_between
from headshot.hair.colour import SeenHair, finely, hair_colour, hair_pixels
from headshot.hair.fit import FittedHair, both_sides, fit_hair
from headshot.hair.flow import coherence, texture_by
from headshot.hair.styles import load_styles
from headshot.hair.window import GRID, HairWindow, hair_window
from headshot.hair.worn import Hair, HairColour
from headshot.models.head_model import HeadModel
from headshot.perception.observe import FaceObservation
from headshot.perception.segmentation import Segmentation, crop_of, segment_crop

_WIDE = 2.6  # extents of the landmarks: side of a second crop, where hair leaves the first
_BORDER, _LEAVES = (
    4,
    0.1,
)  # pixels beside the crop's border, and the share of hair in them from which it leaves


def windows_of(
    estimate: Estimate, seen: Sequence[FaceObservation], model: HeadModel
) -> tuple[list[HairWindow], list[F32]]:
    """What photos show around a head, and the head (V, 3) mm in each; of those with a segmentation."""
    windows, heads = [], []
    for observation, view in zip(seen, estimate.views, strict=True):
        if observation.segmentation is None:
            continue
        heads.append(in_view(estimate, view, model))
        windows.append(hair_window(_parts(observation), view.camera, heads[-1], model))
    return windows, heads


def in_view(estimate: Estimate, view: ViewParameters, model: HeadModel) -> F32:
    """The head (V, 3) mm as a photo shows it."""
    return np.float32(estimate.person.scale) * model.shape(estimate.person.identity, view.expression)


def hair_in(
    windows: Sequence[HairWindow],
    estimate: Estimate,
    seen: Sequence[FaceObservation],
    lights: Sequence[Array],
    model: HeadModel,
    style: str | None = None,
) -> Hair:
    """The hair of a person in photos.

    Args:
        windows: of `windows_of`.
        estimate: the head.
        seen: what networks saw in each photo, photos included.
        lights: (9, 3) of each photo, head frame.
        model: the bundled head model.
        style: to wear in the photos' colour, whatever they show.
    """
    person = estimate.person
    neutral = np.float32(person.scale) * model.neutral(person.identity)
    photos = [(s, light) for s, light in zip(seen, lights, strict=True) if s.segmentation is not None]
    fine = [finely(s.photo.pixels, window) for (s, _), window in zip(photos, windows, strict=True)]
    whole = [(window.hair > 0.9) & (window.known > 0.5) for window in windows]
    strands = texture_by([coherence(*each) for each in zip(fine, whole, strict=True)])
    fitted = FittedHair(None, False, None, None, None, 0.0)
    if style is None:
        fitted = fit_hair(windows, model, neutral, strands)
    pixels = [
        hair_pixels(cells, window, light, _seen(fitted, window))
        for (_, light), cells, window in zip(photos, fine, windows, strict=True)
    ]
    colour = hair_colour(pixels) or HairColour()
    if fitted.style is None:
        return Hair(style, colour, texture=None if style is None else strands)
    assert fitted.kept is not None
    missing = np.flatnonzero(~fitted.kept).astype(np.int32)
    return Hair(fitted.style, colour, fitted.offsets, strands, missing=missing if len(missing) else None)


def _parts(observation: FaceObservation) -> list[Segmentation]:
    """The segmentation of a photo, and a second one of a wider crop where hair leaves the first."""
    found = observation.segmentation
    assert found is not None
    hair = found.in_crop("hair")
    border = np.concatenate([hair[:_BORDER], hair[-_BORDER:], hair.T[:_BORDER], hair.T[-_BORDER:]])
    if (border > 0.5).mean() < _LEAVES:
        return [found]
    return [found, segment_crop(observation.photo.pixels, crop_of(observation.landmarks.points, _WIDE))]


def _seen(fitted: FittedHair, window: HairWindow) -> SeenHair | None:
    """The fitted hair as a photo would show it; None where it does not stand off the scalp."""
    if fitted.style is None or fitted.vertices is None:
        return None
    style = load_styles()[fitted.style]
    xy, far = project_for_raster(fitted.vertices, window.camera)
    raster = rasterise(xy, far, both_sides(fitted.style), GRID, GRID)
    values = np.stack([style.uv[:, 1], light_between(fitted.vertices)], axis=1)
    found = interpolate(raster, values, both_sides(fitted.style))
    shown = raster.depth < window.depth
    strand, between = np.where(shown, found[..., 0], np.nan), np.where(shown, found[..., 1], 1)
    return SeenHair(np.where(shown, raster.depth, np.inf), strand, between.astype(np.float32))
