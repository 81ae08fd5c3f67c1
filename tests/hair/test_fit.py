"""Hair fitted to photos: which style, drawn to its outline, kept off the skin, cut where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from headshot.arrays import F32
from headshot.geometry.camera import project_for_raster
from headshot.hair.clearance import lifted, reach_of
from headshot.hair.cut import kept
from headshot.hair.fit import CLEARANCE, fit_hair, heights
from headshot.hair.styles import HairStyle, load_styles, place
from headshot.hair.warp import covered, two_sided
from headshot.hair.window import GRID, SKULL, HairWindow
from headshot.models.head_model import HeadModel, load_head_model


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("low")


@pytest.fixture(scope="module")
def head(model: HeadModel) -> F32:
    return model.neutral(0.7 * np.random.default_rng(1).normal(size=len(model.identity)))


def fuller(points: F32, by: float) -> F32:
    return ((points - SKULL) * np.float32(by) + SKULL).astype(np.float32)


Windows = Callable[..., HairWindow]


def overlap(window: HairWindow, points: F32, style: HairStyle, there: np.ndarray | None = None) -> float:
    triangles = style.triangles if there is None else style.triangles[there]
    seen, hair = covered(window, points, two_sided(triangles)) > 0.5, window.hair > 0.5
    return float((seen & hair).sum() / (seen | hair).sum())


@pytest.mark.parametrize(
    ("name", "by", "yaw"), [("short01", 1.15, 0), ("bob01", 1.12, 25), ("afro01", 1.2, -40)]
)
def test_hair_is_drawn_to_the_outline(
    window_of: Windows, model: HeadModel, head: F32, name: str, by: float, yaw: float
) -> None:
    style = load_styles()[name]
    window = window_of(head, model, fuller(place(style, model, head), by), style.triangles, yaw)
    found = fit_hair([window], model, head)
    assert found.style is not None and found.offsets is not None and found.kept is not None
    chosen = load_styles()[found.style]
    placed = place(chosen, model, head)
    after = overlap(window, placed + found.offsets, chosen, found.kept)
    assert after > 0.85
    assert after > overlap(window, placed, chosen) + 0.05
    assert np.linalg.norm(found.offsets, axis=1).max() < 150


def test_fitted_hair_keeps_off_the_skin(window_of: Windows, model: HeadModel, head: F32) -> None:
    style = load_styles()["short02"]
    tight = fuller(place(style, model, head), 0.85)  # an outline within the head
    window = window_of(head, model, fuller(place(style, model, head), 1.1), style.triangles)
    window = replace(window, hair=np.roll(window.hair, 4, axis=0))
    found = fit_hair([window], model, head)
    assert found.style is not None and found.offsets is not None
    points = place(load_styles()[found.style], model, head) + found.offsets
    reach = reach_of(model, head)
    for some in (points, lifted(tight, reach, CLEARANCE, np.zeros(len(tight), np.float32))):
        _, far, skull, _ = reach.over(some)
        assert (far - skull)[skull > 0].min() > CLEARANCE - 0.6
    assert (reach.over(tight)[1] < reach.over(tight)[2]).any()


def test_the_reach_is_that_of_the_skin(model: HeadModel, head: F32) -> None:
    skin = np.unique(model.triangles[slice(*model.parts["skin"])])
    skin = skin[(model.regions["scalp"][skin] > 0.5) & (model.regions["ears"][skin] == 0)]
    _, far, skull, _ = reach_of(model, head).over(head[skin])
    assert np.abs(far - skull).mean() < 1.5


def test_bald_and_cropped_heads_wear_nothing(window_of: Windows, model: HeadModel, head: F32) -> None:
    bald = fit_hair([window_of(head, model, None, None)], model, head)
    assert bald.style is None and bald.bald
    window = window_of(head, model, None, None)
    cropped = replace(
        window, hair=(window.scalp > 0.5).astype(np.float32), skin=window.skin * (window.scalp < 0.5)
    )
    found = fit_hair([cropped], model, head)
    assert found.style is None and not found.bald


def test_hair_is_cut_where_the_photo_shows_skin(window_of: Windows, model: HeadModel, head: F32) -> None:
    """A forehead that is bare up to the crown."""
    style = load_styles()["short01"]
    points = place(style, model, head)
    window = window_of(head, model, points, style.triangles)
    crown = window.camera.project(np.array([0.0, 95.0, 0.0]))
    x, y = np.meshgrid(np.arange(GRID), np.arange(GRID))
    bare = (np.abs(x - crown[0]) < 9) & (y > crown[1]) & np.isfinite(window.depth)
    receding = replace(
        window, hair=np.where(bare, 0, window.hair), skin=np.where(bare, 1, window.skin).astype(np.float32)
    )
    there = kept(points, style.triangles, heights(style.name), [receding])
    before = covered(window, points, two_sided(style.triangles))
    after = covered(window, points, two_sided(style.triangles[there]))
    gone = bare & (before > 0)
    assert gone.sum() > 50 and after[gone].mean() < 0.55
    assert after[(before > 0) & ~bare].mean() > 0.93
    # Hair behind the head is not cut.
    centres = points[style.triangles].mean(axis=1)
    assert there[centres[:, 2] < -120].all()


def test_all_photos_count(window_of: Windows, model: HeadModel, head: F32) -> None:
    """From the front a bob is as wide as long hair behind the shoulders would be; from the side it ends."""
    style = load_styles()["bob01"]
    points = fuller(place(style, model, head), 1.1)
    windows = [window_of(head, model, points, style.triangles, yaw) for yaw in (0, 60)]
    found = fit_hair(windows, model, head)
    assert found.style is not None and found.offsets is not None
    chosen = load_styles()[found.style]
    drawn = place(chosen, model, head) + found.offsets
    assert min(overlap(window, drawn, chosen, found.kept) for window in windows) > 0.75


def test_the_window_is_where_the_camera_sees_it(window_of: Windows, model: HeadModel, head: F32) -> None:
    window = window_of(head, model, None, None, 20)
    top = head[head[:, 1].argmax()][None]
    xy, depth = project_for_raster(top, window.camera)
    cell = np.floor(xy[0]).astype(int)
    assert np.isfinite(window.depth[cell[1] + 1, cell[0]])
    assert np.isinf(window.depth[max(cell[1] - 3, 0), cell[0]])
    assert window.scalp[cell[1] + 2, cell[0]] > 0.9
    assert abs(window.depth[cell[1] + 2, cell[0]] - depth[0]) < 60
