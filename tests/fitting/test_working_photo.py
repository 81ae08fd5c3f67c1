"""The working picture: right place, right derivatives, nothing from outside of the photo."""

import numpy as np
import pytest

from headshot.fitting.working_photo import PixelWeights, working_photo
from headshot.image.colour import TO_LINEAR


def ramp(width=200, height=160):
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    grey = np.clip(60 + 0.5 * x + 0.3 * y, 0, 240)
    return np.repeat(np.round(grey)[..., None], 3, axis=2).astype(np.uint8), x, y


@pytest.mark.parametrize("scale", [1.0, 0.4])
def test_colours_and_derivatives_are_those_of_the_photo(scale):
    pixels, _, _ = ramp()
    photo = working_photo(pixels, (100, 80), 100, scale)
    points = np.random.default_rng(0).uniform(65, 115, (50, 2))
    colour, slopes, weight, _ = photo.at(points)
    grey = 60 + points @ [0.5, 0.3]
    expected = np.interp(grey, np.arange(256), TO_LINEAR)
    assert colour[:, 1] == pytest.approx(expected, abs=0.004)
    steepness = np.gradient(TO_LINEAR)[np.round(grey).astype(int)]
    assert slopes[:, 0] == pytest.approx(steepness[:, None] * [0.5, 0.3], rel=0.25, abs=2e-4)
    assert (weight == 1).all()


def test_slope_turns_small_differences_into_those_of_srgb():
    pixels, _, _ = ramp()
    points = np.random.default_rng(1).uniform(65, 115, (20, 2))
    one = working_photo(pixels, (100, 80), 100, 1.0).at(points)
    two = working_photo(pixels + np.uint8(2), (100, 80), 100, 1.0).at(points)
    assert ((two[0] - one[0]) * one[3][:, None]).mean() * 255 == pytest.approx(2, rel=0.05)


def test_outside_of_the_photo_and_borders_count_for_nothing():
    pixels, _, _ = ramp()
    pixels[:, :20] = 0  # the border of a rotated photo
    pixels[:, 150:] = 255  # clipped
    photo = working_photo(pixels, (100, 80), 300, 0.5)
    _, _, weight, _ = photo.at([[10, 80], [170, 80], [-20, 80], [100, -10], [1000, 1000], [80, 80]])
    assert weight.tolist() == [0, 0, 0, 0, 0, 1]


def test_the_weight_of_pixels_is_kept():
    pixels, _, _ = ramp()
    weight = np.ones((160, 200), np.float32)
    weight[:80] = 0
    photo = working_photo(pixels, (100, 80), 100, 0.5, PixelWeights(weight, np.eye(2, 3)))
    assert photo.at([[100, 60], [100, 100]])[2] == pytest.approx([0, 1])


def test_weights_on_a_grid_of_their_own_are_those_of_the_photo():
    """A grid four times coarser, moved by (20, 8): its pixel (i, j) covers the photo's 20 + 4 i and so on."""
    pixels, _, _ = ramp()
    weight = np.zeros((160, 200), np.float32)
    weight[8:148, 20:180] = np.kron(np.random.default_rng(3).random((35, 40)), np.ones((4, 4)))
    coarse = PixelWeights(weight[10:148:4, 22:180:4], np.array([[4.0, 0.0, 20.0], [0.0, 4.0, 8.0]]))
    fine = PixelWeights(weight, np.eye(2, 3))
    one, other = (working_photo(pixels, (100, 80), 120, 0.25, w).values[..., 9] for w in (coarse, fine))
    assert one == pytest.approx(other, abs=0.02)
    assert one.std() > 0.05


def test_weights_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"shape \(h, w\)"):
        PixelWeights(np.ones((3, 3, 3), np.float32), np.eye(2, 3))
    with pytest.raises(ValueError, match=r"map \(2, 3\)"):
        PixelWeights(np.ones((3, 3), np.float32), np.eye(3))
