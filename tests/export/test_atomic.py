from __future__ import annotations

import os
from pathlib import Path

import pytest

from headshot.errors import HeadshotError
from headshot.export import atomic
from headshot.export.atomic import write_files

NEW = {"a.bin": b"new a", "b.bin": b"new b", "c.bin": b"new c"}


def contents(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in folder.iterdir()}


def test_writes_and_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    assert write_files(folder, NEW) == [folder / name for name in NEW]
    assert contents(folder) == NEW
    write_files(folder, {"b.bin": b"newer"})
    assert contents(folder) == {**NEW, "b.bin": b"newer"}


def test_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_files(tmp_path, NEW)
    assert (tmp_path / "a.bin").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [OSError("no room"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_failure_while_renaming_restores_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, at: int
) -> None:
    old = {"a.bin": b"old a", "c.bin": b"old c", "other.txt": b"mine"}
    write_files(tmp_path, old)
    replace, calls = os.replace, 0

    def failing(source: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == at:
            raise error
        replace(source, target)

    monkeypatch.setattr(atomic.os, "replace", failing)
    with pytest.raises((HeadshotError, KeyboardInterrupt)):
        write_files(tmp_path, NEW)
    assert contents(tmp_path) == old


@pytest.mark.parametrize("error", [OSError("no room"), KeyboardInterrupt()])
def test_failure_while_writing_leaves_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    old = {"a.bin": b"old a", "b.bin": b"old b"}
    write_files(tmp_path, old)
    write = Path.write_bytes

    def failing(self: Path, data: bytes) -> int:
        if data == b"new b":
            write(self, data[:2])
            raise error
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", failing)
    with pytest.raises((HeadshotError, KeyboardInterrupt)):
        write_files(tmp_path, NEW)
    monkeypatch.undo()
    assert contents(tmp_path) == old


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no links here")

    write_files(tmp_path, {"a.bin": b"old a"})
    monkeypatch.setattr(atomic.os, "link", refuse)
    write_files(tmp_path, NEW)
    assert contents(tmp_path) == NEW


def test_target_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b.bin").mkdir()
    with pytest.raises(HeadshotError, match="cannot write"):
        write_files(tmp_path, NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["b.bin"]


def test_directory_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"mine")
    with pytest.raises(HeadshotError, match="choose another output directory"):
        write_files(tmp_path / "file", NEW)
    assert (tmp_path / "file").read_bytes() == b"mine"


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user who can be refused")
def test_unwritable_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(HeadshotError, match="cannot write"):
        write_files(tmp_path, NEW)
    tmp_path.chmod(0o700)
    assert not contents(tmp_path)
