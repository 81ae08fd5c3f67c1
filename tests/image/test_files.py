from __future__ import annotations

from pathlib import Path

import pytest

from headshot.errors import PhotoError
from headshot.image.files import find_photos


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
