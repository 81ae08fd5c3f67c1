"""The default benchmark: parts whose data are there run, with progress and resume."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from headshot.errors import HeadshotError
from headshot.evaluate import photo_commands
from headshot.evaluate.benchmark import PARTS, Part, run_benchmark
from headshot.evaluate.landmarks import NmeSettings, evaluate_landmarks
from headshot.evaluate.report import read
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog


def _count(folder: Path, log: ResumeLog) -> Result:
    """A measure without photos: lengths of names."""
    rows = log.work(["a", "bb"], lambda key: {"value": len(key)}, {})
    items = [Item(name, {}, {"method": {"length": row["value"]}}) for name, row in rows.items()]
    return Result("count", "Count", "Lengths.", (Column("length", "length"),), ("method",), items)


def test_parts_without_data_are_named(tmp_path: Path) -> None:
    (tmp_path / "data" / "here").mkdir(parents=True)
    calls: list[tuple[str, int, int]] = []
    parts = (Part("one", "here", _count), Part("two", "absent", _count))
    results, missing = run_benchmark(
        tmp_path / "data", tmp_path / "logs", lambda *call: calls.append(call), parts
    )
    assert [r.measure for r in results] == ["count"] and missing == ["absent"]
    assert calls == [("one", 1, 2), ("one", 2, 2)]
    assert (tmp_path / "logs" / "one.jsonl").is_file()


def test_no_data_at_all(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match=r"docs/reference/data\.md"):
        run_benchmark(tmp_path, tmp_path / "logs")


def test_names_of_parts_are_unique() -> None:
    assert len({part.name for part in PARTS}) == len(PARTS)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> typer.Typer:
    monkeypatch.delenv("HEADSHOT_DATA", raising=False)
    app = typer.Typer()
    photo_commands.register(app)
    return app


def test_commands_complain_and_exit(command: typer.Typer, tmp_path: Path) -> None:
    run = CliRunner()
    for arguments in (
        ["landmarks", str(tmp_path)],
        ["picture", str(tmp_path)],
        ["identity", str(tmp_path)],
        ["transfer", str(tmp_path)],
        ["all", "--data", str(tmp_path)],
    ):
        found = run.invoke(command, [*arguments, "-o", str(tmp_path / "out")])
        assert found.exit_code == 1 and "headshot:" in found.output, arguments
    found = run.invoke(command, ["all", "--data", str(tmp_path), "--only", "nonsense"])
    assert found.exit_code == 2 and "nonsense" in found.output


def test_a_command_writes_its_report(command: typer.Typer, photos: Path, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes((photos / "astronaut.jpg").read_bytes())
    out = tmp_path / "out"
    found = CliRunner().invoke(command, ["picture", str(tmp_path / "photos"), "-o", str(out)])
    assert found.exit_code == 0, found.output
    assert {f.name for f in out.iterdir()} == {"resume-log", "picture.json", "picture.md", "picture.html"}
    assert "mean face" in (out / "picture.md").read_text(encoding="utf-8")
    (result,) = read(out / "picture.json")
    assert len(result.items) == 1


def test_on_research_data(data: Path, tmp_path: Path) -> None:
    """A small part of the real benchmark, twice: the second time nothing is left to do."""
    if not (data / "helen-train").is_dir():
        pytest.skip("no helen-train")
    settings = NmeSettings(limit=3)
    part = Part("few", "helen-train", lambda f, j: evaluate_landmarks(f, settings=settings, log=j))
    first, _ = run_benchmark(data, tmp_path, parts=(part,))
    size = (tmp_path / "few.jsonl").stat().st_size
    second, _ = run_benchmark(data, tmp_path, parts=(part,))
    assert (tmp_path / "few.jsonl").stat().st_size == size
    assert second[0].items == first[0].items
