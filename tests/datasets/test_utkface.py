"""UTKFace: groups from names, and more photos of rare ages."""

from __future__ import annotations

import numpy as np

from headshot.datasets.utkface import groups_of, more_of_rare_ages, with_border
from headshot.image.photo import Photo


def test_groups_of_utkface() -> None:
    assert groups_of("a/24_1_2_20170109.jpg") == {"sex": "female", "race": "Asian", "age": "13-29"}
    assert groups_of("75_0_0_2017.jpg")["age"] == "60+"
    assert groups_of("astronaut.jpg") == groups_of("1_2_9_4.jpg") == {}


def test_more_photos_of_rare_ages() -> None:
    names = [f"{age}_0_0_{k}.jpg" for age, count in ((1, 300), (40, 400)) for k in range(count)]
    drawn = [name for name in names if name.startswith("40_")][:40] + ["1_0_0_0.jpg"]
    more = more_of_rare_ages([*names, "a-name-without-groups.png"], drawn, 20)
    assert len(more) == len(set(more)) == 19 and not set(more) & set(drawn)
    assert all(name.startswith("1_") for name in more)
    assert not more_of_rare_ages(names, drawn, 1)


def test_a_border_continues_the_edges() -> None:
    photo = with_border(Photo(np.arange(12, dtype=np.uint8).reshape(2, 2, 3), "a.jpg"), 3)
    assert photo.pixels.shape == (8, 8, 3) and photo.name == "a.jpg"
    assert (photo.pixels[:4, :4] == [0, 1, 2]).all() and (photo.pixels[-1, -1] == [9, 10, 11]).all()
