"""Opening a training run, of whatever kind: one entry a kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from headshot.errors import HeadshotError
from headshot.learn.apply.face import FaceRun
from headshot.learn.apply.found import Run
from headshot.learn.apply.mesh import MeshNetPlusRun, MeshNetRun
from headshot.learn.checkpoints import best_weights
from headshot.learn.records import read_record

Weights = Mapping[str, Tensor]


@dataclass(frozen=True)
class Given:
    """What a user may say of a run that does not say it itself.

    Attributes:
        model: "ours", or the file of its Basel model.
        size: pixels that its network sees.
    """

    model: str | Path | None = None
    size: int | None = None


@dataclass(frozen=True)
class Kind:
    """A kind of run that can be applied.

    Attributes:
        command: that trains it.
        weights: names by which weights of a run without a record are known.
        load: from folder, record, weights and what is given.
    """

    command: str
    weights: frozenset[str]
    load: Callable[[Path, Mapping[str, Any], Weights, Given], Run]


KINDS: dict[str, Kind] = {
    "face": Kind(
        "headshot learn face",
        frozenset({"backbone.conv1.weight", "coefficients.weight"}),
        lambda folder, record, weights, given: FaceRun(folder, record, weights, given.model, given.size),
    ),
    "meshnet": Kind(
        "headshot learn mesh --network paper",
        frozenset({"offsets.weight", "colours.weight"}),
        lambda folder, record, weights, given: MeshNetRun(folder, record, weights),
    ),
    "meshnet+": Kind(
        "headshot learn mesh --network plus",
        frozenset({"template", "mean_log_albedo"}),
        lambda folder, record, weights, given: MeshNetPlusRun(folder, record, weights),
    ),
}


def open_run(folder: Path, given: Given = Given()) -> Run:
    """Load the best weights of a run.

    Raises:
        HeadshotError: there is no such folder, it holds no weights yet or damaged ones, or its kind cannot be
            applied.
    """
    if not folder.is_dir():
        raise HeadshotError(
            f"there is no training run {folder}: give a folder of `headshot learn face` or mesh"
        )
    record = read_record(folder)
    weights = best_weights(folder)
    kind = record.get("kind") or next((k for k, v in KINDS.items() if v.weights <= set(weights)), None)
    if kind not in KINDS:
        commands = ", ".join(f"`{entry.command}`" for entry in KINDS.values())
        what = f"is a run of kind {kind!r}" if kind else "is no run whose network is known"
        raise HeadshotError(f"{folder} {what}, which cannot be applied to photos: give one of {commands}")
    if given != Given() and kind != "face":
        raise HeadshotError(
            f"--model and --size are for runs of `{KINDS['face'].command}`, and {folder} is none"
        )
    try:
        return KINDS[kind].load(folder, record, weights, given)
    except (RuntimeError, KeyError) as error:
        raise HeadshotError(f"{folder} does not hold the weights of its network: train it again") from error
