"""Options that the commands ``headshot learn ...`` share, and how they end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from headshot.errors import HeadshotError

FAILED, INTERRUPTED = 1, 130

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
Workers = Annotated[int, typer.Option(min=0, help="Processes that load photos.")]


def execute(work: Callable[[], None]) -> None:
    """Do a command's work; errors that a user can cause end it with a message and exit code 1."""
    try:
        work()
    except HeadshotError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def fail(message: str) -> NoReturn:
    """Tell what went wrong and end with exit code 1."""
    print(f"headshot: {message}", file=sys.stderr)
    raise typer.Exit(FAILED)
