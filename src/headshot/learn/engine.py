"""Training, the same for every network of this project; read it from top to bottom.

A run lives in one folder:

    checkpoint-001500/     the latest state: network, averaged network, optimiser, step, best score
    best/                  the averaged weights with the best validation score, and that score
    curves.csv             every number that was logged; also as TensorBoard events in events/
    pictures/001500.png    what the network makes of a few validation items
    held-out.txt           names of the validation items, if they have some
    run.json               what the run is of (`headshot.learn.records`)

The first validation, of step 0, comes before anything is learned: what is not better than it was not worth
the training, and it stays the best until something is.

A run that is interrupted (Ctrl-C, or the machine) continues from its latest checkpoint and ends with the same
bits as if nothing had happened, on the same machine and number of threads: items of the data depend on their
number alone, and the random generator is seeded anew at every step. Weights are safetensors, the optimiser's
state is read with ``weights_only=True``: nothing is unpickled.

Several processes share each batch where `torchrun` starts them; see `headshot.learn.distributed`.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from headshot.arrays import U8
from headshot.errors import HeadshotError
from headshot.learn.checkpoints import State, plain_weights, resume, save, write_whole
from headshot.learn.curves import Curves, Metrics
from headshot.learn.distributed import Group, join
from headshot.learn.records import write_record


@dataclass(frozen=True)
class Plan:
    """How to train.

    Attributes:
        steps: optimiser steps of the whole run; the learning rate falls along half a cosine until the last.
        batch: items a step.
        rate: highest learning rate.
        warm_up: steps in which the learning rate rises to it.
        final: share of it that is left at the last step; 1 keeps it constant.
        decay: AdamW's weight decay; biases and normalisation are exempt.
        average: of the weights: share of the moving average that stays at each step (0 = none).
        clip: longest gradient.
        seed: of everything random.
        device: as PyTorch names it.
        precision: "float32", or "bfloat16" for autocast.
        workers: processes that load data; 0 loads it in between.
        every: steps between validations, each followed by a picture and a checkpoint.
        save_every: steps between further checkpoints.
        save_minutes: longest time between checkpoints, however slow the steps are.
    """

    steps: int
    batch: int = 16
    rate: float = 1e-3
    warm_up: int = 100
    final: float = 0.01
    decay: float = 0.01
    average: float = 0.998
    clip: float = 5.0
    seed: int = 0
    device: str = "cpu"
    precision: str = "float32"
    workers: int = 0
    every: int = 500
    save_every: int = 100
    save_minutes: float = 10.0

    def __post_init__(self) -> None:
        if self.precision not in ("float32", "bfloat16"):
            raise HeadshotError(f'the precision must be "float32" or "bfloat16", not {self.precision!r}')


@dataclass(frozen=True)
class Task:
    """What to train.

    Attributes:
        network: with its starting weights; trained in place.
        data: item k for any k from 0 on, depending on k alone; step s takes items s * batch and following.
        loss: network and batch (on the plan's device) to the loss and to what else should be logged.
        validate: network in evaluation mode to its metrics.
        score: the metric by which the best checkpoint is chosen, the higher the better.
        picture: network in evaluation mode to a picture (H, W, 3) uint8, or None for no pictures.
        held_out: names of what is validated on.
        about: the kind of the run, and what is needed to use its network, plain values.
    """

    network: nn.Module
    data: Dataset[Any]
    loss: Callable[[nn.Module, Any], tuple[Tensor, Metrics]]
    validate: Callable[[nn.Module], Metrics]
    score: str
    picture: Callable[[nn.Module], U8] | None = None
    held_out: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def train(task: Task, plan: Plan, folder: Path, *, say: Callable[[str], None] = print) -> nn.Module:
    """Train, or go on training, and return the averaged network as it is at the end.

    Args:
        task: what to train.
        plan: how; a resumed run must have the same batch, seed and precision.
        folder: of the run; continued where it stopped if it has a checkpoint.
        say: called with a line of progress now and then.

    Raises:
        HeadshotError: the folder's checkpoint belongs to another run, or the loss is no longer finite.
        KeyboardInterrupt: after Ctrl-C, when the state has been saved.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with join(plan.device) as group:
        network = _train(task, plan, folder, group, say if group.first else lambda _: None)
    if network is None:  # all processes have stopped, and have parted in good order
        raise KeyboardInterrupt
    return network


def _train(
    task: Task, plan: Plan, folder: Path, group: Group, say: Callable[[str], None]
) -> nn.Module | None:
    """The run, as one process of a group sees it; None when Ctrl-C has stopped it."""
    device = torch.device(group.device)
    network = task.network.to(device)
    group.copy_first(network)
    state = State(network, deepcopy(network).requires_grad_(False), _optimiser(network, plan))
    resume(state, asdict(plan), folder, device)
    curves = Curves(folder, state.step) if group.first else None
    if group.first and task.about:
        write_record(folder, task.about, asdict(plan))
    if state.step == 0:
        if curves is not None:
            if task.held_out:
                (folder / "held-out.txt").write_text("\n".join(task.held_out) + "\n", encoding="utf-8")
            _validate(state, task, folder, curves, say)
        group.any(False)  # the others wait
    started = saved = time.monotonic()
    first, stopping = state.step, False
    with _interruptible() as interrupted:
        for batch in _batches(task.data, plan, state.step, group):
            logged = _step(state, task, plan, _to(batch, device), group)
            stopping = group.any(interrupted())
            if state.step % 20 == 0 and curves is not None:
                pace = (time.monotonic() - started) / (state.step - first)
                logged["seconds_per_step"] = pace
                curves.add(state.step, "train", logged)
                left = pace * (plan.steps - state.step) / 60
                say(f"step {state.step}/{plan.steps} loss {logged['loss']:.4f}, {left:.0f} min left")
            validating = state.step % plan.every == 0 or state.step == plan.steps
            late = group.any(time.monotonic() - saved > 60 * plan.save_minutes)
            if validating or state.step % plan.save_every == 0 or late or stopping:
                group.mean_statistics(state.network)
                group.mean_statistics(state.average)
                if curves is not None:
                    if validating:
                        _validate(state, task, folder, curves, say)
                    save(state, asdict(plan), folder)
                saved = time.monotonic()
                group.any(False)  # nobody goes on, or ends, before the files are there
            if stopping:
                say(f"interrupted at step {state.step}; the same command continues from here")
                break
    if curves is not None:
        curves.close()
    return None if stopping else state.average.eval()


def learning_rate(step: int, plan: Plan) -> float:
    """Learning rate of a step (from 0): a linear rise, then half a cosine (Loshchilov and Hutter 2017)."""
    if step < plan.warm_up:
        return plan.rate * (step + 1) / plan.warm_up
    through = (step - plan.warm_up) / max(plan.steps - plan.warm_up, 1)
    return plan.rate * (plan.final + (1 - plan.final) * 0.5 * (1 + math.cos(math.pi * min(through, 1.0))))


def _step(state: State, task: Task, plan: Plan, batch: Any, group: Group) -> Metrics:
    """One step of the optimiser."""
    torch.manual_seed((plan.seed * 1_000_003 + state.step) * group.size + group.rank)
    rate = learning_rate(state.step, plan)
    for parameters in state.optimiser.param_groups:
        parameters["lr"] = rate
    state.network.train()
    with torch.autocast(torch.device(plan.device).type, torch.bfloat16, enabled=plan.precision == "bfloat16"):
        loss, extra = task.loss(state.network, batch)
    state.optimiser.zero_grad(set_to_none=True)
    loss.backward()
    group.mean_gradients(state.network)
    length = nn.utils.clip_grad_norm_(state.network.parameters(), plan.clip)
    value = float(loss.detach())
    if not math.isfinite(value) or not math.isfinite(float(length)):
        raise HeadshotError(
            f"the loss is no longer finite at step {state.step}: go on from the last checkpoint with a "
            "lower learning rate"
        )
    state.optimiser.step()
    state.step += 1
    # Early averages would remember the start for too long.
    keep = min(plan.average, (1 + state.step) / (10 + state.step)) if plan.average else 0.0
    with torch.no_grad():
        for mean, now in zip(
            state.average.state_dict().values(), state.network.state_dict().values(), strict=True
        ):
            if mean.is_floating_point():
                mean.lerp_(now, 1 - keep)
            else:
                mean.copy_(now)
    return {"loss": value, "rate": rate, "gradient": float(length), **extra}


def _validate(state: State, task: Task, folder: Path, curves: Curves, say: Callable[[str], None]) -> None:
    """Metrics and a picture of the averaged network, kept if it is the best so far."""
    state.average.eval()
    with torch.no_grad():
        metrics = task.validate(state.average)
        picture = task.picture(state.average) if task.picture else None
    curves.add(state.step, "validation", metrics)
    say(f"step {state.step} validation " + ", ".join(f"{k} {v:.4f}" for k, v in metrics.items()))
    if picture is not None:
        (folder / "pictures").mkdir(exist_ok=True)
        Image.fromarray(picture).save(folder / "pictures" / f"{state.step:06d}.png")
    if metrics[task.score] > state.best:
        state.best = metrics[task.score]
        best = folder / "best"
        best.mkdir(exist_ok=True)
        write_whole(best / "network.safetensors", lambda file: save_file(plain_weights(state.average), file))
        content = json.dumps({"step": state.step, **metrics}, indent=1)
        write_whole(best / "metrics.json", lambda file: file.write_text(content, encoding="utf-8"))


def _optimiser(network: nn.Module, plan: Plan) -> torch.optim.Optimizer:
    """AdamW (Loshchilov and Hutter 2019), as one kernel: with many weights ten times faster."""
    matrices = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    vectors = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": plan.decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.rate, fused=True)


class _Numbers(Dataset[Any]):
    """A process's items of a data set, from a step on: its share of every batch."""

    def __init__(self, data: Dataset[Any], plan: Plan, first: int, group: Group) -> None:
        self.data, self.batch, self.first, self.rank = data, plan.batch, first, group.rank
        self.share, self.steps = group.share(plan.batch), plan.steps - first

    def __len__(self) -> int:
        return self.steps * self.share

    def __getitem__(self, k: int) -> Any:
        step, place = divmod(k, self.share)
        return self.data[(self.first + step) * self.batch + self.rank * self.share + place]


def _one_thread(_: int) -> None:
    """What loading processes do first: Ctrl-C is the main one's business."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)


def _batches(data: Dataset[Any], plan: Plan, first: int, group: Group) -> Iterator[Any]:
    """A process's batches of the steps from ``first`` on."""
    numbers = _Numbers(data, plan, first, group)
    yield from DataLoader(
        numbers, numbers.share, num_workers=plan.workers, worker_init_fn=_one_thread if plan.workers else None
    )


def _to(batch: Any, device: torch.device) -> Any:
    """Tensors of nested tuples, lists and dictionaries on a device."""
    if isinstance(batch, Tensor):
        return batch.to(device)
    if isinstance(batch, dict):
        return {key: _to(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        return type(batch)(_to(value, device) for value in batch)
    return batch


@contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed (a second one stops at once)."""
    pressed = False

    def note(number: int, frame: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, signal.default_int_handler)

    try:
        before = signal.signal(signal.SIGINT, note)
    except ValueError:  # not in the main thread, where there is no Ctrl-C to handle
        yield lambda: False
        return
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)
