"""More hair styles, made of MakeHuman's: mirrored, shorter, longer, fuller, fringed, receding, shorn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from clothes import Clothes
from strips import pieces_of

AXIS = np.array([0.0, 20.0, -85.0])  # mm: the middle of the mean head's skull


@dataclass(frozen=True)
class Style:
    """A style on the mean head before it is tied to it.

    Attributes:
        clothes: triangles and texture coordinates.
        vertices: (P, 3) mm.
        skin: (P, 3) mm, the nearest points of the skin.
        strands: how its strands run by themselves: straight, wavy or coily.
    """

    clothes: Clothes
    vertices: np.ndarray
    skin: np.ndarray
    strands: str = "straight"


Step = Callable[[Style], Style]
Recipe = tuple[tuple[str, tuple[Step, ...]], ...]
"""Styles that one is made of, each with what is done to it."""


def mirrored() -> Step:
    """Left and right changed."""

    def step(style: Style) -> Style:
        turned = replace(
            style.clothes,
            triangles=style.clothes.triangles[:, [0, 2, 1]],
            triangles_uv=style.clothes.triangles_uv[:, [0, 2, 1]],
        )
        flip = [-1, 1, 1]
        return replace(style, clothes=turned, vertices=style.vertices * flip, skin=style.skin * flip)

    return step


def length(share: float, below: float) -> Step:
    """What hangs lower than ``below`` (y, mm) is so many times as long."""

    def step(style: Style) -> Style:
        moved = style.vertices.copy()
        low = moved[:, 1] < below
        moved[low, 1] = below + (moved[low, 1] - below) * share
        # Longer hair also hangs farther out, shorter hair less.
        middle = np.array([0, AXIS[2]])
        grown = 1 + 0.12 * (share - 1) * np.clip((below - moved[low, 1]) / 150, 0, 1)
        moved[np.ix_(low, [0, 2])] = middle + (moved[np.ix_(low, [0, 2])] - middle) * grown[:, None]
        return replace(style, vertices=moved)

    return step


def cut(height: Callable[[np.ndarray], np.ndarray], above: bool) -> Step:
    """What lies above (below) a height (P,) mm of vertices (P, 3) goes; triangles across it end there."""

    def step(style: Style) -> Style:
        over = style.vertices[:, 1] - height(style.vertices)
        gone = over > 0 if above else over < 0
        kept = ~gone[style.clothes.triangles].all(1)
        moved = style.vertices.copy()
        moved[gone, 1] -= over[gone]
        return replace(style, clothes=_some(style.clothes, kept), vertices=moved)

    return step


def level(y: float) -> Callable[[np.ndarray], np.ndarray]:
    """The same height everywhere."""
    return lambda points: np.full(len(points), y)


def volume(share: float, top: float | None = None, front: float | None = None) -> Step:
    """Heights over the skin are so many times as large; other factors on the top and at the front of it."""

    def step(style: Style) -> Style:
        away = style.vertices - style.skin
        up = _ramp(style.vertices[:, 1], 40, 100)
        ahead = up * _ramp(style.vertices[:, 2], -90, -20)
        factor = share + ((top if top is not None else share) - share) * up
        factor = factor + ((front if front is not None else share) - share) * ahead
        hanging = 1 - _ramp(-style.vertices[:, 1], 90, 160)
        factor = 1 + (factor - 1) * hanging
        return replace(style, vertices=style.skin + away * factor[:, None])

    return step


def receding(degrees: float, temples: float = 0.0) -> Step:
    """The hairline lies so many degrees farther back, at the temples some more."""

    def step(style: Style) -> Style:
        turned = style.vertices - AXIS
        forward = np.arctan2(turned[:, 2], np.maximum(turned[:, 1], 1e-3))
        weight = _ramp(forward, 0.0, np.radians(60)) * _ramp(turned[:, 1], -45, 10)
        aside = np.exp(-(((np.abs(style.vertices[:, 0]) - 45) / 20) ** 2))
        angle = np.radians(degrees + temples * aside) * weight
        y, z = turned[:, 1].copy(), turned[:, 2].copy()
        turned[:, 1] = y * np.cos(angle) + z * np.sin(angle)
        turned[:, 2] = z * np.cos(angle) - y * np.sin(angle)
        return replace(style, vertices=turned + AXIS)

    return step


def only(keep: Callable[[np.ndarray], np.ndarray]) -> Step:
    """Those triangles whose centres (F, 3) are kept."""

    def step(style: Style) -> Style:
        kept = keep(style.vertices[style.clothes.triangles].mean(1))
        return replace(style, clothes=_some(style.clothes, kept))

    return step


def pieces(least: int) -> Step:
    """Those pieces that have so many triangles at least."""

    def step(style: Style) -> Style:
        triangles = style.clothes.triangles
        piece = pieces_of(triangles, len(style.vertices))[triangles[:, 0]]
        return replace(style, clothes=_some(style.clothes, np.bincount(piece)[piece] >= least))

    return step


def strands(kind: str) -> Step:
    """Strands run so."""
    return lambda style: replace(style, strands=kind)


def _some(clothes: Clothes, kept: np.ndarray) -> Clothes:
    return replace(clothes, triangles=clothes.triangles[kept], triangles_uv=clothes.triangles_uv[kept])


def joined(a: Style, b: Style) -> Style:
    """Both at once."""
    clothes = replace(
        a.clothes,
        uv=np.concatenate([a.clothes.uv, b.clothes.uv]),
        triangles=np.concatenate([a.clothes.triangles, b.clothes.triangles + len(a.vertices)]),
        triangles_uv=np.concatenate([a.clothes.triangles_uv, b.clothes.triangles_uv + len(a.clothes.uv)]),
    )
    both = (np.concatenate(pair) for pair in ((a.vertices, b.vertices), (a.skin, b.skin)))
    return Style(clothes, *both, a.strands)


def derived(given: dict[str, Style], recipe: Recipe) -> Style:
    """The style of a recipe."""
    made = []
    for name, steps in recipe:
        style = given[name]
        for step in steps:
            style = step(style)
        made.append(style)
    return made[0] if len(made) == 1 else joined(*made)


def _ramp(x: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def _fringe(centre: np.ndarray) -> np.ndarray:
    return (centre[:, 2] > -30) & (centre[:, 1] > 15) & (np.abs(centre[:, 0]) < 60)


def _ring(points: np.ndarray) -> np.ndarray:
    """Where the hair begins that is left when the top of a head is bald."""
    return 46 + 0.3 * np.clip(-100 - points[:, 2], 0, 60)


RECIPES: dict[str, Recipe] = {
    "afro01": (("afro01", (strands("coily"),)),),
    "afro_large": (("afro01", (volume(2.0, top=2.4), strands("coily"))),),
    "afro_small": (("afro01", (volume(0.45), strands("coily"))),),
    "bob01_mirrored": (("bob01", (mirrored(),)),),
    "bob02_mirrored": (("bob02", (mirrored(),)),),
    "bob_curly": (("bob02", (volume(1.5, top=1.25), strands("wavy"))),),
    "bob_fringe": (
        ("long01", (cut(level(-105), above=False),)),
        ("short02", (only(_fringe), volume(0.6))),
    ),
    "bob_long": (("bob02", (length(2.2, -60),)),),
    "braid01_mirrored": (("braid01", (mirrored(),)),),
    "buzz": (("short01", (pieces(1000), volume(0.0), strands("coily"))),),
    "buzz_receding": (("short01", (pieces(1000), volume(0.0), receding(16, 14), strands("coily"))),),
    "coily_long": (("bob02", (volume(1.5, top=1.3), strands("coily"))),),
    "crop": (("short02", (volume(0.45),)),),
    "high_forehead": (("short02", (volume(0.75), receding(22, 6))),),
    "horseshoe": (("short01", (pieces(1000), volume(0.6), cut(_ring, above=True))),),
    "long_chest": (("long01", (cut(level(-290), above=False),)),),
    "long_fringe": (
        ("long01", (cut(level(-330), above=False),)),
        ("short02", (only(_fringe), volume(0.6))),
    ),
    "long_shoulder": (("long01", (cut(level(-170), above=False),)),),
    "long_wavy": (("long01", (cut(level(-230), above=False), volume(1.35, top=1.2), strands("wavy"))),),
    "ponytail_short": (("ponytail01", (length(0.35, 20),)),),
    "quiff": (("short02", (volume(0.7, top=1.0, front=2.1), receding(16))),),
    "receding": (("short04", (receding(12, 20),)),),
    "short03_mirrored": (("short03", (mirrored(),)),),
    "short03_swept": (("short03", (receding(20), volume(0.9))),),
    "short_tousled": (("short01", (volume(1.9, top=2.1), strands("wavy"))),),
}
