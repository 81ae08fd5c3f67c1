"""Settings of the fit to colours (`headshot.fitting.photometric`)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PhotometricSettings:
    """How much the fit believes the colours.

    Attributes:
        widths: widths of the face in working pixels, coarse to fine.
        steps: Gauss-Newton steps at each width.
        every: of the points on the skin each so many-th is compared, at each width: small pictures tell
            neighbours apart no better.
        information: how many independent measurements all points of a face in full view count as at the
            last width; at smaller widths in proportion fewer.
        small: width of the face in pixels below which it tells less, with the square of the width.
        slack: how much larger the errors of landmarks are taken to be than for landmarks alone, where they
            count as independent: what they have in common is told apart by the colours.
        fields: relative standard deviation of smooth errors of brightness (`headshot.fitting.reflectance`).
        outlier: residuals beyond about this many standard deviations lose their influence.
        least_noise: standard deviation that colours have at least, in sRGB (0 to 1).

    Raises:
        ValueError: not as many steps, or shares of points, as widths.
    """

    widths: tuple[int, ...] = (48, 130)
    steps: tuple[int, ...] = (2, 4)
    every: tuple[int, ...] = (3, 1)
    information: float = 600.0
    small: float = 80.0
    slack: float = 1.5
    fields: float = 0.12
    outlier: float = 2.0
    least_noise: float = 0.02

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.steps) == len(self.every) > 0:
            raise ValueError(
                "widths, steps and every must be of one length, one value for each width; "
                f"got {self.widths}, {self.steps}, {self.every}"
            )
