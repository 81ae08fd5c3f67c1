"""Resume logs: what was done is not repeated, unless what it depends on has changed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from headshot.errors import HeadshotError, NoFaceError
from headshot.evaluate.resume_log import ResumeLog, Row, fingerprint
from headshot.export import write_files


class Counter:
    """Measures items and remembers which; stops like a user who has had enough."""

    def __init__(self, stop_at: str = "") -> None:
        self.seen: list[str] = []
        self.stop_at = stop_at

    def __call__(self, key: str) -> Row:
        if key == self.stop_at:
            raise KeyboardInterrupt
        self.seen.append(key)
        if key == "empty":
            raise NoFaceError("no face")
        return {"value": len(key)}


def test_an_interrupted_run_continues_where_it_was(tmp_path: Path) -> None:
    log = ResumeLog(tmp_path / "deep" / "one.jsonl")
    keys = ["a", "empty", "ccc", "dddd"]
    with pytest.raises(KeyboardInterrupt):
        log.work(keys, Counter(stop_at="ccc"), {"limit": 4})
    rest = Counter()
    rows = log.work(keys, rest, {"limit": 4})
    assert rest.seen == ["ccc", "dddd"]
    assert rows == {
        "a": {"value": 1},
        "empty": {"error": "no face"},
        "ccc": {"value": 3},
        "dddd": {"value": 4},
    }


def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    ResumeLog(file).work(["a", "bb"], Counter(), {})
    file.write_text(file.read_text()[:-5])
    rest = Counter()
    assert ResumeLog(file).work(["a", "bb"], rest, {}) == {"a": {"value": 1}, "bb": {"value": 2}}
    assert rest.seen == ["bb"]
    assert len(file.read_text().splitlines()) == 3


def test_other_settings_start_afresh(tmp_path: Path) -> None:
    log = ResumeLog(tmp_path / "one.jsonl")
    log.work(["a"], Counter(), {"limit": 4})
    again = Counter()
    log.work(["a"], again, {"limit": 5})
    assert again.seen == ["a"]
    assert fingerprint({"limit": 4}) != fingerprint({"limit": 5})


@pytest.mark.parametrize(
    ("change", "again"),
    [
        (lambda data: None, False),
        (lambda data: (data / "a.jpg").write_bytes(b"Ben"), True),
        (lambda data: (data / "a.jpg").rename(data / "b.jpg"), True),
        (lambda data: (data / "deep" / "c.pts").write_bytes(b"points"), True),
        (lambda data: (data / "a.jpg").unlink(), True),
        (lambda data: (data / "resume-log" / "other.jsonl").write_bytes(b""), False),
        (lambda data: write_files(data, {"one.md": b"# a report"}), False),
        (lambda data: (data / "notes.md").write_bytes(b"points are in the file beside"), True),
    ],
)
def test_other_data_start_afresh(tmp_path: Path, change: Callable[[Path], object], again: bool) -> None:
    """A photo of the same name may show somebody else."""
    (tmp_path / "deep").mkdir()
    (tmp_path / "a.jpg").write_bytes(b"Ann")
    log = ResumeLog(tmp_path / "resume-log" / "one.jsonl")
    log.work(["a"], Counter(), {"folder": tmp_path})
    before = (tmp_path / "a.jpg").stat()
    change(tmp_path)
    if again and (tmp_path / "a.jpg").exists():  # as old, and as long, as before
        os.utime(tmp_path / "a.jpg", ns=(before.st_atime_ns, before.st_mtime_ns))
    second = Counter()
    log.work(["a"], second, {"folder": tmp_path})
    assert second.seen == (["a"] if again else [])


def test_other_networks_start_afresh(tmp_path: Path) -> None:
    network = tmp_path / "network.onnx"
    found = set()
    for content in (b"one", b"two"):
        network.write_bytes(content)
        found.add(fingerprint({"network": network}))
    assert len(found) == 2


@pytest.mark.parametrize(
    "damage", [b"\0" * 9, b"\xff\xfe", b"{", b"[]", b'{"key": 1, "row": {}}', b'{"key": "a"}']
)
def test_damaged_lines_are_measured_again(tmp_path: Path, damage: bytes) -> None:
    file = tmp_path / "one.jsonl"
    ResumeLog(file).work(["a", "bb", "ccc"], Counter(), {})
    lines = file.read_bytes().split(b"\n")
    file.write_bytes(b"\n".join([*lines[:2], damage, *lines[3:]]))
    rest = Counter()
    rows = ResumeLog(file).work(["a", "bb", "ccc"], rest, {})
    assert rest.seen == ["bb", "ccc"]
    assert rows == {"a": {"value": 1}, "bb": {"value": 2}, "ccc": {"value": 3}}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["one.jsonl"]


def test_other_files_are_not_written_over(tmp_path: Path) -> None:
    file = tmp_path / "one.jsonl"
    file.write_text("mine\n", encoding="utf-8")
    with pytest.raises(HeadshotError, match=r"one\.jsonl is no resume log"):
        ResumeLog(file).work(["a"], Counter(), {})
    assert file.read_text(encoding="utf-8") == "mine\n"


def test_progress_counts_every_item_failed_or_not() -> None:
    calls: list[tuple[int, int]] = []
    ResumeLog(progress=lambda done, total: calls.append((done, total))).work(["a", "empty"], Counter(), {})
    assert calls == [(1, 2), (2, 2)]


def test_bugs_are_not_failures_of_the_method() -> None:
    def broken(key: str) -> Row:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ResumeLog().work(["a"], broken, {})
