"""Training on several processes: two real ones, connected by gloo, on the processor."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn.distributed import Group, own_device  # noqa: E402

if not torch.distributed.is_available():
    pytest.skip("this PyTorch has no torch.distributed", allow_module_level=True)

PROGRAM = """
import os, signal, sys
from pathlib import Path
import torch
from torch import nn
from headshot.learn.engine import Plan, Task, train

folder, steps, stop_at = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
rank = int(os.environ.get("RANK", 0))
torch.manual_seed(rank)  # each begins with other weights: the first one's must win where there are two
network = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
items = torch.randn(400, 3, generator=torch.Generator().manual_seed(5))
seen = 0

def loss(network, x):
    global seen
    seen += 1
    if seen == stop_at and rank == 1:
        signal.raise_signal(signal.SIGINT)
    return (network(x) - x.sum(1, keepdim=True)).square().mean(), {}

def validate(network):
    return {"fit": -float((network(items) - items.sum(1, keepdim=True)).square().mean())}

plan = Plan(steps=steps, batch=8, rate=0.01, warm_up=5, every=20, save_every=10, clip=1e9)
try:
    train(Task(network, items, loss, validate, "fit"), plan, folder)
except KeyboardInterrupt:
    sys.exit(7)
"""


def _run(folder: Path, processes: int, steps: int = 40, stop_at: int = 0) -> set[int]:
    """Train in that many processes; their exit codes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    connection = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port, "WORLD_SIZE": str(processes)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(folder), str(steps), str(stop_at)],
            env={
                **os.environ,
                **connection,
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "OMP_NUM_THREADS": "1",
            },
        )
        for rank in range(processes)
    ]
    return {process.wait(timeout=100) for process in started}


def _weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoint-000040" / "network.safetensors")


def test_two_processes_learn_what_one_learns_and_stop_together(tmp_path: Path) -> None:
    assert _run(tmp_path / "one", 1) == {0}
    # Ctrl-C reaches the second process only: both must save and stop at the same step, and go on from there.
    assert _run(tmp_path / "two", 2, stop_at=13) == {7}
    assert [p.name for p in (tmp_path / "two").glob("checkpoint-*")] == ["checkpoint-000013"]
    assert _run(tmp_path / "two", 2) == {0}
    one, two = _weights(tmp_path / "one"), _weights(tmp_path / "two")
    for name, value in one.items():
        torch.testing.assert_close(two[name], value, rtol=1e-4, atol=1e-5)
    rows = (tmp_path / "two" / "curves.csv").read_text().splitlines()
    assert sum(row.startswith("40,validation,fit") for row in rows) == 1, "the first process alone writes"


def test_a_batch_that_cannot_be_shared_is_refused() -> None:
    assert Group(0, 4, "cpu").share(16) == 4
    with pytest.raises(HeadshotError, match="multiple of 3"):
        Group(0, 3, "cpu").share(16)


def test_each_process_has_its_own_graphics_card(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert own_device("cuda") == "cuda"
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert (own_device("cuda"), own_device("cpu"), own_device("cuda:0")) == ("cuda:1", "cpu", "cuda:0")
