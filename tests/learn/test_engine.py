"""The training engine on a regression that takes milliseconds."""

from __future__ import annotations

import csv
import json
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import Tensor, nn  # noqa: E402
from torch.utils.data import Dataset  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn import engine  # noqa: E402
from headshot.learn.checkpoints import best_weights  # noqa: E402
from headshot.learn.curves import Metrics  # noqa: E402
from headshot.learn.engine import Plan, Task, learning_rate, train  # noqa: E402

PLAN = Plan(steps=40, batch=4, rate=0.02, warm_up=5, every=10, save_every=5, average=0.9)


class Line(Dataset[tuple[Tensor, Tensor]]):
    """y = 3 x1 - x2 + noise."""

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        random = np.random.default_rng((1, k))
        x = random.normal(size=2).astype(np.float32)
        return torch.from_numpy(x), torch.tensor([3 * x[0] - x[1] + 0.01 * random.normal()]).float()


def _task(stop_at: int | None = None) -> Task:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.1), nn.ReLU(), nn.Linear(8, 1))
    seen = 0

    def loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Metrics]:
        nonlocal seen
        seen += 1
        if seen == stop_at:
            signal.raise_signal(signal.SIGINT)
        error = (network(batch[0]) - batch[1]).square().mean()
        return error, {"rmse": error.item() ** 0.5}

    def validate(network: nn.Module) -> Metrics:
        x = torch.eye(2)
        return {"fit": -float((network(x) - torch.tensor([[3.0], [-1.0]])).abs().mean())}

    return Task(network, Line(), loss, validate, "fit", lambda network: np.zeros((4, 6, 3), np.uint8))


def _untrained_score() -> float:
    """What the network is worth before training."""
    task = _task()
    with torch.no_grad():
        return task.validate(task.network.eval())["fit"]


def _rows(folder: Path) -> list[list[str]]:
    with (folder / "curves.csv").open(newline="", encoding="utf-8") as handle:
        return [row for row in csv.reader(handle) if row[2] != "seconds_per_step"]


def test_the_loss_falls_and_everything_is_written(tmp_path: Path) -> None:
    said: list[str] = []
    plan = replace(PLAN, steps=100)
    network = train(_task(), plan, tmp_path, say=said.append)
    losses = [float(row[3]) for row in _rows(tmp_path) if row[1:3] == ["train", "loss"]]
    assert len(losses) == 5 and losses[-1] < 0.3 * losses[0]
    assert not network.training
    untrained = next(row for row in _rows(tmp_path) if row[1:3] == ["validation", "fit"])
    assert untrained[0] == "0" and float(untrained[3]) == pytest.approx(_untrained_score(), abs=1e-5)
    scores = {int(row[0]): float(row[3]) for row in _rows(tmp_path) if row[1:3] == ["validation", "fit"]}
    best = json.loads((tmp_path / "best" / "metrics.json").read_text())
    assert best["step"] == max(scores, key=scores.__getitem__)
    assert (tmp_path / "pictures" / "000010.png").is_file()
    assert [f.name for f in tmp_path.glob("checkpoint-*")] == ["checkpoint-000100"]
    assert list((tmp_path / "events").iterdir())
    assert set(best_weights(tmp_path)) == set(network.state_dict())
    assert any("min left" in line for line in said)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_interrupted_run_ends_with_the_same_bits(tmp_path: Path, workers: int) -> None:
    before = signal.getsignal(signal.SIGINT)
    whole = train(_task(), PLAN, tmp_path / "whole", say=lambda line: None)
    plan = replace(PLAN, workers=workers)
    said: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        train(_task(stop_at=23), plan, tmp_path / "parts", say=said.append)
    assert signal.getsignal(signal.SIGINT) == before
    assert "interrupted at step 23" in said[-1]
    assert [f.name for f in (tmp_path / "parts").glob("checkpoint-*")] == ["checkpoint-000023"]
    resumed = train(_task(), plan, tmp_path / "parts", say=lambda line: None)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    assert _rows(tmp_path / "whole") == _rows(tmp_path / "parts")


def test_slow_steps_are_saved_by_the_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(0, 10_000, 40))  # seconds from one look at the clock to the next
    monkeypatch.setattr(engine.time, "monotonic", lambda: next(clock))
    steps: list[int] = []
    monkeypatch.setattr(engine, "save", lambda state, plan, folder: steps.append(state.step))
    plan = replace(PLAN, steps=10, every=10, save_every=100, save_minutes=2)
    train(_task(), plan, tmp_path, say=lambda line: None)
    assert steps == [4, 8, 10]
    steps.clear()
    train(_task(), replace(plan, save_minutes=60), tmp_path, say=lambda line: None)
    assert steps == [10]


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    train(_task(), replace(PLAN, steps=5), tmp_path, say=lambda line: None)
    with pytest.raises(HeadshotError, match="begun with batch 4, not 8"):
        train(_task(), replace(PLAN, batch=8), tmp_path, say=lambda line: None)
    other = replace(_task(), network=nn.Linear(2, 1))
    with pytest.raises(HeadshotError, match="of another network"):
        train(other, PLAN, tmp_path, say=lambda line: None)


def test_half_the_precision_learns_too(tmp_path: Path) -> None:
    train(_task(), replace(PLAN, precision="bfloat16"), tmp_path, say=lambda line: None)
    losses = [float(row[3]) for row in _rows(tmp_path) if row[1:3] == ["train", "loss"]]
    assert losses[-1] < losses[0]
    with pytest.raises(HeadshotError, match="not 'half'"):
        replace(PLAN, precision="half")


def test_a_loss_that_explodes_ends_the_run(tmp_path: Path) -> None:
    task = _task()
    bad = replace(task, loss=lambda network, batch: (network(batch[0]).sum() * float("inf"), {}))
    with pytest.raises(HeadshotError, match="no longer finite at step 0"):
        train(bad, PLAN, tmp_path, say=lambda line: None)
    assert json.loads((tmp_path / "best" / "metrics.json").read_text())["step"] == 0
    with pytest.raises(HeadshotError, match="no best weights yet"):
        best_weights(tmp_path / "elsewhere")


def test_the_learning_rate_rises_and_falls() -> None:
    rates = [learning_rate(step, PLAN) for step in range(40)]
    assert rates[0] == pytest.approx(0.004) and max(rates) == rates[4] == pytest.approx(0.02)
    assert (np.diff(rates[5:]) <= 0).all()
    assert rates[-1] < 0.05 * 0.02
