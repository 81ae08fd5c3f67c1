"""The state of a training run on disk: checkpoints, and the best weights; see `headshot.learn.engine`."""

from __future__ import annotations

import json
import math
import pickle
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from headshot.errors import HeadshotError
from headshot.reading.complaint import reading
from headshot.reading.documents import read_json

_SAME = ("batch", "seed", "precision")  # what a resumed run may not change


@dataclass
class State:
    """What changes during a run and must survive it."""

    network: nn.Module
    average: nn.Module
    optimiser: torch.optim.Optimizer
    step: int = 0
    best: float = -math.inf


def best_weights(folder: Path) -> dict[str, Tensor]:
    """The averaged weights with the best validation score of a run.

    Raises:
        HeadshotError: the run has not been validated yet.
    """
    file = folder / "best" / "network.safetensors"
    if not file.is_file():
        raise HeadshotError(f"{folder} has no best weights yet: train until the first validation")
    with reading(file, "weights of a run", HeadshotError, also=(SafetensorError,)):
        return load_file(file)


def save(state: State, plan: dict[str, Any], folder: Path) -> None:
    """Write a checkpoint, complete or not at all, and remove the one before.

    Args:
        state: of the run.
        plan: fields of its `headshot.learn.engine.Plan`.
        folder: of the run.
    """
    target = folder / f"checkpoint-{state.step:06d}"
    part = folder / "checkpoint.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    save_file(plain_weights(state.network), part / "network.safetensors")
    save_file(plain_weights(state.average), part / "average.safetensors")
    torch.save(state.optimiser.state_dict(), part / "optimiser.pt")
    content = {"step": state.step, "best": state.best, "plan": plan}
    (part / "state.json").write_text(json.dumps(content, indent=1), encoding="utf-8")
    if target.exists():
        shutil.rmtree(target)
    part.rename(target)
    for older in _checkpoints(folder):
        if older != target:
            shutil.rmtree(older)


def _checkpoints(folder: Path) -> list[Path]:
    """Those of a run, the latest last; folders of other names beside them are somebody else's."""
    return sorted(
        path for path in folder.glob("checkpoint-*") if re.fullmatch(r"checkpoint-[0-9]{6,}", path.name)
    )


def resume(state: State, plan: dict[str, Any], folder: Path, device: torch.device) -> None:
    """Load the latest checkpoint, if there is one.

    Args:
        state: of the run, changed in place.
        plan: fields of its `headshot.learn.engine.Plan`.
        folder: of the run.
        device: of the optimiser's state.

    Raises:
        HeadshotError: the checkpoint belongs to another run, or is damaged.
    """
    found = _checkpoints(folder)
    if not found:
        return
    with reading(found[-1], "a checkpoint", HeadshotError, also=(SafetensorError, pickle.UnpicklingError)):
        _resume(state, plan, found[-1], device)


def _resume(state: State, plan: dict[str, Any], folder: Path, device: torch.device) -> None:
    content = read_json(folder / "state.json")
    for name in _SAME:
        if content["plan"][name] != plan[name]:
            raise HeadshotError(
                f"{folder} was begun with {name} {content['plan'][name]}, not {plan[name]}: "
                "keep it, or train into another folder"
            )
    weights = [load_file(folder / name) for name in ("network.safetensors", "average.safetensors")]
    try:
        state.network.load_state_dict(weights[0])
        state.average.load_state_dict(weights[1])
    except RuntimeError as error:
        raise HeadshotError(f"{folder} is of another network: train into another folder") from error
    saved = torch.load(folder / "optimiser.pt", map_location=device, weights_only=True)
    state.optimiser.load_state_dict(saved)
    state.step, state.best = int(content["step"]), float(content["best"])


def plain_weights(network: nn.Module) -> dict[str, Tensor]:
    """Weights as safetensors takes them."""
    return {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}


def write_whole(file: Path, fill: Callable[[Path], object]) -> None:
    """A file that is complete whenever it is there."""
    part = file.with_name(file.name + ".part")
    fill(part)
    part.replace(file)
