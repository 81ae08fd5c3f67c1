"""Photos are drawn alike every time, in the order of their names."""

from __future__ import annotations

from pathlib import Path

import pytest

from headshot.datasets.selection import (
    PeopleSelection,
    draw,
    held_out_photos,
    photo_names,
    photo_names_of_people,
    photos_of_people,
    spread,
)
from headshot.datasets.split import held_out
from headshot.errors import HeadshotError


@pytest.fixture
def people(tmp_path: Path) -> Path:
    for person, count in (("ada", 3), ("bob", 2), ("cy", 1), ("dora", 2)):
        (tmp_path / person).mkdir()
        for n in range(count):
            (tmp_path / person / f"{n}.jpg").write_bytes(b"")
    return tmp_path


def test_drawing_is_seeded_and_keeps_the_order() -> None:
    items = list("abcdefghij")
    drawn = draw(items, 4, seed=1)
    assert drawn == draw(items, 4, seed=1) == sorted(drawn) and len(set(drawn)) == 4
    assert draw(items, 4, seed=2) != drawn
    assert draw(items, None) == draw(items, 10) == draw(items, 99) == items


def test_spread_reaches_over_all_items() -> None:
    assert spread(range(10), 4) == [0, 3, 6, 9]
    assert spread(range(3), 5) == [0, 1, 2]


def test_photos_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="no photos"):
        photo_names(tmp_path)
    for name in ("a.JPG", "sub/b.png", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    assert photo_names(tmp_path) == ["a.JPG", "sub/b.png"]
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "c.jpg").write_bytes(b"")
    assert photo_names(tmp_path) == ["images/c.jpg"]  # labelled sets have their photos there


def test_people_with_enough_photos(people: Path) -> None:
    found = photos_of_people(people, PeopleSelection(people=60, photos=2))
    assert {name: [f.name for f in files] for name, files in found.items()} == {
        "ada": ["0.jpg", "1.jpg"],
        "bob": ["0.jpg", "1.jpg"],
        "dora": ["0.jpg", "1.jpg"],
    }
    assert len(photos_of_people(people, PeopleSelection(people=2, photos=2))) == 2
    assert photo_names_of_people(people, PeopleSelection(photos=2))[:2] == ["ada/0.jpg", "ada/1.jpg"]
    with pytest.raises(HeadshotError, match="1 people with 3 photos"):
        photo_names_of_people(people, PeopleSelection(photos=3))


def test_held_out_people_with_enough_photos(tmp_path: Path) -> None:
    for k in range(60):
        (tmp_path / f"person{k}").mkdir()
        for n in range(1 + k % 3):
            (tmp_path / f"person{k}" / f"{n}.jpg").write_bytes(b"")
    found = held_out_photos(tmp_path, "helen", people=4, photos=2)
    assert len(found) == 4 and all(held_out(name, "helen") for name in found)
    assert all([f.name for f in files] == ["0.jpg", "1.jpg"] for files in found.values())
