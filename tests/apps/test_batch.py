from __future__ import annotations

from pathlib import Path

import pytest

from headshot.apps import batch
from headshot.apps.batch import Request, plan, work
from headshot.export import FORMATS, file_names


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["a/me.jpg", "b/you.jpg"], ["me", "you"]),
        (["a/me.jpg", "b/me.jpg"], ["a_me", "b_me"]),
        (["a/me.jpg", "b/ME.png"], ["a_me", "b_ME"]),
        (["a/me.jpg", "a/me.png"], ["a_me_jpg", "a_me_png"]),
        (["x/a/me.jpg", "y/a/me.jpg"], ["a_me_jpg_1", "a_me_jpg_2"]),
        (["a/me.jpg", "b/me.jpg", "c/a_me.jpg"], ["a_a_me", "b_me", "c_a_me"]),
        # The texture of the OBJ of one photo is called like the preview of the other.
        (["a/me.jpg", "a/me_texture.jpg"], ["a_me_jpg", "a_me_texture_jpg"]),
    ],
)
def test_no_two_jobs_share_a_file(tmp_path: Path, names: list[str], expected: list[str]) -> None:
    jobs = plan([(tmp_path / name, Path()) for name in names], Path("out"), FORMATS)
    files = [name.casefold() for job in jobs for name in file_names(job.stem, FORMATS)]
    assert len(set(files)) == len(files)
    if "c/a_me.jpg" not in names and "a/me_texture.jpg" not in names:
        assert [job.stem for job in jobs] == expected


def test_very_long_names_stay_apart(tmp_path: Path) -> None:
    photos = [(tmp_path / f"{'x' * 200}{i}.jpg", Path()) for i in range(3)]
    assert len({job.stem for job in plan(photos, tmp_path, ["glb"])}) == 3


def test_the_same_name_in_other_folders_of_the_results_is_kept(tmp_path: Path) -> None:
    jobs = plan([(tmp_path / "a/me.jpg", Path("a")), (tmp_path / "b/me.jpg", Path("b"))], tmp_path, ["glb"])
    assert [(job.directory.name, job.stem) for job in jobs] == [("a", "me"), ("b", "me")]


def test_finished_means_every_file(tmp_path: Path) -> None:
    (job,) = plan([(tmp_path / "me.jpg", Path())], tmp_path, ["glb", "json"])
    request = Request(1, ("glb", "json"))
    (tmp_path / "me.glb").write_bytes(b"")
    assert not job.finished(request)
    (tmp_path / "me.json").write_bytes(b"")
    assert job.finished(request)
    assert not job.finished(Request(None, ("glb", "json")))
    for name in ("me-1.glb", "me-1.json"):
        (tmp_path / name).write_bytes(b"")
    assert job.finished(Request(None, ("glb", "json")))


def test_bugs_do_not_end_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr("headshot.pipeline.reconstruct", failing)
    (job,) = plan([(tmp_path / "me.jpg", Path())], tmp_path, ["json"])
    outcome = work(job, Request(1, ("json",)))
    assert isinstance(outcome.error, IndexError)
    assert not outcome.files


def test_all_faces_of_a_photo_appear_together(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = plan([(photos / "astronaut.jpg", Path())], tmp_path / "out", ["json"])
    written: list[dict[str, bytes]] = []
    monkeypatch.setattr(batch, "write_files", lambda _, files: written.append(files) or [])
    from headshot.pipeline import reconstruct

    twice = [reconstruct(photos / "astronaut.jpg")] * 2
    monkeypatch.setattr("headshot.pipeline.reconstruct", lambda *_, **__: twice)
    outcome = work(job, Request(None, ("json",)))
    assert outcome.error is None
    assert [sorted(files) for files in written] == [["astronaut-1.json", "astronaut-2.json"]]
    assert len(outcome.quality) == 2
