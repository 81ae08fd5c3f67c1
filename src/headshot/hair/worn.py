"""What hair a head wears: a style, how it differs from it, brows, lashes, and their colours.

Small and without pixels: records keep it. `headshot.hair.cards` makes geometry of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, I32, ReadOnly

STEPS = 10.0
"""Offsets are kept in tenths of a millimetre, so that records hold them without loss."""
TEXTURES = ("straight", "wavy", "coily")
FARTHEST = 1000.0  # mm: no hair is moved farther from where its style has it


def linear_colour(name: str, colour: Iterable[float]) -> tuple[float, float, float]:
    """A colour as three numbers of Python.

    Raises:
        ValueError: other than three numbers within 0 to 1.
    """
    values = tuple(float(c) for c in colour)
    if len(values) != 3 or not all(0 <= c <= 1 for c in values):
        raise ValueError(f"{name} must be linear RGB within 0 to 1, got {values}")
    return values[0], values[1], values[2]


@dataclass(frozen=True)
class HairColour:
    """The colour of hair, without the light of a photo.

    Attributes:
        root: linear RGB in [0, 1] at the roots.
        tip: linear RGB in [0, 1] at the tips.
        variation: by how much strands differ in brightness, as a share of it; more where some are grey.

    Raises:
        ValueError: numbers outside of their range.
    """

    root: tuple[float, float, float] = (0.040, 0.024, 0.015)
    tip: tuple[float, float, float] = (0.062, 0.038, 0.023)
    variation: float = 0.15

    def __post_init__(self) -> None:
        for name in ("root", "tip"):
            object.__setattr__(self, name, linear_colour(name, getattr(self, name)))
        if not 0 <= self.variation <= 1:
            raise ValueError(f"variation must be within 0 to 1, got {self.variation}")


@dataclass(frozen=True, eq=False, repr=False)
class Hair(ReadOnly):
    """The hair of a head.

    Attributes:
        style: a name of `headshot.hair.styles.load_styles`; None for a scalp without hair on it.
        colour: of the hair on the scalp.
        offsets: (P, 3) mm added to where `headshot.hair.styles.place` has the style's vertices, rounded to
            tenths; None for none.
        brows: a name of `headshot.hair.brows.load_brows`; None for those painted on the skin alone.
        lashes: a name of `headshot.hair.brows.load_lashes`; None for none.
        face_colour: of brows and lashes; None for that of the roots on the scalp, darker where it is light.
        texture: how strands run, one of `TEXTURES`; None for the style's own way.
        missing: (M,) triangles of the style that are not there, in ascending order: what would hang where
            photos show skin, or a receding hairline; None for none.

    Raises:
        ValueError: an unknown style or texture, or offsets or triangles that do not fit it.
    """

    style: str | None
    colour: HairColour = HairColour()
    offsets: F32 | None = None
    texture: str | None = None
    brows: str | None = None
    lashes: str | None = "eyelashes01"
    face_colour: tuple[float, float, float] | None = None
    missing: I32 | None = None

    def __post_init__(self) -> None:
        # A JSON alone should not wait for what draws.
        from headshot.hair.brows import load_brows, load_lashes
        from headshot.hair.styles import load_styles

        styles = load_styles()
        if self.style is not None and self.style not in styles:
            raise ValueError(f"there is no hair style {self.style!r}: use one of {', '.join(styles)}")
        if self.texture not in (None, *TEXTURES):
            raise ValueError(f"texture of hair must be one of {', '.join(TEXTURES)}, got {self.texture!r}")
        for name, known in (("brows", load_brows()), ("lashes", load_lashes())):
            if getattr(self, name) not in (None, *known):
                raise ValueError(
                    f"there are no {name} {getattr(self, name)!r}: use one of {', '.join(known)}"
                )
        if self.face_colour is not None:
            object.__setattr__(self, "face_colour", linear_colour("face_colour", self.face_colour))
        if self.offsets is not None:
            if self.style is None:
                raise ValueError("offsets are of a style, and there is none")
            offsets, expected = np.asarray(self.offsets), (len(styles[self.style].vertices), 3)
            if offsets.shape != expected or not (np.abs(offsets) <= FARTHEST).all():
                raise ValueError(
                    f"offsets of {self.style} must have shape {expected} and be within {FARTHEST:g} mm, got "
                    f"{offsets.shape}"
                )
            rounded = (np.round(offsets * STEPS) / STEPS).astype(np.float32)
            object.__setattr__(self, "offsets", rounded)
        if self.missing is not None:
            if self.style is None:
                raise ValueError("missing triangles are of a style, and there is none")
            missing, count = np.asarray(self.missing), len(styles[self.style].triangles)
            if (
                missing.ndim != 1
                or (np.diff(missing) <= 0).any()
                or not ((missing >= 0) & (missing < count)).all()
            ):
                raise ValueError(
                    f"missing triangles of {self.style} must be ascending and below {count}, got {missing}"
                )
            object.__setattr__(self, "missing", missing.astype(np.int32))
        super().__post_init__()

    def with_colour(self, colour: HairColour) -> Hair:
        """The same in another colour."""
        return replace(self, colour=colour)
