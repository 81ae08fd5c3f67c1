"""Speed: times and memory of real runs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from headshot.errors import HeadshotError
from headshot.evaluate.speed import SpeedSettings, evaluate_speed, process


def test_stages_memory_and_threads(photos: Path) -> None:
    result = evaluate_speed((photos / "astronaut.jpg",), SpeedSettings(runs=2, processes=1, threads=(1,)))
    assert result.methods == ("warm", "new process, 1 thread")
    warm = result.items[0].values["warm"]
    assert 0 < sum(v for k, v in warm.items() if k != "total") <= warm["total"]
    cold = result.items[-1].values["new process, 1 thread"]
    assert cold["total"] > warm["total"]
    if hasattr(os, "wait4"):
        assert 50 < cold["memory"] < 2000


def test_a_failing_command_is_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="failed on"):
        process(tmp_path / "missing.jpg", tmp_path, 1)
