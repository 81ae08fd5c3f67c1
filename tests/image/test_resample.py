"""Resampling: known pictures come out as arithmetic says."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from headshot.image.resample import reduced, warp

RNG = np.random.default_rng(0)
PICTURE = RNG.integers(0, 256, (60, 80, 3), dtype=np.uint8)


def ramp(height: int, width: int) -> np.ndarray:
    """Red is x + 0.5 and green is y + 0.5 at pixel centres, rounded."""
    y, x = np.mgrid[:height, :width]
    return np.stack([x, y, np.full(x.shape, 7)], axis=2).astype(np.uint8)


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_reduction_is_the_mean(k: int) -> None:
    h, w = 60 // k, 80 // k
    expected = PICTURE[: h * k, : w * k].reshape(h, k, w, k, 3).mean(axis=(1, 3))
    assert np.abs(reduced(PICTURE, k) - expected).max() <= 0.51


def test_identity_and_whole_shifts_are_exact() -> None:
    shift = np.array([[[1, 0, 5], [0, 1, 9]]])
    np.testing.assert_array_equal(warp(PICTURE, shift, (40, 50))[0], PICTURE[9:49, 5:55])


def test_quarter_turn_is_exact() -> None:
    turn = np.array([[[0, -1, 80], [1, 0, 0]]])  # (u, v) -> (80 - v, u)
    np.testing.assert_array_equal(warp(PICTURE, turn, (80, 60))[0], np.rot90(PICTURE))


@pytest.mark.parametrize("scale", [0.3, 1.0, 1.9, 3.7, 9.0])
def test_linear_pictures_stay_linear(scale: float) -> None:
    """On a ramp every antialiased, rotated sample is the ramp at the pixel's centre."""
    picture = ramp(250, 250)
    a = 0.4
    linear = scale * np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    size = 12
    shift = np.array([125.0, 125.0]) - linear @ np.full(2, size / 2)
    out = warp(picture, np.column_stack([linear, shift])[None], (size, size))[0].astype(float)
    v, u = np.mgrid[:size, :size] + 0.5
    expected = np.stack([u, v], axis=2) @ linear.T + shift - 0.5
    # Half a level for each rounding: of the reduction, where there is one, and of the crop.
    assert np.abs(out[:, :, :2] - expected).max() < 1.05
    assert np.abs(out[:, :, :2] - expected).mean() < 0.55
    assert (out[:, :, 2] == 7).all()


def test_coarse_crops_do_not_alias() -> None:
    """A fine checkerboard turns grey, whatever its phase."""
    board = np.repeat((np.indices((512, 512)).sum(axis=0) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    for scale in (2.0, 3.3, 8.5):
        out = warp(board, [[[scale, 0, 3], [0, scale, 4]]], (40, 40))
        assert abs(float(out.mean()) - 127.5) < 3 and out.std() < 30


def test_outside_is_black_or_the_border() -> None:
    far = np.array([[[1, 0, -500.0], [0, 1, -500.0]]])
    assert (warp(PICTURE, far, (10, 10)) == 0).all()
    assert (warp(PICTURE, far, (10, 10), clamp=True) == PICTURE[0, 0]).all()
    for scale in (4.0, 50.0, 300.0):  # coarser than the picture is large
        beyond = np.array([[[scale, 0, 10_000.0], [0, scale, -3_000.0]]])
        assert (warp(PICTURE, beyond, (5, 5)) == 0).all()


def test_many_crops_at_once_equal_single_ones() -> None:
    picture = RNG.integers(0, 256, (300, 400, 3), dtype=np.uint8)
    maps = np.array(
        [[[s, 0, x], [0, s, y]] for s, x, y in [(0.5, 3, 4), (2.5, 100, 20), (6, -50, 9), (1, 0, 0)]]
    )
    together = warp(picture, maps, (24, 24))
    for one, expected in zip(maps, together, strict=True):
        np.testing.assert_array_equal(warp(picture, one[None], (24, 24))[0], expected)


@pytest.mark.parametrize("writable", [True, False])
def test_crops_of_a_large_photo_copy_none_of_it(writable):
    """Neither of a photo that is read-only, as results are, nor of the part that is reduced."""
    photo = np.zeros((4000, 3000, 3), np.uint8)
    photo.flags.writeable = writable
    maps = [[[8.0, 0.0, 100.0], [0.0, 8.0, 100.0]], [[0.5, 0.0, 900.0], [0.0, 0.5, 900.0]]]
    warp(photo, maps, (64, 64))  # compiles
    tracemalloc.start()
    warp(photo, maps, (64, 64))
    reduced(photo, 10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < photo.nbytes / 20
