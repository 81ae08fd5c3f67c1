"""Options that the commands ``headshot learn ...`` share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
