"""A process that is killed at any moment leaves whole files, and --resume completes them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headshot.apps import batch
from headshot.apps.batch import work
from headshot.apps.plan import Job, plan
from headshot.apps.request import Request
from headshot.apps.resume import finished, in_the_way
from headshot.export import file_names
from headshot.export.mark import read_mark
from headshot.export.origin import Origin
from headshot.results import Head
from headshot.settings import Settings

if TYPE_CHECKING:
    from conftest import StandIn

FORMATS = ("obj", "json")
REQUEST = Request(None, FORMATS)

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills a copy of itself")


@pytest.fixture(autouse=True)
def _once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the content of each file once: what is killed here is writing."""
    known: dict[tuple[str, str], dict[str, bytes]] = {}
    make = batch.contents

    def contents(head: Head, stem: str, formats: object, export: object, origin: Origin) -> dict[str, bytes]:
        key = stem, origin.made
        if key not in known:
            known[key] = make(head, stem, formats, export, origin)  # type: ignore[arg-type]
        return known[key]

    monkeypatch.setattr(batch, "contents", contents)


@pytest.fixture
def jobs(tmp_path: Path) -> list[Job]:
    photos = []
    for name, content in (("party", "2 faces"), ("me", "Ann")):
        (tmp_path / f"{name}.jpg").write_text(content, encoding="utf-8")
        photos.append((tmp_path / f"{name}.jpg", Path()))
    return plan(photos, tmp_path / "out", FORMATS)


def killed(jobs: list[Job], request: Request, moment: int) -> bool:
    """Do the jobs in a process that is killed at a moment, counted in steps on the disk; whether it was."""
    child = os.fork()
    if child == 0:
        try:
            _die_at(moment)
            for job in jobs:
                work(job, request)
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def _die_at(moment: int) -> None:
    """Before a step, or for what writes, half-way through it."""
    left = moment

    def counted(step: Callable[..., Any], half: Callable[..., Any] | None = None) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                if half is not None:
                    half(*arguments)
                os.kill(os.getpid(), signal.SIGKILL)
            return step(*arguments, **options)

        return call

    write = Path.write_bytes
    Path.write_bytes = counted(write, lambda path, data: write(path, data[: len(data) // 2]))  # type: ignore[method-assign]
    for name in ("replace", "link"):
        setattr(os, name, counted(getattr(os, name)))
    for name in ("unlink", "mkdir"):
        setattr(Path, name, counted(getattr(Path, name)))


def files(jobs: list[Job]) -> dict[str, bytes]:
    """What a user sees."""
    folder = jobs[0].directory
    seen = [path for path in folder.iterdir() if not path.name.startswith(".")] if folder.exists() else []
    return {path.name: path.read_bytes() for path in seen}


@pytest.mark.parametrize("earlier", [None, Settings(preset="fast")], ids=["at first", "again"])
def test_at_any_moment(quick: StandIn, jobs: list[Job], earlier: Settings | None) -> None:
    """Also while results of other settings are replaced: a set that is of both is not done."""
    everything = {
        name for stem in ("party-1", "party-2", "me-1") for name in file_names(stem, FORMATS)
    }  # fmt: skip
    before: dict[str, bytes] = {}
    if earlier is not None:
        for job in jobs:
            assert work(job, replace(REQUEST, settings=earlier)).error is None
        before = files(jobs)
        assert set(before) == everything
    for job in jobs:
        assert work(job, REQUEST).error is None
    whole = files(jobs)
    assert set(whole) == everything
    folder, mixed, moment = jobs[0].directory, 0, 0
    while True:
        for path in folder.iterdir():
            path.unlink()
        for name, content in before.items():
            (folder / name).write_bytes(content)
        if not killed(jobs, REQUEST, moment):
            break
        moment += 1
        left = files(jobs)
        assert set(left) >= set(before)
        for name, content in left.items():
            assert content == whole[name] or content == before.get(name)
            assert read_mark(folder / name) is not None
        for job in jobs:
            own = [name for name in everything if name.startswith(job.stem)]
            assert finished(job, REQUEST) == all(left.get(name) == whole[name] for name in own)
            mixed += len({left.get(name) == whole[name] for name in own}) > 1
        waiting = [job for job in jobs if not finished(job, REQUEST)]
        assert not list(in_the_way(waiting, REQUEST, [job.photo for job in jobs]))
        for job in waiting:
            assert work(job, REQUEST).error is None
        assert files(jobs) == whole
    assert files(jobs) == whole
    assert moment > 25
    assert mixed > 5
