"""Light from all around as a few distant lamps, which cast shadows one by one.

Directions are in the **head frame**: x to the subject's left, y up, z out of the face. Colours are linear
light, in units in which irradiance 1 shows a matte white surface white.

Dimension letters: L lamps, H x W picture.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, Array, ReadOnly, all_finite
from headshot.geometry.light import sh_basis
from headshot.geometry.rays.directions import even_directions

LAMPS = 64
"""Into how many lamps light from all around is divided."""
_SKY = 64  # directions that stand for light from all around
# Of the raw harmonics, which `sh_basis` has times the shares of them that a matte surface shows.
_BANDS = np.array([1, *[3 / 2] * 3, *[4] * 5])


@dataclass(frozen=True, eq=False, repr=False)
class Environment(ReadOnly):
    """Distant lamps around a head.

    Attributes:
        directions: (L, 3) unit vectors towards the lamps.
        irradiance: (L, 3) RGB that each brings to a surface that faces it.

    Raises:
        ValueError: shapes do not match, or numbers are negative or not finite.
    """

    directions: F32
    irradiance: F32

    def __post_init__(self) -> None:
        super().__post_init__()
        shape = self.directions.shape
        if len(shape) != 2 or shape[1:] != (3,) or not len(self.directions) or self.irradiance.shape != shape:
            raise ValueError(
                f"directions and irradiance must both have shape (L, 3), got {shape} and "
                f"{self.irradiance.shape}"
            )
        if not all_finite(self.directions) or not all_finite(self.irradiance) or self.irradiance.min() < 0:
            raise ValueError("directions must be finite, irradiance finite and at least 0")
        length = np.linalg.norm(self.directions, axis=1)
        if np.abs(length - 1).max() > 1e-3:
            raise ValueError("directions must have length 1")

    def turned(self, rotation: ArrayLike) -> Environment:
        """The same light, turned about the head: ``rotation`` (3, 3) takes directions to new ones."""
        turned = self.directions @ np.asarray(rotation, np.float32).T
        return Environment(turned / np.linalg.norm(turned, axis=1, keepdims=True), self.irradiance)

    def brighter(self, factor: float) -> Environment:
        """The same light ``factor`` times as strong."""
        return Environment(self.directions, self.irradiance * np.float32(factor))


def lamp(direction: ArrayLike, irradiance: ArrayLike, radius: float, count: int) -> Environment:
    """A round lamp, as ``count`` small ones that share it.

    Args:
        direction: (3,) towards its middle, of any length.
        irradiance: (3,) RGB of all of it on a surface that faces it.
        radius: as seen from the head, degrees: shadows are the softer, the larger.
        count: of small lamps, at least 1.
    """
    z = np.asarray(direction, np.float64)
    z = z / np.linalg.norm(z)
    x = np.cross(z, np.eye(3)[np.abs(z).argmin()])
    x /= np.linalg.norm(x)
    # Evenly over the cap: the golden-angle spiral of `even_directions`, from its pole to the radius.
    n = np.arange(count)
    height = 1 - (1 - np.cos(np.radians(radius))) * (n + 0.5) / count
    around = np.pi * (3 - np.sqrt(5)) * n
    flat = np.sqrt(1 - height**2)[:, None]
    points = flat * (np.cos(around)[:, None] * x + np.sin(around)[:, None] * np.cross(z, x))
    points += height[:, None] * z
    share = np.asarray(irradiance, np.float64) / count
    return Environment(points.astype(np.float32), np.tile(share, (count, 1)).astype(np.float32))


def sky(radiance: Callable[[F32], ArrayLike]) -> Environment:
    """Light from all around.

    Args:
        radiance: of directions (L, 3) the light (L, 3) from there; 1 from everywhere is irradiance 1.
    """
    directions = even_directions(_SKY)
    # Radiance 1 over all directions brings irradiance pi, and white shows irradiance pi as 1.
    share = 4 / _SKY
    values = np.maximum(np.asarray(radiance(directions), np.float64), 0) * share
    return Environment(directions, np.broadcast_to(values, directions.shape).astype(np.float32))


def together(*parts: Environment) -> Environment:
    """All lamps of several environments."""
    return Environment(
        np.concatenate([p.directions for p in parts]), np.concatenate([p.irradiance for p in parts])
    )


def from_harmonics(light: ArrayLike) -> Environment:
    """What a fitted light (9, 3) is as lamps; directions from which it is negative are dark.

    Raises:
        ValueError: another shape.
    """
    gamma = np.asarray(light, np.float64)
    if gamma.shape != (9, 3):
        raise ValueError(f"light must have shape (9, 3), got {gamma.shape}")
    return sky(lambda directions: sh_basis(directions).astype(np.float64) @ (_BANDS[:, None] * gamma))


def from_picture(picture: ArrayLike, count: int = LAMPS) -> Environment:
    """The lamps that an environment picture is made of.

    Regions of equal light, each as a lamp in its middle (Debevec, "A Median Cut Algorithm for Light Probe
    Sampling", SIGGRAPH 2005 posters).

    Args:
        picture: (H, W, 3) linear radiance, equirectangular. Its middle is what the face looks at, its top
            what is above, the right half what is to the subject's left; its ends meet behind the head.
        count: of lamps.

    Raises:
        ValueError: another shape, numbers that are negative or not finite, or no light at all.
    """
    radiance = np.asarray(picture, np.float64)
    if radiance.ndim != 3 or radiance.shape[2] != 3 or not radiance.size:
        raise ValueError(f"an environment picture must have shape (H, W, 3), got {radiance.shape}")
    if not all_finite(radiance) or radiance.min() < 0:
        raise ValueError("an environment picture must be finite and at least 0")
    height, width = radiance.shape[:2]
    polar = np.pi * (np.arange(height) + 0.5) / height
    around = 2 * np.pi * (np.arange(width) + 0.5) / width - np.pi
    solid = (np.pi / height) * (2 * np.pi / width) * np.sin(polar)  # of a pixel of each row
    energy = radiance * (solid / np.pi)[:, None, None]
    power = energy @ [0.2126, 0.7152, 0.0722]
    if not power.sum() > 0:
        raise ValueError("an environment picture must have some light: this one is black")
    regions = [(0, height, 0, width)]
    while len(regions) < count:
        sums = [power[a:b, c:d].sum() if (b - a) * (d - c) > 1 else -1.0 for a, b, c, d in regions]
        largest = int(np.argmax(sums))
        if sums[largest] <= 0:
            break
        regions[largest : largest + 1] = _halves(power, polar, *regions[largest])
    directions, irradiance = [], []
    for a, b, c, d in regions:
        here = power[a:b, c:d]
        total = here.sum()
        if not total > 0:
            continue
        theta, phi = polar[a:b, None], around[None, c:d]
        middle = [
            (here * np.sin(theta) * np.sin(phi)).sum(),
            (here * np.cos(theta)).sum(),
            (here * np.sin(theta) * np.cos(phi)).sum(),
        ]
        length = float(np.linalg.norm(middle))
        if length > 1e-9 * total:
            directions.append(np.divide(middle, length))
            irradiance.append(energy[a:b, c:d].sum(axis=(0, 1)))
    return Environment(np.array(directions, np.float32), np.array(irradiance, np.float32))


def _halves(power: Array, polar: Array, a: int, b: int, c: int, d: int) -> list[tuple[int, int, int, int]]:
    """A region of rows a to b and columns c to d in two of about the same light, across its longer side."""
    here = power[a:b, c:d]
    wide = (d - c) * np.sin(polar[(a + b) // 2]) * 2 * len(power) / power.shape[1]
    if (wide >= b - a and d - c > 1) or b - a == 1:
        sums = here.sum(axis=0).cumsum()
        cut = c + int(np.clip(np.searchsorted(sums, sums[-1] / 2) + 1, 1, d - c - 1))
        return [(a, b, c, cut), (a, b, cut, d)]
    sums = here.sum(axis=1).cumsum()
    cut = a + int(np.clip(np.searchsorted(sums, sums[-1] / 2) + 1, 1, b - a - 1))
    return [(a, cut, c, d), (cut, b, c, d)]


def _studio() -> Environment:
    return together(
        lamp((-0.7, 0.6, 1.0), (0.80, 0.77, 0.74), 18, 32),
        lamp((1.0, 0.1, 0.7), (0.20, 0.21, 0.22), 35, 16),
        lamp((0.6, 0.7, -1.0), (0.45, 0.45, 0.47), 15, 16),
        sky(lambda d: 0.15 + 0.07 * d[:, 1:2]),
    )


def _side() -> Environment:
    return together(lamp((1.0, 0.15, 0.15), (1.15, 1.08, 1.0), 6, 32), sky(lambda d: 0.05 + 0.02 * d[:, 1:2]))


def _top() -> Environment:
    return together(lamp((0.0, 1.0, 0.35), (1.2, 1.17, 1.12), 8, 32), sky(lambda d: 0.07 - 0.04 * d[:, 1:2]))


PRESETS: dict[str, Callable[[], Environment]] = {"studio": _studio, "side": _side, "top": _top}
"""Lights by name; set by eye."""
