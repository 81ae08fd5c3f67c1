"""Results: intervals, comparisons, and files that can be read back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from headshot.errors import HeadshotError
from headshot.evaluate.bootstrap import STATISTICS, _samples, bootstrap
from headshot.evaluate.cli import app
from headshot.evaluate.difference import between, compare
from headshot.evaluate.report import read, write
from headshot.evaluate.result import Column, Curve, Item, Result, cumulative
from headshot.evaluate.resume_log import failures
from headshot.evaluate.tables import groups, markdown
from headshot.exit_codes import ExitCode

COLUMN = Column("error", "error", "mm")


def result(values: dict[str, np.ndarray], **more: object) -> Result:
    count = len(next(iter(values.values())))
    items = [
        Item(
            f"item {i}",
            {"side": "left" if i % 2 else "right"},
            {m: {"error": v[i]} for m, v in values.items()},
        )
        for i in range(count)
    ]
    return Result("test", "A test", "How.", (COLUMN,), tuple(values), items, **more)  # type: ignore[arg-type]


def noise(seed: int, count: int = 60) -> np.ndarray:
    return np.random.default_rng(seed).normal(5, 1, count)


def test_a_result_does_not_differ_from_itself() -> None:
    one = result({"ours": noise(0)})
    (found,) = compare(one, one)
    assert found.estimate.value == found.estimate.low == found.estimate.high == 0
    assert found.paired and not found.larger_than_noise


def test_a_small_shift_on_the_same_items_is_larger_than_its_noise() -> None:
    one, two = result({"ours": noise(0)}), result({"ours": noise(0) - 0.1})
    (found,) = compare(one, two)
    assert found.verdict == "better" and found.larger_than_noise
    assert found.estimate.value == pytest.approx(-0.1)
    (back,) = compare(two, one)
    assert back.verdict == "worse"


def test_two_methods_of_one_result_are_paired_by_item() -> None:
    one = result({"ours": noise(0) - 0.1, "theirs": noise(0)})
    for statistic in (None, "mean"):
        (found,) = between(one, "ours", "theirs", statistic)
        assert found.paired and found.verdict == "better"
        assert found.estimate.value == pytest.approx(-0.1)
    with pytest.raises(HeadshotError, match="no method 'nobody'"):
        between(one, "ours", "nobody")


def test_the_same_shift_is_lost_in_the_noise_of_other_items() -> None:
    one, two = result({"ours": noise(0)}), result({"ours": noise(1) - 0.1})
    renamed = [Item(f"other {i}", item.group, item.values) for i, item in enumerate(two.items)]
    (found,) = compare(one, Result("test", "A test", "", (COLUMN,), ("ours",), renamed))
    assert not found.paired and not found.larger_than_noise


def test_chance_is_called_different_about_as_often_as_promised() -> None:
    called = 0
    for seed in range(40):
        one, two = result({"ours": noise(2 * seed)}), result({"ours": noise(2 * seed + 1)})
        called += compare(one, two)[0].larger_than_noise
    assert called <= 6  # 5 % of 40 is 2


def test_too_few_items_give_no_verdict() -> None:
    one, two = result({"ours": noise(0, 3)}), result({"ours": noise(0, 3) - 3})
    assert compare(one, two)[0].verdict == "too few items"


def test_other_measures_are_not_compared() -> None:
    one = result({"ours": noise(0)})
    other = Result("other", "Other", "", (COLUMN,), ("ours",), one.items)
    with pytest.raises(HeadshotError, match="cannot compare"):
        compare(one, other)


def test_interval_of_a_mean_is_that_of_the_textbook() -> None:
    values = np.random.default_rng(0).normal(0, 1, 400)
    found = bootstrap(values, "mean")
    assert found.value == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.15)


@pytest.mark.parametrize("name", list(STATISTICS))
def test_samples_are_those_of_repeated_values(name: str) -> None:
    values, rng = noise(0, 9), np.random.default_rng(1)
    counts = rng.multinomial(9, np.full(9, 1 / 9), 20)
    expected = [STATISTICS[name](np.repeat(values, row)) for row in counts]
    np.testing.assert_allclose(_samples(values, counts, name), expected)


def test_members_of_a_cluster_are_no_new_evidence() -> None:
    values = np.random.default_rng(0).normal(0, 1, 20)
    copies, owner = np.repeat(values, 10), [str(i) for i in np.repeat(np.arange(20), 10)]
    plain, single, clustered = (
        bootstrap(copies, "mean"), bootstrap(values, "mean"), bootstrap(copies, "mean", owner)
    )  # fmt: skip
    assert clustered.high - clustered.low == pytest.approx(single.high - single.low, rel=0.2)
    assert plain.high - plain.low < 0.5 * (clustered.high - clustered.low)


def test_cumulative_curve() -> None:
    assert cumulative([1.0, 2.0, 3.0, 9.0], 4.0, 4) == [(0, 0), (1, 25), (2, 50), (3, 75), (4, 75)]


def test_files_read_back_and_hold_no_nan(tmp_path) -> None:
    one = result(
        {"ours": np.array([1.0, math.nan, 3.0]), "mean face": np.array([2.0, 2.0, 2.0])},
        curves=[Curve("c", "x", "y", {"ours": [(0.0, 0.0), (1.0, 2.0)]})],
        pictures=[("<caption>", b"\x89PNG")],
        notes=["A `note`."],
    )
    files = write([one], tmp_path, "all")
    assert sorted(f.name for f in files) == ["all.html", "all.json", "all.md"]

    def refuse(name: str) -> float:
        raise AssertionError(name)

    json.loads(files[0].read_text(encoding="utf-8"), parse_constant=refuse)
    (back,) = read(tmp_path / "all.json")
    assert back.values("ours", "error") == {"item 0": 1.0, "item 2": 3.0}
    assert back.curves == one.curves and back.pictures == one.pictures and back.columns == one.columns
    page = (tmp_path / "all.html").read_text(encoding="utf-8")
    assert (
        "<svg" in page and "&lt;caption&gt;" in page and "http" not in page.replace("http://www.w3.org", "")
    )
    text = markdown(one)
    assert "2.00 [1.00, 3.00] n=2" in text and "mean face" in text and "## By side" in text


def test_foreign_files_are_refused(tmp_path) -> None:
    file = tmp_path / "x.json"
    for content in ("", "[]", "{}", '{"results": [{"schema": 99}]}', '{"results": [{"schema": 1}]}'):
        file.write_text(content)
        with pytest.raises(HeadshotError):
            read(file)


def test_items_need_unique_names_and_known_statistics() -> None:
    item = Item("a", {}, {})
    with pytest.raises(ValueError, match="unique"):
        Result("m", "t", "", (COLUMN,), ("ours",), [item, item])
    with pytest.raises(ValueError, match="statistic"):
        Result("m", "t", "", (COLUMN,), ("ours",), [], statistic="mode")


def test_groups_are_sorted_by_their_numbers_and_numbers_are_binned() -> None:
    labels = ["60-75", "0-15", "15-30", "0-15"]
    items = [Item(str(i), {"yaw": label, "size": float(i)}, {}) for i, label in enumerate(labels * 3)]
    found = groups(Result("m", "t", "", (COLUMN,), (), items))
    assert list(found["yaw"]) == ["0-15", "15-30", "60-75"]
    assert len(found["size"]) == 4 and sum(map(len, found["size"].values())) == 12


def test_the_command_compares_two_methods(tmp_path: Path) -> None:
    one = result({"ours": noise(0) - 0.1, "theirs": noise(0)})
    write([one], tmp_path, "one")
    runner = CliRunner()
    command = ["compare", str(tmp_path / "one.json"), "--method", "ours", "--against", "theirs"]
    found = runner.invoke(app, [*command, "--statistic", "mean"])
    assert found.exit_code == 0
    assert "-0.10 | [-0.10, -0.10] | 60 paired | better" in found.output
    assert runner.invoke(app, command[:4]).exit_code == 2
    assert runner.invoke(app, [*command[:-1], "nobody"]).exit_code == 1


def test_worst_items_come_first_whichever_way_is_better() -> None:
    one = result({"ours": np.array([3.0, 1.0, 2.0])})
    assert list(one.worst("ours", "error")) == ["item 0", "item 2", "item 1"]
    assert one.worst("ours", "error", 1) == {"item 0": 3.0}
    assert one.worst("others", "error") == {}


def test_failures_are_named() -> None:
    rows = {"a": {"error": "no face"}, "b": {"values": {}}}
    assert failures(rows) == "Photos without a result: 1 of 2: a."
    assert failures({"b": {}}, "People") == "People without a result: 0 of 1: none."


@pytest.mark.parametrize(
    "command", [["speed", "PHOTO"], ["landmarks", "FOLDER"], ["scan", "FOLDER"], ["all", "--data", "FOLDER"]]
)
def test_what_is_in_the_way_of_a_report_is_said_before_anything_is_measured(
    tmp_path: Path, command: list[str]
) -> None:
    """The folder has nothing to measure, which is only said where the report could be written."""
    names = {"FOLDER": str(tmp_path), "PHOTO": str(tmp_path / "none.jpg")}
    command = [names.get(word, word) for word in command]
    file = tmp_path / f"{command[0]}.md"
    file.write_text("notes", encoding="utf-8")
    done = CliRunner().invoke(app, [*command, "-o", str(tmp_path)])
    assert done.exit_code == ExitCode.UNWRITABLE
    assert f"{file.name} was not written by this version of Headshot" in done.output
    assert [p.name for p in tmp_path.iterdir()] == [file.name]
    assert file.read_text(encoding="utf-8") == "notes"
