"""Which of several photos of a person a head is made of."""

from __future__ import annotations

from headshot.errors import HeadshotError
from headshot.estimate import LeftOut
from headshot.perception.observe import FaceObservation
from headshot.perception.same_person import odd_ones_out

POOR = 0.15
"""Share of the sharpness of the sharpest photo below which another one of the person is left out: that of a
face of some 25 pixels, or blurred by a Gaussian of 1 % of the face (`FaceObservation.sharpness`)."""


def sharp_enough(seen: list[FaceObservation]) -> tuple[list[FaceObservation], list[LeftOut]]:
    """The photos that add something to the sharpest, and those that are too blurred or small to."""
    least = POOR * max(min(s.sharpness, 1.0) for s in seen)
    poor = [
        LeftOut(
            s.photo.name,
            f"the face is blurred or small beside those of the other photos (sharpness {s.sharpness:.2f})",
            s.sharpness,
        )
        for s in seen
        if s.sharpness < least
    ]
    return [s for s in seen if s.sharpness >= least], poor


def of_one_person(seen: list[FaceObservation]) -> tuple[list[FaceObservation], list[LeftOut]]:
    """The photos that show the person whom most of them show, and those that do not.

    Raises:
        HeadshotError: nobody is on more than half of the photos.
    """
    predictions = [s.identity for s in seen if s.identity is not None]
    assert len(predictions) == len(seen)
    check = odd_ones_out(predictions)
    if len(seen) > 1 and check.several_people:
        groups = "; ".join(", ".join(seen[i].photo.name for i in group) for group in check.groups)
        raise HeadshotError(
            f"the photos seem to show {len(check.groups)} people, none of them on more than half ({groups}): "
            "give the photos of one person, or use force (--force) if they are of one"
        )
    strangers = [
        LeftOut(
            seen[i].photo.name,
            f"it seems to show somebody else (probability {check.probability[i]:.2f} of the same person)",
            float(check.probability[i]),
        )
        for i in check.left_out
    ]
    return [seen[i] for i in check.members], strangers
