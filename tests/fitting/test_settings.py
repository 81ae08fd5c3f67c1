"""Settings of fits: what they refuse, and the fast ones."""

from dataclasses import replace

import pytest

from headshot.fitting.settings import FitSettings, PhotometricSettings


def test_one_value_for_each_width():
    assert PhotometricSettings(widths=(80,), steps=(3,), every=(2,)).steps == (3,)
    with pytest.raises(ValueError, match="one value for each width"):
        PhotometricSettings(widths=(80,), steps=(3,))
    with pytest.raises(ValueError, match="one value for each width"):
        PhotometricSettings(widths=(), steps=(), every=())


@pytest.mark.parametrize(
    "name",
    ["noise", "outlier", "expression_noise", "distance", "distance_spread", "focal_spread", "tolerance"],
)
def test_standard_deviations_and_distances_are_positive(name):
    with pytest.raises(ValueError, match=f"{name} must be greater than 0 and finite, got 0.0"):
        FitSettings(**{name: 0.0})
    with pytest.raises(ValueError, match=name):
        FitSettings(**{name: float("nan")})


def test_a_step_at_least_and_shares_within_their_range():
    with pytest.raises(ValueError, match="iterations must be at least 1, got 0"):
        FitSettings(iterations=0)
    for name in ("shrinkage", "shrinkage_colours"):
        assert FitSettings(**{name: 0.0}) != FitSettings(**{name: 1.0})
        for wrong in (-0.1, 1.1, float("nan")):
            with pytest.raises(ValueError, match=f"{name} must be (within 0 to 1|a number)"):
                FitSettings(**{name: wrong})


def test_fast_settings_take_fewer_steps_of_the_same():
    assert FitSettings().fast() == replace(FitSettings(), iterations=4)
    assert FitSettings(iterations=2).fast() == FitSettings(iterations=2)
    assert PhotometricSettings().fast() == PhotometricSettings(steps=(1, 3))
    few = PhotometricSettings(widths=(90,), steps=(1,), every=(2,))
    assert few.fast() == few
