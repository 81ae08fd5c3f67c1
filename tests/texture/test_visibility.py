"""How well a point is seen: by angle, occlusion and the border; and how well a colour fits."""

from __future__ import annotations

import numpy as np

from headshot.arrays import single
from headshot.image.colour import TO_LINEAR
from headshot.texture.pixel_kernels import CropFrame, bilinear, colour_at, nearest
from headshot.texture.skin_tone import LOG_TABLE
from headshot.texture.visibility import Occlusion, SkinLikelihood, colour_likelihood, visibility

# A crop of 100 x 80 pixels at 0.5 cells a pixel, before which a wall stands 1000 mm away.
FRAME = CropFrame(*(single(v) for v in (2000, 50, 40, 0.5, 100, 80, 5)))
FAR = np.full((40, 50), 50, np.float32)
WALL = Occlusion(np.full((40, 50), 1000, np.float32), FAR, FAR, np.zeros((40, 50, 5), np.float32))


def _seen(
    p: tuple[float, ...], n: tuple[float, ...] = (0, 0, 1), hidden: Occlusion = WALL
) -> tuple[float, ...]:
    return visibility(tuple(np.float32(p)), tuple(np.float32(n)), FRAME, hidden)


def test_a_facing_point_is_seen_where_the_camera_projects_it() -> None:
    x, y, weight = _seen((5, 2, -1000))
    assert (x, y, weight) == (60, 36, 1)


def test_weight_falls_with_the_viewing_angle() -> None:
    weights = []
    for degrees in (0, 50, 65, 75, 86, 100):
        angle = np.radians(degrees)
        weights.append(_seen((0, 0, -1000), (np.sin(angle), 0, np.cos(angle)))[2])
    assert weights[0] == 1 and weights[-2:] == [0, 0]
    assert (np.diff(weights) <= 0).all() and 0 < weights[3] < 0.5


def test_what_is_hidden_or_outside_or_behind_is_not_seen() -> None:
    assert _seen((0, 0, -1010))[2] == 0  # behind the wall
    assert _seen((0, 0, -1000))[2] == 1
    assert _seen((40, 0, -1000))[2] == 0 and _seen((0, 0, 1000))[2] == 0
    assert 0 < _seen((-23.7, 0, -1000))[2] < 1  # two pixels from the border
    near = WALL._replace(margin=np.full((40, 50), 2, np.float32))
    assert 0 < _seen((0, 0, -1000), hidden=near)[2] < 1  # next to an edge


def test_grids_are_read_at_pixels() -> None:
    row, column = np.mgrid[:40, :50].astype(np.float32)
    grid = np.stack([column, row], axis=2)
    assert bilinear(grid, np.float32(30), np.float32(20), FRAME, 0) == 14.5
    assert bilinear(grid, np.float32(30), np.float32(20), FRAME, 1) == 9.5
    assert nearest(column, np.float32(30.5), np.float32(20), FRAME) == 15
    pixels = np.repeat(np.arange(0, 200, 10, dtype=np.uint8)[None, :, None], 8, axis=0).repeat(3, axis=2)
    for cubic in (False, True):
        value = colour_at(pixels, np.float32(7.25), np.float32(4), cubic)
        np.testing.assert_allclose(value, 67.5, atol=1e-3)  # both reproduce straight lines


def test_skin_is_likely_hair_is_not_and_highlights_are() -> None:
    tone = np.array([180, 130, 110])
    expected = tuple(LOG_TABLE[tone])
    skin = SkinLikelihood(LOG_TABLE, np.array([60, -20, 60], np.float32), single(4))

    def likelihood(value: np.ndarray | list[float], selectivity: float = 1.0, beard: float = 0.0) -> float:
        return colour_likelihood(
            tuple(np.float32(value)), expected, np.float32(selectivity), np.float32(beard), skin
        )

    assert likelihood(tone) == 1 and likelihood(tone * 1.25) > 0.8
    assert likelihood([40, 28, 20]) == 0 and likelihood([60, 200, 60]) == 0 and likelihood([5, 5, 5]) == 0
    assert likelihood([40, 28, 20], selectivity=0.0) == 1
    assert likelihood([110, 78, 66], beard=1.0) > likelihood([110, 78, 66])
    assert TO_LINEAR[0] == 0
