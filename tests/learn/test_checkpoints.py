"""Checkpoints: what is saved comes back, and what belongs to another run is refused."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn.checkpoints import State, best_weights, plain_weights, resume, save  # noqa: E402

PLAN = {"batch": 4, "seed": 0, "precision": "float32", "steps": 10}
CPU = torch.device("cpu")


def state(width: int = 3) -> State:
    network = nn.Sequential(nn.Linear(2, width), nn.BatchNorm1d(width))
    return State(network, deepcopy(network), torch.optim.AdamW(network.parameters()))


def test_a_state_comes_back(tmp_path: Path) -> None:
    torch.manual_seed(1)
    before = state()
    before.network(torch.randn(8, 2)).square().sum().backward()
    before.optimiser.step()
    before.step, before.best = 7, 0.25
    save(before, PLAN, tmp_path)
    after = state()
    resume(after, {**PLAN, "steps": 99}, tmp_path, CPU)  # a run may become longer
    assert (after.step, after.best) == (7, 0.25)
    for one, other in zip(
        plain_weights(before.network).values(), plain_weights(after.network).values(), strict=True
    ):
        assert torch.equal(one, other)
    moments = [s.optimiser.state_dict()["state"][0]["exp_avg"] for s in (before, after)]
    assert torch.equal(*moments)


def test_only_the_latest_checkpoint_stays(tmp_path: Path) -> None:
    one = state()
    for one.step in (3, 8):
        save(one, PLAN, tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["checkpoint-000008"]


def test_a_folder_without_checkpoints_begins_afresh(tmp_path: Path) -> None:
    one = state()
    resume(one, PLAN, tmp_path, CPU)
    assert one.step == 0
    with pytest.raises(HeadshotError, match="no best weights yet"):
        best_weights(tmp_path)


def test_checkpoints_of_other_runs_are_refused(tmp_path: Path) -> None:
    save(state(), PLAN, tmp_path)
    with pytest.raises(HeadshotError, match="begun with batch 4, not 8"):
        resume(state(), {**PLAN, "batch": 8}, tmp_path, CPU)
    with pytest.raises(HeadshotError, match="another network"):
        resume(state(width=5), PLAN, tmp_path, CPU)


def test_folders_of_other_names_stay(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-000003-keep").mkdir()
    one = state()
    for one.step in (3, 8):
        save(one, PLAN, tmp_path)
    assert sorted(f.name for f in tmp_path.iterdir()) == ["checkpoint-000003-keep", "checkpoint-000008"]
    resume(one, PLAN, tmp_path, CPU)
    assert one.step == 8


@pytest.mark.parametrize("content", ['{"step": 7, "be', "[]", '{"step": 7}', None])
def test_damaged_checkpoints_are_named(tmp_path: Path, content: str | None) -> None:
    save(state(), PLAN, tmp_path)
    file = tmp_path / "checkpoint-000000" / "state.json"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    with pytest.raises(HeadshotError, match="checkpoint-000000"):
        resume(state(), PLAN, tmp_path, CPU)
