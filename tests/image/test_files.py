from __future__ import annotations

import os
from pathlib import Path

import pytest

from headshot.errors import PhotoError
from headshot.image.files import find_people, find_photos, readable_name


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in (
        "b.JPG",
        "a.png",
        "notes.txt",
        ".hidden.jpg",
        "sub/c.webp",
        "sub/deep/d.heic",
        "empty/x.txt",
    ):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    return tmp_path / "photos"


def test_folders_are_replaced_by_their_photos(tree: Path) -> None:
    assert [p.name for p, _ in find_photos([tree])] == ["a.png", "b.JPG"]
    found = find_photos([tree], recursive=True)
    assert [(p.name, str(folder)) for p, folder in found] == [
        ("a.png", "."),
        ("b.JPG", "."),
        ("c.webp", "sub"),
        ("d.heic", str(Path("sub/deep"))),
    ]


def test_repetitions_are_dropped(tree: Path) -> None:
    assert len(find_photos([tree / "a.png", tree, tree / "sub" / ".." / "a.png"])) == 2


def test_missing_files_are_left_to_the_reader(tree: Path) -> None:
    assert find_photos([tree / "none.jpg"]) == [(tree / "none.jpg", Path())]


def test_folder_without_photos(tree: Path) -> None:
    with pytest.raises(PhotoError, match="--recursive"):
        find_photos([tree / "empty"])


def test_pictures_that_are_no_photos_are_left_out(tree: Path) -> None:
    found = find_photos([tree], recursive=True, leave_out=lambda path: path.suffix == ".png")
    assert [p.name for p, _ in found] == ["b.JPG", "c.webp", "d.heic"]
    with pytest.raises(PhotoError, match="no photos"):
        find_photos([tree / "sub"], leave_out=lambda _: True)
    (person,) = find_people([tree / "sub" / "deep"], leave_out=lambda _: False)
    assert [p.name for p in person.photos] == ["d.heic"]
    # Of what is named on its own the user knows best.
    assert find_photos([tree / "a.png"], leave_out=lambda _: True)


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_are_photos_of_their_own(tree: Path) -> None:
    for name in ("x.jpg", "y.jpg"):
        (tree / name).symlink_to(tree / "a.png")
    (tree / "folder").symlink_to(tree / "sub", target_is_directory=True)
    assert [p.name for p, _ in find_photos([tree])] == ["a.png", "b.JPG", "x.jpg", "y.jpg"]
    assert len(find_photos([tree / "folder", tree / "sub"])) == 1
    assert [len(person.photos) for person in find_people([tree / "x.jpg", tree / "y.jpg"])] == [2]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("é写.jpg", "é写.jpg"),
        ("caf\udce9.jpg", "caf_xE9.jpg"),
        ("\udcff\udc80", "_xFF_x80"),
        ("a\ud83d", "a_"),
    ],
)
def test_names_in_unicode(name: str, expected: str) -> None:
    assert readable_name(name) == expected
    assert readable_name(expected) == expected
