"""Resume logs: what was done is not repeated, unless what it depends on has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from headshot.errors import NoFaceError
from headshot.evaluate.resume_log import ResumeLog, Row, fingerprint


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


def test_progress_counts_every_item_failed_or_not() -> None:
    calls: list[tuple[int, int]] = []
    ResumeLog(progress=lambda done, total: calls.append((done, total))).work(["a", "empty"], Counter(), {})
    assert calls == [(1, 2), (2, 2)]


def test_bugs_are_not_failures_of_the_method() -> None:
    def broken(key: str) -> Row:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        ResumeLog().work(["a"], broken, {})
