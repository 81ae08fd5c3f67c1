"""How far a reconstruction can be trusted, from what was measured on the way.

Each measure costs nothing while it is as in good photos, and from there on halves the score for every so
much that it is worse. Where these scales come from, and what a score of 0.5 means, is in
docs/explanation/quality.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from headshot.arrays import ReadOnly


@dataclass(frozen=True, repr=False)
class Quality(ReadOnly):
    """What limits a reconstruction.

    Attributes:
        score: 0 (do not use) to 1 (as good as good portraits). At 0.5 one head in two is of use: its
            landmarks are where they should be and a face-recognition network takes it for the person
            (docs/explanation/quality.md). The product of one factor per measure in `SCALES`.
        measures: by name, as far as they are known.

            Of the fit: ``residual`` (root-mean-square landmark misfit, percent of ``face_pixels``),
            ``disagreement`` (mean distance of the head's inner points from those of the in-house network,
            likewise), ``coverage`` (share of the facial texture that the photo shows; 1 when no texture was
            made), ``photo_texels`` (the side of a texture of which a texel is a pixel of the photo; a larger
            one shows no more); with the fit to colours also ``explained`` (share of the face's skin whose
            colours the head explains) and ``colour_noise`` (how far those differ from it, in sRGB from 0 to
            1).

            Of the pose: ``yaw`` and ``pitch`` (degrees), ``inside`` (share of landmarks inside the photo).

            Of the networks: ``presence`` (the landmark network's probability of a face), ``spread`` (mean
            distance between the landmarks of the photo and of its mirror image, percent of
            ``face_pixels``), ``expected_error`` (what the in-house network expects of its inner points,
            likewise), ``recognition`` (length of the identity network's features, which is small where it
            recognises little), and, of faces that the border does not cut off, ``person`` (how far MTCNN's
            output network takes it for a person's face, from 0 to 1).

            Of the photo: ``face_pixels`` (root of the area of the landmarks' box), ``sharpness`` (1 where
            the face is sharp for its size), ``noise`` (levels), ``brightness`` (levels of what is brightest
            in the face), ``clipped`` (share of the face), ``tones`` (effective number of grey levels),
            ``flat`` (share of neighbouring pixels of one colour), ``blocks`` (1 without those of JPEG).

            Of what covers the face, in shares: ``hidden`` (all of it, by things that are not hair),
            ``hair``, ``hidden_mouth``, ``hidden_nose``, ``hidden_eyes``, ``glasses`` (of the eyes, behind
            dark glasses), ``eyewear`` (of the region around the eyes, behind rims and lenses, clear ones
            too), ``hat`` (of forehead and brows, behind a hat or a scarf).
        warnings: sentences for the user, empty when nothing is wrong.
    """

    score: float
    measures: dict[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scale:
    """What a measure costs.

    Attributes:
        full: up to where it costs nothing.
        half: where it halves the score; beyond, the score halves again for every such step.
        log: whether steps are of the logarithm.
    """

    full: float
    half: float
    log: bool = False

    def halvings(self, value: float) -> float:
        """How many times a value halves the score, at least 0; the sign of values does not count."""
        full, half, x = self.full, self.half, abs(value)
        if self.log:
            full, half, x = (float(np.log(max(v, _LEAST))) for v in (full, half, x))
        return max(0.0, (x - full) / (half - full))


_LEAST = 1e-3  # of measures whose logarithm is taken

SCALES = {
    "face_pixels": Scale(177, 3.18, log=True),
    "sharpness": Scale(0.493, 0.00569, log=True),
    "noise": Scale(2.02, 46.4, log=True),
    "brightness": Scale(109, 6, log=True),
    "clipped": Scale(0.00853, 0.966),
    "flat": Scale(0.156, 1.71),
    "blocks": Scale(1.22, 310, log=True),
    "hidden": Scale(0.00905, 0.966),
    "hair": Scale(0.0272, 0.225),
    "hidden_mouth": Scale(0, 1.76),
    "glasses": Scale(0, 1.17),
    "eyewear": Scale(0.05, 0.92),
    "hat": Scale(0.05, 0.92),
    "yaw": Scale(16.4, 44.7),
    "pitch": Scale(12.6, 35.8),
    "residual": Scale(0.783, 26.3, log=True),
    "disagreement": Scale(0.819, 13.1, log=True),
    "spread": Scale(0.883, 1.04e04, log=True),
    "expected_error": Scale(1.26, 8.3, log=True),
    "recognition": Scale(10.2, 1.77, log=True),
    "inside": Scale(1.0, 0.9),
    "person": Scale(0.95, 0.7),
}
"""What each measure costs (python benchmarks/quality_score.py DATA --calibrate)."""

Measures = Mapping[str, float]

DARK_GLASSES = 0.8
"""Share of the eyes behind dark glasses from which they are called so."""
EYEWEAR, HAT = 0.1, 0.2
"""Limits of ``eyewear`` and ``hat`` (python benchmarks/glasses_and_hats.py DATA)."""


def _small(m: Measures) -> str:
    return (
        f"the face is small ({m['face_pixels']:.0f} pixels): shape and texture are coarse; "
        "use a larger photo, 200 pixels or more across the face"
    )


def _blurred(m: Measures) -> str:
    return (
        f"the face is blurred (sharpness {m['sharpness']:.2f} of 1): shape and texture are coarse; use a "
        "sharper photo"
    )


def _noisy(m: Measures) -> str:
    return (
        f"the photo is noisy (by {m['noise']:.0f} of 255 levels): what is fine in the face is lost; use a "
        "photo taken in better light"
    )


def _dark(m: Measures) -> str:
    return (
        f"the face is very dark (its brightest parts have {m['brightness']:.0f} of 255 levels): colours and "
        "shape are uncertain; use a better exposed photo"
    )


def _overexposed(m: Measures) -> str:
    return (
        f"the face is overexposed ({100 * m['clipped']:.0f} % of it is white): colours and shape are "
        "uncertain there; use a better exposed photo"
    )


def _flat(m: Measures) -> str:
    return (
        f"{100 * m['flat']:.0f} % of the face is of flat colours: the photo is reduced to few colours, "
        "filtered, drawn, or painted over; use it as the camera took it"
    )


def _compressed(m: Measures) -> str:
    return "the photo is strongly compressed (its blocks are visible): use the photo as the camera saved it"


def _turned(m: Measures) -> str:
    return f"the head is turned by {abs(m['yaw']):.0f} degrees: the far side comes from the prior"


def _tilted(m: Measures) -> str:
    return f"the head is tilted by {abs(m['pitch']):.0f} degrees: proportions are less certain"


def _cut(m: Measures) -> str:
    return "the face is cut off by the border of the photo: the missing part comes from the prior"


def _covered(m: Measures) -> str:
    """Which parts are hidden, or how much of the face where it is none of them."""
    parts = [name for name in ("eyes", "nose", "mouth") if m.get(f"hidden_{name}", 0) >= 0.5]
    if not parts:
        share = m.get("hidden", 0) + m.get("hair", 0)
        what = f"{100 * share:.0f} % of the face is"
    elif len(parts) == 1:
        what = f"the {parts[0]} {'are' if parts[0] == 'eyes' else 'is'}"
    else:
        what = f"{', '.join(f'the {name}' for name in parts[:-1])} and the {parts[-1]} are"
    by = "hair" if m.get("hair", 0) > m.get("hidden", 0) else "a hand, a mask or another thing"
    return f"{what} hidden by {by}: what is hidden comes from the prior"


def _glasses(m: Measures) -> str:
    if m.get("glasses", 0) > DARK_GLASSES:
        return "the eyes are behind dark glasses: they come from the prior"
    return (
        "there are glasses before the eyes: their rims are taken for skin, and what they hide comes from the "
        "prior; use a photo without them"
    )


def _hat(m: Measures) -> str:
    return (
        f"a hat or a scarf hides {100 * m['hat']:.0f} % of forehead and brows: what is hidden comes from the "
        "prior; use a photo without it"
    )


def _misfit(m: Measures) -> str:
    return "the head model follows the landmarks badly: check the overlay in the preview"


def _no_person(m: Measures) -> str:
    return (
        "this may be no person's face, but an animal's or a thing's, or one of which little is seen: look at "
        "the preview"
    )


def _uncertain(m: Measures) -> str:
    return (
        "the landmarks are uncertain, because the networks see this face differently: it may be hidden, "
        "blurred, drawn or not a face; check the overlay in the preview"
    )


@dataclass(frozen=True)
class Reason:
    """Something that limits a head.

    Attributes:
        say: its sentence.
        limits: the measures that tell of it, and the values beyond which it is said, whatever the score;
            None where a measure alone is no reason.
        low: the measures that are bad where they are small.
    """

    say: Callable[[Measures], str]
    limits: Mapping[str, float | None]
    low: tuple[str, ...] = ()

    def cost(self, costs: Mapping[str, float]) -> float:
        """Halvings of the score by its measures."""
        return sum(costs.get(name, 0.0) for name in self.limits)

    def holds(self, m: Measures) -> bool:
        """Whether a measure is beyond its limit."""
        return any(
            abs(m[name]) < limit if name in self.low else abs(m[name]) > limit
            for name, limit in self.limits.items()
            if limit is not None and name in m
        )


# Limits: what good photos do not reach (python benchmarks/quality_score.py DATA --calibrate prints it).
REASONS = (
    Reason(_no_person, {"person": 0.95}, ("person",)),
    Reason(_small, {"face_pixels": 80.0}, ("face_pixels",)),
    Reason(_blurred, {"sharpness": 0.12}, ("sharpness",)),
    Reason(_noisy, {"noise": 3.5}),
    Reason(_dark, {"brightness": 60.0}, ("brightness",)),
    Reason(_overexposed, {"clipped": 0.15}),
    Reason(_compressed, {"blocks": 2.0}),
    Reason(_flat, {"flat": 0.5}),
    Reason(_covered, {"hidden": 0.2, "hair": 0.2, "hidden_mouth": 0.5, "hidden_eyes": 0.7}),
    Reason(_glasses, {"glasses": DARK_GLASSES, "eyewear": EYEWEAR}),
    Reason(_hat, {"hat": HAT}),
    Reason(_turned, {"yaw": 45.0}),
    Reason(_tilted, {"pitch": 35.0}),
    Reason(_cut, {"inside": 0.95}, ("inside",)),
    Reason(_misfit, {"residual": 3.0}),
    Reason(
        _uncertain,
        {"presence": 0.6, "spread": 2.5, "disagreement": None, "expected_error": None, "recognition": None},
        ("presence",),
    ),
)
"""What is said; the first that holds comes first."""
LOW = 0.6
"""Score below which the largest reason is said in any case."""


def assess(measures: dict[str, float], warnings: tuple[str, ...] = ()) -> Quality:
    """Turn measures into a score and warnings (see `Quality`).

    Args:
        measures: see `Quality`; those that are not known cost nothing.
        warnings: what is known already.

    Raises:
        ValueError: a measure is not finite.
    """
    if not all(np.isfinite(value) for value in measures.values()):
        raise ValueError(f"measures must be finite, got {measures}")
    costs = {name: scale.halvings(measures[name]) for name, scale in SCALES.items() if name in measures}
    score = float(2.0 ** -sum(costs.values()))
    said = [reason for reason in REASONS if reason.holds(measures)]
    if not said and score < LOW:
        said = [max(REASONS, key=lambda reason: reason.cost(costs))]
    return Quality(score, dict(measures), warnings + tuple(reason.say(measures) for reason in said))
