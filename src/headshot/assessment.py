"""How much to trust a head: what networks, fit and texture say of its main view."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from headshot.estimate import LeftOut
from headshot.fitting.person import FittedView
from headshot.models.protocol import BUNDLED, FaceModel
from headshot.perception.observe import FaceObservation
from headshot.quality import Quality, assess


def quality_of(
    seen: FaceObservation,
    fit: FittedView,
    coverage: float,
    left_out: Sequence[LeftOut],
    model: FaceModel,
) -> Quality:
    """The quality of a head.

    Args:
        seen: what networks saw in the main view.
        fit: the main view.
        coverage: share of the face that texture or colours cover; 1 without them.
        left_out: photos that the head was not made of.
        model: the head model.
    """
    return assess(_measures(seen, fit, coverage), _warnings(seen, left_out, model))


def _measures(seen: FaceObservation, fit: FittedView, coverage: float) -> dict[str, float]:
    """The measures of `Quality` for the main view, with the share of the face that the colours cover."""
    yaw, pitch, _ = fit.camera.angles
    photo, points = seen.photo, seen.landmarks
    misfit = float(np.sqrt((fit.residual[fit.counted] ** 2).sum(axis=1).mean()))
    inside = (points.points >= 0) & (points.points <= [photo.width, photo.height])
    return {
        "presence": float(points.presence),
        "face_pixels": points.extent,
        "yaw": yaw,
        "pitch": pitch,
        "residual": 100 * misfit / points.extent,
        "inside": float(inside.all(axis=1).mean()),
        "coverage": coverage,
        **({} if fit.explained is None else {"explained": fit.explained}),
        **({} if fit.colour_noise is None else {"colour_noise": fit.colour_noise}),
    }


def _warnings(seen: FaceObservation, left_out: Sequence[LeftOut], model: FaceModel) -> tuple[str, ...]:
    """What is known to limit a head before it is measured: sentences for the user."""
    found = [f"{out.name} was left out: {out.reason}" for out in left_out]
    if model.id != BUNDLED:
        found.append(
            f"{model.id} was fitted to landmarks alone: the prior from face recognition, the errors of "
            "landmarks, the albedo and the completed texture are of the bundled model only"
        )
    if seen.photo.reduced > 1:
        found.insert(0, f"the photo is very large and was read at 1/{seen.photo.reduced} of its size")
    return tuple(found)
