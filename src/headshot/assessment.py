"""How much to trust a head: what networks, fit and texture say of its main view."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from headshot.arrays import Array
from headshot.estimate import LeftOut
from headshot.fitting.evidence import fit_models
from headshot.fitting.person import FittedPerson, FittedView
from headshot.models.head_model import HeadModel
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.models.topologies.ibug68 import INNER
from headshot.perception.fallback import face_score
from headshot.perception.landmarks.in_house import MARGIN
from headshot.perception.observe import FaceObservation
from headshot.perception.photo_quality import hidden_parts, measure_photo
from headshot.quality import Quality, assess

NOT_CUT_OFF = 0.95
"""Share of the landmarks inside the photo from which the border does not cut off the face."""
SHARP_PIXELS = 128
"""Extent of the landmarks below which a face cannot be sharper than its pixels: it is small, not blurred."""

_SCALP = 0.7
"""Share of the upper half of the scalp inside a photo, below which it says little of the hair."""


def quality_of(
    seen: FaceObservation,
    person: FittedPerson,
    main: int,
    texture: Mapping[str, float],
    left_out: Sequence[LeftOut],
    model: FaceModel,
    method: str | None = None,
) -> Quality:
    """The quality of a head.

    Args:
        seen: what networks saw in the main view.
        person: the fit.
        main: number of the main view in it.
        texture: measures of texture or colours: ``coverage``, and ``photo_texels`` where that is known.
        left_out: photos that the head was not made of.
        model: the head model.
        method: the training run that took the place of the fit, if one did.
    """
    view = person.views[main]
    measures = {
        **_of_fit(seen, view),
        **texture,
        **_of_networks(seen, view, person.identity, model),
        **_of_photo(seen),
    }
    warnings = _warnings(seen, left_out, model, method)
    if _scalp_inside(seen, view, model) < _SCALP:
        warnings += ("the photo ends at the face, so that most of the hair is a guess",)
    return assess(measures, warnings)


def _of_fit(seen: FaceObservation, fit: FittedView) -> dict[str, float]:
    """Measures of the fit and of the pose, with the share of the face that the colours cover."""
    yaw, pitch, _ = fit.camera.angles
    points = seen.landmarks
    misfit = float(np.sqrt((fit.residual[fit.counted] ** 2).sum(axis=1).mean()))
    return {
        "yaw": yaw,
        "pitch": pitch,
        "residual": 100 * misfit / points.extent,
        "inside": _inside(seen),
        **({} if fit.explained is None else {"explained": fit.explained}),
        **({} if fit.colour_noise is None else {"colour_noise": fit.colour_noise}),
    }


def _inside(seen: FaceObservation) -> float:
    """Share of the landmarks inside the photo."""
    points = seen.landmarks.points
    return float(((points >= 0) & (points <= [seen.photo.width, seen.photo.height])).all(axis=1).mean())


def _scalp_inside(seen: FaceObservation, fit: FittedView, model: FaceModel) -> float:
    """Share of the upper half of the scalp, of the bundled model, that lies inside the photo; else 1."""
    if not isinstance(model, HeadModel) or model.id != BUNDLED:
        return 1.0
    scalp = model.mean[model.regions["scalp"] > 0.5]
    pixels = fit.camera.project(scalp[scalp[:, 1] > np.median(scalp[:, 1])])
    size = [seen.photo.width, seen.photo.height]
    return float(((pixels >= 0) & (pixels <= size)).all(axis=1).mean())


def _of_networks(
    seen: FaceObservation, fit: FittedView, identity: Array, model: FaceModel
) -> dict[str, float]:
    """Measures of what networks say, as far as they were run."""
    points = seen.landmarks
    found = {"presence": float(points.presence), "spread": 100 * points.spread}
    prediction = points.prediction or seen.prediction
    if prediction is not None:
        found["expected_error"] = 100 * float(prediction.sigma68[INNER].mean()) / points.extent
        if isinstance(model, HeadModel) and model.id == BUNDLED:
            head = fit.camera.project(fit_models(model).inner.positions(identity, fit.expression))
            off = np.linalg.norm(head - prediction.points68[INNER], axis=1).mean()
            found["disagreement"] = 100 * float(off) / points.extent
    if _inside(seen) >= NOT_CUT_OFF:
        found["person"] = face_score(seen.photo.pixels, points.crop(MARGIN))
    if seen.identity is not None and seen.identity.embedding is not None:
        found["recognition"] = float(np.linalg.norm(seen.identity.embedding))
    return found


def _of_photo(seen: FaceObservation) -> dict[str, float]:
    """Measures of the photo, and of what covers the face where it was segmented."""
    points = seen.landmarks
    shown = measure_photo(seen.photo.pixels, points.points, points.crop(1.0))
    found = {
        "face_pixels": points.extent,
        "sharpness": seen.sharpness * max(1.0, SHARP_PIXELS / points.extent),
        "noise": shown.noise,
        "brightness": shown.brightness,
        "clipped": shown.clipped,
        "tones": shown.tones,
        "flat": shown.flat,
        "blocks": shown.blocks,
    }
    if seen.segmentation is not None:
        parts = hidden_parts(seen.photo.pixels, points.points, seen.segmentation)
        found |= {
            "hidden": parts.face,
            "hair": parts.hair,
            "hidden_mouth": parts.mouth,
            "hidden_nose": parts.nose,
            "hidden_eyes": parts.eyes,
            "glasses": parts.glasses,
            "eyewear": parts.eyewear,
            "hat": parts.hat,
        }
    return found


def _warnings(
    seen: FaceObservation, left_out: Sequence[LeftOut], model: FaceModel, method: str | None
) -> tuple[str, ...]:
    """What is known to limit a head before it is measured: sentences for the user."""
    found = [f"{out.name} was left out: {out.reason}" for out in left_out]
    if method is not None:
        found.append(f"shape and pose are those of {method}, not of the fit")
    elif model.id != BUNDLED:
        found.append(
            f"{model.id} was fitted to landmarks alone: the prior from face recognition, the errors of "
            "landmarks, the albedo and the completed texture are of the bundled model only"
        )
    if seen.photo.reduced > 1:
        found.insert(0, f"the photo is very large and was read at 1/{seen.photo.reduced} of its size")
    return tuple(found)
