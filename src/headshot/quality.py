"""How far a reconstruction can be trusted, from what was measured on the way."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Quality:
    """What limits a reconstruction.

    Attributes:
        score: 0 (do not use) to 1 (a sharp, frontal, well-fitted portrait). The product of one factor per
            measure below; a rule of thumb for sorting photos, not a probability.
        measures: ``presence`` (the landmark network's probability of a face), ``face_pixels`` (root of the
            area of the landmarks' box), ``yaw`` and ``pitch`` (degrees), ``residual`` (root-mean-square
            landmark misfit, percent of ``face_pixels``), ``inside`` (share of landmarks inside the photo),
            ``coverage`` (share of the facial texture that the photo shows; 1 when no texture was made). With
            the fit to colours also ``explained`` (share of the face's skin whose colours the head explains)
            and ``colour_noise`` (how far those differ from it, in sRGB from 0 to 1), which do not enter the
            score.
        warnings: sentences for the user, empty when nothing is wrong.
    """

    score: float
    measures: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


# measure: (value at which the factor is 1, value at which it reaches 0.5)
_SCALES = {
    "presence": (0.99, 0.6),
    "face_pixels": (200.0, 50.0),
    "yaw": (20.0, 70.0),
    "pitch": (20.0, 50.0),
    "residual": (1.2, 3.5),
    "inside": (1.0, 0.75),
    "coverage": (0.7, 0.3),
}


def assess(measures: dict[str, float], warnings: tuple[str, ...] = ()) -> Quality:
    """Turn measures into a score and warnings (see `Quality`)."""
    if not all(np.isfinite(value) for value in measures.values()):
        raise ValueError(f"measures must be finite, got {measures}")
    score = 1.0
    for name, (full, half) in _SCALES.items():
        value = abs(measures[name])
        short = max(0.0, (value - full) / (half - full))
        score *= float(2.0 ** -(short**2))
    found = list(warnings)
    m = measures
    if m["face_pixels"] < 80:
        found.append(
            f"the face is small ({m['face_pixels']:.0f} pixels): shape and texture are coarse; "
            "use a larger photo, 200 pixels or more across the face"
        )
    if abs(m["yaw"]) > 45:
        found.append(f"the head is turned by {abs(m['yaw']):.0f} degrees: the far side comes from the prior")
    if abs(m["pitch"]) > 35:
        found.append(f"the head is tilted by {abs(m['pitch']):.0f} degrees: proportions are less certain")
    if m["presence"] < 0.6:
        found.append("the landmarks are uncertain: the face may be hidden, blurred or not a face")
    if m["residual"] > 3.0:
        found.append("the head model follows the landmarks badly: check the overlay in the preview")
    if m["inside"] < 0.95:
        found.append("the face is cut off by the border of the photo: the missing part comes from the prior")
    return Quality(score, dict(measures), tuple(found))
