"""Which hair a photo shows: a style, how it lies, and what of it is not there.

    segmentation, head, camera ─► a coarse window for each photo           (window)
                               ─► does hair stand off the scalp, hang, or only colour it?
                               ─► every style compared with it, the likeliest drawn to its outlines   (warp)
                               ─► the best one drawn again, kept off the skin, cut where photos show none
                                                                           (clearance, cut)

Dimension letters: G x G cells of a window, P vertices of a style, F its triangles, V vertices of the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, I32, Mask, ReadOnly
from headshot.geometry.camera import project_for_raster
from headshot.hair.clearance import Reach, lifted, reach_of
from headshot.hair.cut import kept
from headshot.hair.styles import HairStyle, control_points, load_styles, place
from headshot.hair.warp import (
    Target,
    covered_coarsely,
    distances,
    drawn,
    growth_beyond,
    target_of,
    two_sided,
)
from headshot.hair.window import GRID, HairWindow
from headshot.models.head_model import HeadModel, load_head_model
from headshot.ramps import smoothstep

CLEARANCE = 2.5
"""mm that fitted hair keeps from the skin."""
_TRIED = 4  # styles that are drawn to the outline, of all those compared
_FAR = 0.003  # what a millimetre of mean displacement costs against an overlap in [0, 1]
_UNSEEN = 0.05  # what hair costs that the photo does not show, as a share of the head,
_OTHER = 0.03  # what a style costs that is made for other strands than the photo's
_HIDDEN = 0.15  # and what is hidden behind the head and far from it: tails and braids
_LYING = 45.0  # mm over the skin up to which hair lies on the head
_OVER_EARS = (6.0, 16.0)  # mm over the skin from which hair hangs over ears
_STANDS = 4.0  # mm beyond the bare head's outline from which hair is more than a colour of the scalp
_BESIDE = 0.12  # hair beside the head, as a share of the head's cells, from which it hangs or stands
_AROUND, _LEAST_KNOWN = (
    4.0,
    0.2,
)  # cells of 7 mm around the head, and the share of them that counts as known at least
_BALD = 0.2  # share of the scalp that is seen, up to which hair on it is no hair


@dataclass(frozen=True, eq=False, repr=False)
class FittedHair(ReadOnly):
    """Hair that fits photos.

    Attributes:
        style: name; None where hair does not stand off the scalp, or there is none.
        bald: whether the scalp is bare, too.
        vertices: (P, 3) mm, where it lies; None without one.
        offsets: (P, 3) mm, from where `place` has the style; None without one.
        kept: (F,) triangles of it that are there; None without one.
        overlap: intersection over union with the hair of the photos, which its choice went by.
    """

    style: str | None
    bald: bool
    vertices: F32 | None
    offsets: F32 | None
    kept: Mask | None
    overlap: float


def fit_hair(
    windows: Sequence[HairWindow], model: HeadModel, neutral: F32, strands: str | None = None
) -> FittedHair:
    """The hair of one or several photos of a person.

    Args:
        windows: what the photos show.
        model: the bundled head model.
        neutral: (V, 3) the head without expression, mm.
        strands: how they run, one of `headshot.hair.worn.TEXTURES`; None where that is not known.
    """
    targets = [target_of(window) for window in windows]
    if not any(_stands(target) for target in targets):
        covers = [_cover(window) for window in windows]
        return FittedHair(None, bool(np.mean(covers) < _BALD), None, None, None, 0.0)
    affine = _affine(model, neutral)
    found = []
    for style in load_styles().values():
        points = style.vertices @ affine[:3] + affine[3]
        found.append((_fits(style, points, targets, strands), style, points))
    found.sort(key=lambda one: -one[0])
    reach = reach_of(model, neutral)
    best = max(
        (_tried(style, points, targets, reach, strands) for _, style, points in found[:_TRIED]),
        key=lambda one: one[0],
    )[1]
    placed = place(best, model, neutral)
    points = placed
    for target in targets:
        points = drawn(points, both_sides(best.name), target, reach)
    height = heights(best.name)
    points = lifted(points, reach, CLEARANCE, smoothstep(height, *_OVER_EARS).astype(np.float32))
    there = kept(points, best.triangles, height, windows)
    overlap = _overlap(points, two_sided(best.triangles[there]), targets) if there.any() else 0.0
    return FittedHair(best.name, False, points, points - placed, there, overlap)


def _tried(
    style: HairStyle, points: F32, targets: Sequence[Target], reach: Reach, strands: str | None
) -> tuple[float, HairStyle]:
    """How well a style does when it is drawn to the photos."""
    moved = points
    for target in targets:
        moved = drawn(moved, both_sides(style.name), target, reach, quick=True)
    far = float(np.linalg.norm(moved - points, axis=1).mean())
    return _fits(style, moved, targets, strands) - _FAR * far, style


def _fits(style: HairStyle, points: F32, targets: Sequence[Target], strands: str | None) -> float:
    """How well a style (P, 3) mm goes with photos, as it lies: overlap less costs."""
    cost = _HIDDEN * _hidden(style, points, targets) + _OTHER * (strands not in (None, style.strands))
    return _overlap(points, both_sides(style.name), targets) - cost


def _overlap(points: F32, both: I32, targets: Sequence[Target]) -> float:
    """Intersection over union of hair (P, 3) with that of the photos, less what no photo shows."""
    shared, either, unseen, heads = 0.0, 1e-6, 0.0, 1e-6
    for target in targets:
        seen, hair = covered_coarsely(target, points, both), target.hair
        shared += float((np.minimum(seen, hair) * target.known).sum())
        either += float((np.maximum(seen, hair) * target.known).sum())
        unseen += float(seen.sum() - (seen * target.known).sum())
        heads += float(target.head.sum())
    return shared / either - _UNSEEN * unseen / heads


def _hidden(style: HairStyle, points: F32, targets: Sequence[Target]) -> float:
    """Share of a style's hair (P, 3) that hangs behind the head in all photos."""
    hangs = heights(style.name) > _LYING
    for target in targets:
        xy, depth = project_for_raster(points, target.window.camera)
        i, j = (np.clip(np.floor(xy[:, k] / 2), 0, GRID // 2 - 1).astype(int) for k in (0, 1))
        hangs &= depth > target.nearest[j, i]
    return float(hangs.mean())


@lru_cache(maxsize=64)
def heights(name: str) -> F32:
    """(P,) mm over the skin of a style's vertices on the mean head."""
    style, model = load_styles()[name], load_head_model("low")
    height: F32 = np.linalg.norm(style.vertices - style.root.on(model.mean, model.triangles), axis=1)
    return height


@lru_cache(maxsize=64)
def both_sides(name: str) -> I32:
    """Triangles (2 F, 3) of a style, front and back."""
    return two_sided(load_styles()[name].triangles)


def _affine(model: HeadModel, head: F32) -> F32:
    """(4, 3) affine map of the mean head to a head (V, 3), at the control points of hair."""
    control = control_points(model)
    mean = np.concatenate([model.mean[control], np.ones((len(control), 1), np.float32)], axis=1)
    return np.asarray(np.linalg.lstsq(mean, head[control], rcond=None)[0], np.float32)


def _stands(target: Target) -> bool:
    """Whether hair stands off the head or hangs beside it."""
    hair, head = target.hair, target.head
    away = distances(head)
    around = (away < 0) & (away > -_AROUND)
    known = float(target.known[around].mean()) if around.any() else 1.0
    beside = float((hair * (1 - head) * target.known).sum()) / max(float(head.sum()), 1)
    beside /= max(known, _LEAST_KNOWN)  # of a photo that ends at the face, the rest is taken to be alike
    if _cover(target.window) < _BALD and beside < _BESIDE:
        return False
    return beside >= _BESIDE or growth_beyond(away, target) >= _STANDS


def _cover(window: HairWindow) -> float:
    """Share of the scalp that the photo shows which is covered by hair."""
    seen = window.scalp * np.maximum(window.known, window.hat)
    return float((seen * window.hair).sum() / max(float(seen.sum()), 1e-6))
