from __future__ import annotations

import gc
import traceback
import weakref
from dataclasses import replace
from pathlib import Path

import pytest

from headshot import Head, NoFaceError, Settings, reconstruct
from headshot.apps import batch
from headshot.apps.batch import work
from headshot.apps.plan import plan
from headshot.apps.request import Request
from headshot.export.mark import Mark
from headshot.pipeline import Heads


def test_bugs_do_not_end_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise IndexError("a bug")

    monkeypatch.setattr("headshot.pipeline.Reconstructor.__call__", failing)
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
    head = reconstruct(photos / "astronaut.jpg")
    monkeypatch.setattr("headshot.pipeline.Reconstructor.each", lambda *_: [head, head])
    outcome = work(job, Request(None, ("json",)))
    assert outcome.error is None
    assert [sorted(files) for files in written] == [["astronaut-1.json", "astronaut-2.json"]]
    assert [(mark.head, mark.heads) for mark in marks] == [(1, 2), (2, 2)]
    assert len(outcome.quality) == 2


class Pixels:
    """Stands for a photo's pixels, which can be watched."""


def test_outcomes_hold_no_pixels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watched: list[weakref.ref[Pixels]] = []

    def seen(*_: object, **__: object) -> None:
        pixels = Pixels()
        watched.append(weakref.ref(pixels))
        try:
            raise KeyError("the cause")
        except KeyError as cause:
            raise NoFaceError("no face found") from cause

    monkeypatch.setattr("headshot.pipeline.Reconstructor.__call__", seen)
    (job,) = plan([(tmp_path / "me.jpg", Path())], tmp_path, ["json"])
    outcome = work(job, Request(1, ("json",)))
    gc.collect()
    assert watched[0]() is None
    # Who reports the error still learns where it arose.
    assert "seen" in "".join(traceback.format_exception(outcome.error))


def test_heads_are_freed_one_after_the_other(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a photo of many people at most two heads are in memory, the one written and the one being made."""
    template = reconstruct(photos / "astronaut.jpg", settings=Settings(detail="low", texture=None))
    alive, most = weakref.WeakSet(), []

    def make(*_: object) -> Head:
        head = replace(template)
        alive.add(head)
        most.append(len(alive))
        return head

    heads = Heads([(template.face, template.landmarks)] * 5, make)
    monkeypatch.setattr("headshot.pipeline.Reconstructor.each", lambda *_: heads)
    monkeypatch.setattr(batch, "contents", lambda _, stem, *__: {stem: b""})
    monkeypatch.setattr(batch, "write_files", lambda folder, files, _: [folder / name for name in files])
    (job,) = plan([(photos / "astronaut.jpg", Path())], tmp_path, ["json"])
    assert len(work(job, Request(None, ("json",))).files) == 5
    assert max(most) <= 2
