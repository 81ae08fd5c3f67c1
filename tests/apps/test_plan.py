from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from headshot.apps.plan import plan, plan_people
from headshot.export import FORMATS, file_names
from headshot.image.files import find_people


def stems(root: Path, names: list[str]) -> dict[str, str]:
    jobs = plan([(root / name, Path()) for name in names], Path("out"), FORMATS)
    return {name: job.stem for name, job in zip(names, jobs, strict=True)}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/me.jpg", "b/you.jpg"], ["me", "you"]),
        (["a/me.jpg", "b/me.jpg"], ["a_me", "b_me"]),
        (["a/me.jpg", "b/ME.png"], ["a_me", "b_ME"]),
        (["a/me.jpg", "a/me.png"], ["a_me_jpg", "a_me_png"]),
        (["a/me.jpg", "b/me.jpg", "c/a_me.jpg"], ["a_a_me", "b_me", "c_a_me"]),
        # The texture of the OBJ of one photo is called like the preview of the other.
        (["a/me.jpg", "a/me_texture.jpg"], ["a_me_jpg", "a_me_texture_jpg"]),
    ],
)
def test_no_two_jobs_share_a_file(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    chosen = stems(tmp_path, names)
    files = [name.casefold() for stem in chosen.values() for name in file_names(stem, FORMATS)]
    assert len(set(files)) == len(files)
    if "c/a_me.jpg" not in names and "a/me_texture.jpg" not in names:
        assert list(chosen.values()) == expected


@pytest.mark.parametrize(
    "names",
    [
        ["x/a/me.jpg", "y/a/me.jpg", "z/a/me.jpg"],
        ["a/me.jpg", "b/me.jpg", "a/me.png", "c/you.jpg"],
        ["a/me.jpg", "b/me.jpg", "c/a_me.jpg", "x/a/me.jpg"],
        [f"a/{'x' * 200}{i}.jpg" for i in range(3)],
        ["a/e\u0301.jpg", "a/\u00e9.jpg", "a/\u00c9.jpg"],
    ],
)
def test_names_do_not_depend_on_the_order(tmp_path: Path, names: list[str]) -> None:
    """A number in the list once gave the results of one photo the name of another's."""
    chosen = stems(tmp_path, names)
    assert len({stem.casefold() for stem in chosen.values()}) == len(names)
    for order in itertools.permutations(names):
        assert stems(tmp_path, list(order)) == chosen


def test_a_photo_beside_others_keeps_one_of_its_names(tmp_path: Path) -> None:
    (alone,) = plan([(tmp_path / "a/me.jpg", Path())], tmp_path, ["glb"])
    together = plan([(tmp_path / f"{k}/me.jpg", Path()) for k in "cba"], tmp_path, ["glb"])
    assert (alone.stem, together[-1].stem) == ("me", "a_me")
    assert alone.names == together[-1].names
    assert {alone.stem, together[-1].stem} <= set(alone.names)


def test_the_same_name_in_other_folders_of_the_results_is_kept(tmp_path: Path) -> None:
    jobs = plan([(tmp_path / "a/me.jpg", Path("a")), (tmp_path / "b/me.jpg", Path("b"))], tmp_path, ["glb"])
    assert [(job.directory.name, job.stem) for job in jobs] == [("a", "me"), ("b", "me")]


def test_folders_that_some_systems_take_for_one_count_as_one(tmp_path: Path) -> None:
    photos = [(tmp_path / name / "me.jpg", Path(name)) for name in ("Ann", "ann")]
    assert len({job.stem.casefold() for job in plan(photos, tmp_path, ["glb"])}) == 2


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_keep_their_names(tmp_path: Path) -> None:
    for name in ("store/4f1c.jpg", "ann.jpg", "ben.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / "store/4f1c.jpg").write_bytes(b"a photo")
    for name in ("ann.jpg", "ben.jpg"):
        (tmp_path / name).symlink_to(tmp_path / "store/4f1c.jpg")
    assert list(stems(tmp_path, ["ann.jpg", "ben.jpg"]).values()) == ["ann", "ben"]


def test_people_of_the_same_name_are_apart_in_any_order(tmp_path: Path) -> None:
    folders = [tmp_path / "x" / "anna", tmp_path / "y" / "anna", tmp_path / "z" / "ben"]
    for folder in folders:
        folder.mkdir(parents=True)
        for name in ("1.jpg", "2.jpg"):
            (folder / name).write_bytes(b"")
    chosen = {}
    for order in itertools.permutations(folders):
        jobs = plan_people(find_people(order), tmp_path / "out", ["glb"])
        named = {job.photo.parent: (job.stem, job.place) for job in jobs}
        chosen = chosen or named
        assert named == chosen
    assert [stem for stem, _ in chosen.values()] == ["x_anna", "y_anna", "ben"]


def test_a_folder_that_is_named_twice_is_one_person(tmp_path: Path) -> None:
    (tmp_path / "people" / "anna").mkdir(parents=True)
    (tmp_path / "people" / "anna" / "1.jpg").write_bytes(b"")
    assert len(find_people([tmp_path / "people", tmp_path / "people" / "anna"])) == 1
