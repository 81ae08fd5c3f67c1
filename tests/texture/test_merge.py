"""Textures from several photos: rendered views of one known texture, in different exposures."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.models.albedo import load_albedo
from headshot.models.head_model import load_head_model
from headshot.render import RenderSettings, render, view_camera
from headshot.texture import PersonAlbedo, TextureSettings, TextureView, make_texture
from headshot.texture.atlas import atlas_of
from headshot.texture.layout import layout_of
from headshot.texture.make import COMPLETED, layers_of
from headshot.texture.merge import merge
from headshot.texture.surface import surface_of

MODEL = load_head_model("high")
SIZE = 512
SETTINGS = TextureSettings(SIZE, grain=0)
UNLIT = RenderSettings(lighting=0.0, supersample=3)
YAWS = (0.0, 60.0, -60.0)
GAINS = np.array([[1.0, 1.0, 1.0], [0.75, 0.7, 0.6], [0.6, 0.65, 0.75]])


def _truth() -> np.ndarray:
    """Skin (T, T, 3) with smooth variation and fine marks, and a darker patch on each cheek."""
    y, x = (np.mgrid[:SIZE, :SIZE] + 0.5) / SIZE
    shade = 1 + 0.05 * np.sin(9 * x + 4 * y) + 0.04 * np.sin(70 * x) * np.sin(60 * y)
    for cx in (0.16, 0.84):
        shade -= 0.15 * np.exp(-(((x - cx) / 0.03) ** 2 + ((y - 0.5) / 0.03) ** 2))
    return np.clip(np.array([180.0, 140, 118]) * shade[..., None], 0, 255).astype(np.uint8)


TRUTH = _truth()


def _view(yaw: float, gain: np.ndarray | float = 1.0, **more: object) -> TextureView:
    camera = view_camera(MODEL.mean, yaw, 0.0, 480)
    background = np.full((480, 480, 3), 90, np.uint8)
    photo = render(MODEL.mean, MODEL, camera, texture=TRUTH, background=background, settings=UNLIT)
    return TextureView(srgb_bytes(TO_LINEAR[photo] * gain), MODEL.mean, camera, **more)


@pytest.fixture(scope="module")
def views() -> list[TextureView]:
    """Front, and both sides, darker and with another white balance."""
    return [_view(yaw, gain) for yaw, gain in zip(YAWS, GAINS, strict=True)]


def _skin() -> np.ndarray:
    first, last = MODEL.parts["skin"]
    triangle = atlas_of(MODEL, SIZE).triangle
    return (triangle >= first) & (triangle < last)


def _error(found: np.ndarray, where: np.ndarray) -> np.ndarray:
    return np.abs(found[where].astype(float) - TRUTH[where]).mean(axis=1)


def test_gains_of_exposure_and_white_balance_come_back(views: list[TextureView]) -> None:
    layout = layout_of(MODEL, SIZE)
    merged = merge(layout, layers_of(layout, views))
    np.testing.assert_allclose(merged.gains / merged.gains[0], GAINS[0] / GAINS, rtol=0.06)


def test_both_sides_of_a_known_texture_come_back() -> None:
    views = [_view(yaw) for yaw in YAWS]
    merged, front = make_texture(views, MODEL, SETTINGS), make_texture(views[:1], MODEL, SETTINGS)
    seen = _skin() & (merged.observed > 0.9)
    assert seen.sum() > 1.25 * (_skin() & (front.observed > 0.9)).sum()
    error = _error(merged.pixels, seen)
    assert error.mean() < 4 and np.quantile(error, 0.99) < 16
    assert merged.coverage >= front.coverage
    # What only the sides show is as good as what the front shows, and better than its completion.
    only = seen & (front.observed < 0.05)
    assert only.sum() > 1000 and _error(merged.pixels, only).mean() < 6
    assert _error(merged.pixels, only).mean() < 0.95 * _error(front.pixels, only).mean()
    # Low frequencies end as expected at ears and neck; details are those that the sides show.
    fine = [np.diff(t[..., 1].astype(float), axis=1)[only[:, 1:] & only[:, :-1]] for t in (
        TRUTH, merged.pixels, front.pixels)]  # fmt: skip
    assert np.corrcoef(fine[0], fine[1])[0, 1] > 0.5 > 5 * np.corrcoef(fine[0], fine[2])[0, 1]


def test_no_step_where_one_view_ends(views: list[TextureView]) -> None:
    """Along borders of the sources the texture is as smooth as the truth."""
    merged = make_texture(views, MODEL, SETTINGS)
    source, seen = merged.source, _skin() & (merged.observed > 0.9)
    border = (source[:, 1:] != source[:, :-1]) & seen[:, 1:] & seen[:, :-1]
    assert border.sum() > 100
    steps, usual = (
        np.abs(np.diff(t.astype(float), axis=1)).mean(axis=2)[border] for t in (merged.pixels, TRUTH)
    )
    assert steps.mean() < usual.mean() + 2.5 and np.quantile(steps, 0.98) < 16


def test_each_source_sees_its_texels_and_shows_them_best(views: list[TextureView]) -> None:
    merged = make_texture(views, MODEL, SETTINGS)
    alone = [make_texture([view], MODEL, SETTINGS) for view in views]
    assert set(np.unique(merged.source)) == {0, 1, 2, COMPLETED}
    assert (merged.source[merged.observed < 0.5] == COMPLETED).all()
    assert (merged.source[~_skin()] == COMPLETED).all()
    for k, texture in enumerate(alone):
        mine = merged.source == k
        assert mine.sum() > 2000 and texture.observed[mine].min() > 0
    x = MODEL.mean[MODEL.triangles[atlas_of(MODEL, SIZE).triangle], 0].mean(axis=-1)
    # A head that turns to its left shows its right cheek.
    sides = [float(np.median(x[merged.source == k])) for k in (1, 2)]
    assert sides[0] < -30 and sides[1] > 30
    single = alone[0]
    assert (single.source == np.where(single.observed >= 0.5, 0, COMPLETED)).all()


@pytest.mark.parametrize("count", [2, 4])
def test_identical_views_give_the_texture_of_one(count: int) -> None:
    view = _view(20.0)
    one, same = make_texture([view], MODEL, SETTINGS), make_texture([view] * count, MODEL, SETTINGS)
    seen = _skin() & (same.observed > 0.9)
    off = np.abs(one.pixels.astype(int) - same.pixels).max(axis=2)[seen]
    assert np.median(off) <= 3 and np.quantile(off, 0.99) <= 7
    fine = [np.diff(t.pixels[..., 1].astype(float), axis=1)[seen[:, 1:] & seen[:, :-1]] for t in (one, same)]
    assert np.corrcoef(*fine)[0, 1] > 0.88
    # Towards where the view ends, and what is next to it, less is taken from it.
    less = one.observed - same.observed
    assert less.min() > -0.003
    skin = surface_of(MODEL)
    bare = np.zeros(len(MODEL.mean), np.float32)
    bare[skin.vertices] = skin.core
    core = bare[MODEL.triangles[atlas_of(MODEL, SIZE).triangle]].min(axis=-1) > 0.5
    assert np.quantile(less[core], 0.85) < 0.02


def test_a_black_bar_in_one_of_four_views_is_outvoted() -> None:
    degraded = _view(10.0)
    x, y = degraded.camera.project(MODEL.landmarks["ibug68"].on(MODEL.mean, MODEL.triangles)[[29, 46]]).mean(
        axis=0
    )
    degraded.pixels[int(y) - 2 : int(y) + 3, int(x) : int(x) + 40] = 25
    good = [_view(yaw) for yaw in (-12.0, 0.0, 12.0)]
    outvoted = make_texture([degraded, *good], MODEL, SETTINGS)
    alone = make_texture([degraded], MODEL, SETTINGS)
    seen = _skin() & (outvoted.observed > 0.9)
    dark = [int((_error(t.pixels, seen) > 40).sum()) for t in (outvoted, alone)]
    assert dark[0] < 30 < 0.2 * dark[1], dark


TEMPLE = np.array([60.0, -10.0, -10.0])  # mm, of the mean head
_AWAY = np.linalg.norm((MODEL.mean - TEMPLE)[MODEL.triangles].mean(axis=1), axis=1)


def _near_temple(radius: float) -> np.ndarray:
    """Texels (T, T) of skin within ``radius`` mm."""
    return _skin() & (radius > _AWAY)[atlas_of(MODEL, SIZE).triangle]


def _with_hair(yaw: float) -> TextureView:
    """A view with hair, 30 mm wide, at the temple on the subject's left, which its own skin-colour model
    takes for skin."""
    painted = np.where(_near_temple(15)[..., None], (TRUTH * 0.8).astype(np.uint8), TRUTH)
    camera = view_camera(MODEL.mean, yaw, 0.0, 480)
    return TextureView(render(MODEL.mean, MODEL, camera, texture=painted, settings=UNLIT), MODEL.mean, camera)


@pytest.mark.parametrize(("others", "left"), [((-5.0, -30.0), 0.2), ((0.0,), 0.57), ((40.0, 0.0), 0.57)])
def test_hair_at_the_temple_in_one_view_does_not_reach_the_texture(
    others: tuple[float, ...], left: float
) -> None:
    """Whether two other views see skin there, one does, or hardly any."""
    where = _near_temple(14)
    alone = make_texture([_with_hair(-50.0)], MODEL, SETTINGS)
    assert np.median(alone.observed[where]) > 0.9 and _error(alone.pixels, where).mean() > 25
    merged = make_texture([_with_hair(-50.0), *(_view(yaw) for yaw in others)], MODEL, SETTINGS)
    assert _error(merged.pixels, where).mean() < left * _error(alone.pixels, where).mean()


def test_light_from_one_side_of_one_view_is_not_in_the_texture() -> None:
    """A view in hard light from one side among three: the halves of the texture are alike."""
    hard = _view(0.0)
    ramp = np.linspace(0.45, 1.3, 480)[None, :, None]
    hard = TextureView(srgb_bytes(TO_LINEAR[hard.pixels] * ramp), MODEL.mean, hard.camera)
    alone = make_texture([hard], MODEL, SETTINGS)
    merged = make_texture([hard, _view(10.0), _view(-10.0)], MODEL, SETTINGS)
    x = MODEL.mean[MODEL.triangles[atlas_of(MODEL, SIZE).triangle], 0].mean(axis=-1)
    cheeks = [_skin() & (merged.observed > 0.9) & (abs(side * x - 35) < 15) for side in (1, -1)]
    differ = [abs(float(t.pixels[cheeks[0]].mean() - t.pixels[cheeks[1]].mean())) for t in (alone, merged)]
    assert differ[0] > 15 and differ[1] < 5, differ


def test_trust_decides_between_views_alike() -> None:
    first, second = (_view(0.0, weight=w) for w in (0.2, 1.0))
    merged = make_texture([first, second], MODEL, SETTINGS)
    assert (merged.source == 1).sum() > 50 * max((merged.source == 0).sum(), 1)


def test_light_is_taken_out_of_every_view(views: list[TextureView]) -> None:
    model = load_albedo("high")
    albedo = PersonAlbedo(model.colours(), model.occlusion)
    light = model.light_mean.reshape(9, 3)
    lit = [TextureView(v.pixels, v.vertices, v.camera, light * g) for v, g in zip(views, GAINS, strict=True)]
    delit = make_texture(lit, MODEL, TextureSettings(SIZE, grain=0, delit=True), albedo)
    sides = [np.median(TO_LINEAR[delit.pixels[delit.source == k]].mean(axis=1)) for k in (0, 1, 2)]
    assert max(sides) < 1.25 * min(sides)
    # Exposures are brought to the person's albedo.
    cheeks = MODEL.regions["cheeks"] > 0.9
    own = (albedo.colours[cheeks] / albedo.occlusion[cheeks, None]).mean(axis=0)
    # Half of an uncommon tint counts as that of the light.
    np.testing.assert_allclose(np.median(TO_LINEAR[delit.pixels[delit.source == 0]], axis=0), own, rtol=0.2)
    with pytest.raises(ValueError, match="light"):
        make_texture([lit[0], views[1]], MODEL, TextureSettings(SIZE, delit=True), albedo)


def test_says_how_many_views_it_takes() -> None:
    with pytest.raises(ValueError, match="1 to 254 views, got 0"):
        make_texture([], MODEL, SETTINGS)
    with pytest.raises(ValueError, match="weight"):
        _view(0.0, weight=0.0)
