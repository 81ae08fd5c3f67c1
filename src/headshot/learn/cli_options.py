"""Options that the commands ``headshot learn ...`` share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from headshot.learn.engine import Plan

Run = Annotated[
    Path, typer.Argument(help="Folder of the run; training continues from the checkpoint that it holds.")
]
Steps = Annotated[int, typer.Option(min=1, help="Steps of the whole run.")]
Batch = Annotated[int, typer.Option(min=1, help="Photos a step.")]
Rate = Annotated[float, typer.Option(min=0, help="Highest learning rate.")]
Every = Annotated[int, typer.Option(min=1, help="Steps between validations.")]
Export = Annotated[Path | None, typer.Option(help="Write the best weights as ONNX and end.")]
Imagenet = Annotated[bool, typer.Option(help="Begin with ImageNet's weights, not random ones.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Device = Annotated[str, typer.Option(help='As PyTorch names it: "cpu", "cuda", "mps".')]
Precision = Annotated[str, typer.Option(help='"float32" or "bfloat16".')]
Threads = Annotated[int, typer.Option(min=1, help="Pictures rendered at the same time.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes that load photos.")]
LfwPhotos = Annotated[Path | None, typer.Option(help="Folder of LFW's photos, for LFW's part labels.")]
Recogniser = Annotated[
    Path | None, typer.Option(help="MobileFaceNet's weights (safetensors), for losses of the identity.")
]

# Of what learns from folders of training crops.
Store = Annotated[Path, typer.Argument(help="Folder of training crops.")]
LearnedFrom = Annotated[Path | None, typer.Argument(help="Folder of training crops; not needed to export.")]
Benchmark = Annotated[
    Path | None, typer.Option(help="Research data whose photos in the benchmark are left out of training.")
]
Begin = Annotated[
    Path | None,
    typer.Option(help="Begin with the best weights of this run; identity takes one of regressor too."),
]
Frozen = Annotated[
    int, typer.Option(min=0, help="First blocks whose weights stay; after 11, identity learns only shapes.")
]


def plan(
    steps: int, batch: int, rate: float, every: int, seed: int, *, device: str, workers: int,
    precision: str = "float32",
) -> Plan:  # fmt: skip
    """How to train with these options; imports PyTorch."""
    from headshot.learn.distributed import own_device
    from headshot.learn.engine import Plan

    return Plan(
        steps=steps, batch=batch, rate=rate, every=every, seed=seed, device=own_device(device),
        precision=precision, workers=workers,
    )  # fmt: skip


def short_plan(
    steps: int, batch: int, rate: float, every: int, seed: int, average: float, precision: str = "float32"
) -> Plan:
    """The same for runs of a few hundred steps (`headshot.learn.engine.Plan`): a short warm-up, no decay."""
    from headshot.learn.engine import Plan

    return Plan(
        steps=steps, batch=batch, rate=rate, warm_up=min(20, steps), decay=0.0, average=average, every=every,
        save_every=every, save_minutes=10.0, seed=seed, precision=precision,
    )  # fmt: skip
