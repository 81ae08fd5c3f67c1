from __future__ import annotations

from pathlib import Path

import pytest

from headshot.apps import batch
from headshot.apps.batch import work
from headshot.apps.plan import plan
from headshot.apps.request import Request
from headshot.export.mark import Mark


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
    marks: list[Mark] = []

    def note(_: object, files: dict[str, bytes], own: dict[str, Mark]) -> list[Path]:
        written.append(files)
        marks.extend(own.values())
        return []

    monkeypatch.setattr(batch, "write_files", note)
    from headshot.pipeline import reconstruct

    twice = [reconstruct(photos / "astronaut.jpg")] * 2
    monkeypatch.setattr("headshot.pipeline.reconstruct", lambda *_, **__: twice)
    outcome = work(job, Request(None, ("json",)))
    assert outcome.error is None
    assert [sorted(files) for files in written] == [["astronaut-1.json", "astronaut-2.json"]]
    assert [(mark.head, mark.heads) for mark in marks] == [(1, 2), (2, 2)]
    assert len(outcome.quality) == 2
