from __future__ import annotations

import os
from pathlib import Path

import pytest

from headshot.errors import HeadshotError
from headshot.export import atomic
from headshot.export.atomic import write_files
from headshot.export.mark import NOTHING_KNOWN, Mark, read_mark

NEW = {"a.md": b"new a", "b.md": b"new b", "c.md": b"new c"}
MINE = b"a photo, say"


def contents(folder: Path) -> dict[str, bytes]:
    """What is in a folder, without marks."""
    return {p.name: p.read_bytes().split(b"\n\n<!--")[0] for p in folder.iterdir()}


def test_writes_and_replaces(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    assert write_files(folder, NEW) == [folder / name for name in NEW]
    assert contents(folder) == NEW
    write_files(folder, {"b.md": b"newer"})
    assert contents(folder) == {**NEW, "b.md": b"newer"}


def test_ordinary_permissions(tmp_path: Path) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_files(tmp_path, NEW)
    assert (tmp_path / "a.md").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("error", [OSError("no room"), KeyboardInterrupt()])
@pytest.mark.parametrize("at", [1, 2, 3])
def test_failure_while_renaming_restores_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, at: int
) -> None:
    old = {"a.md": b"old a", "c.md": b"old c"}
    write_files(tmp_path, old)
    (tmp_path / "other.txt").write_bytes(b"mine")
    old["other.txt"] = b"mine"
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
    old = {"a.md": b"old a", "b.md": b"old b"}
    write_files(tmp_path, old)
    write = Path.write_bytes

    def failing(self: Path, data: bytes) -> int:
        if data.startswith(b"new b"):
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

    write_files(tmp_path, {"a.md": b"old a"})
    monkeypatch.setattr(atomic.os, "link", refuse)
    write_files(tmp_path, NEW)
    assert contents(tmp_path) == NEW


def test_target_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "b.md").mkdir()
    with pytest.raises(HeadshotError, match=r"b\.md was not written by this version of Headshot"):
        write_files(tmp_path, NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["b.md"]


def test_what_others_wrote_stays(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "link"):
        (tmp_path / "c.md").write_bytes(MINE)
        if folder != tmp_path:
            folder.symlink_to(tmp_path)
        with pytest.raises(HeadshotError, match=r"c\.md was not written .*: rename or move it, or give"):
            write_files(folder, NEW)
        assert (tmp_path / "c.md").read_bytes() == MINE
        assert {p.name for p in tmp_path.iterdir()} <= {"c.md", "link"}


def test_what_was_changed_since_stays(tmp_path: Path) -> None:
    write_files(tmp_path, NEW)
    edited = (tmp_path / "b.md").read_bytes().replace(b"new b", b"notes")
    (tmp_path / "b.md").write_bytes(edited)
    with pytest.raises(HeadshotError, match=r"b\.md was not written .*, or was changed since"):
        write_files(tmp_path, NEW)
    assert (tmp_path / "b.md").read_bytes() == edited


@pytest.mark.skipif(os.name != "posix", reason="needs links")
@pytest.mark.parametrize("there", [True, False])
def test_links_to_what_others_wrote_stay(tmp_path: Path, there: bool) -> None:
    photo, out = tmp_path / "photo.png", tmp_path / "out"
    out.mkdir()
    if there:
        photo.write_bytes(MINE)
    (out / "b.md").symlink_to(photo)
    with pytest.raises(HeadshotError, match=r"b\.md was not written"):
        write_files(out, NEW)
    assert (out / "b.md").is_symlink()
    assert photo.exists() == there


def test_what_is_put_there_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = Path.write_bytes

    def meanwhile(self: Path, data: bytes) -> int:
        write(tmp_path / "a.md", MINE)
        return write(self, data)

    monkeypatch.setattr(Path, "write_bytes", meanwhile)
    with pytest.raises(HeadshotError, match="was not written by"):
        write_files(tmp_path, NEW)
    assert [p.name for p in tmp_path.iterdir()] == ["a.md"]
    assert (tmp_path / "a.md").read_bytes() == MINE


@pytest.mark.parametrize(
    ("earlier", "present", "error"),
    [
        (Mark(photos="a" * 16, place="b" * 16), Mark(photos="c" * 16, place="b" * 16), None),  # edited
        (Mark(photos="a" * 16, place="b" * 16), Mark(photos="a" * 16, place="d" * 16), None),  # moved
        (Mark(photos="a" * 16, place="b" * 16), Mark(photos="c" * 16, place="d" * 16), "of another photo"),
        (NOTHING_KNOWN, Mark(photos="c" * 16, place="d" * 16), "saved from Python"),
        (Mark(photos="a" * 16, place="b" * 16), NOTHING_KNOWN, None),
    ],
)
def test_results_of_other_photos_stay(
    tmp_path: Path, earlier: Mark, present: Mark, error: str | None
) -> None:
    write_files(tmp_path, {"a.md": b"old a"}, earlier)
    if error is None:
        write_files(tmp_path, {"a.md": b"new a"}, {"a.md": present})
        assert read_mark(tmp_path / "a.md") == present
    else:
        with pytest.raises(HeadshotError, match=rf"a\.md is a result {error} and is not replaced"):
            write_files(tmp_path, {"a.md": b"new a"}, present)
        assert read_mark(tmp_path / "a.md") == earlier


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
