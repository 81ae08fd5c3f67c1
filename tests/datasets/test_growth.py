"""Interpupillary distances by age: the tables' values, and no jumps between them."""

import numpy as np
import pytest

from headshot.datasets.growth import interpupillary_distance


def test_children_are_those_of_the_table() -> None:
    assert interpupillary_distance(3, "male") == interpupillary_distance(3, "female", "Black") == (48.7, 3.6)
    assert interpupillary_distance(2.5, "male")[0] == pytest.approx((47.8 + 48.7) / 2)


def test_adults_differ_by_sex_and_race() -> None:
    assert interpupillary_distance(20, "male", "White") == interpupillary_distance(90, "male", "White")
    assert interpupillary_distance(30, "female") == (61.71, 3.62)
    assert interpupillary_distance(30, "female", "Indian") == (61.71, 3.62)


@pytest.mark.parametrize("sex", ["male", "female"])
@pytest.mark.parametrize("race", ["White", "Black", "Asian", None])
def test_it_grows_steadily(sex: str, race: str | None) -> None:
    ages = np.linspace(0, 25, 500)
    means, deviations = np.transpose([interpupillary_distance(age, sex, race) for age in ages])
    assert (np.diff(means) >= 0).all() and np.diff(means).max() < 0.5
    assert ((deviations > 2.8) & (deviations < 4)).all()


def test_impossible_people() -> None:
    with pytest.raises(ValueError, match="age must be 0 or more, got -1"):
        interpupillary_distance(-1, "male")
    with pytest.raises(ValueError, match="got 'man'"):
        interpupillary_distance(5, "man")
