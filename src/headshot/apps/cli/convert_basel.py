"""The command ``headshot convert-basel``; everything heavy is imported inside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headshot.terminal import errors_as_messages

COMMAND = "convert-basel"


def convert_basel(
    folder: Annotated[
        Path,
        typer.Argument(help="Holds 01_MorphableModel.mat, Exp_Pca.bin, std_exp.txt and the index files."),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The file to write.")] = Path(
        "basel_front.npz"
    ),
) -> None:
    """Prepare the frontal Basel 2009 model of 35,709 vertices (docs/reference/model-formats.md)."""
    from headshot.models.readers.basel2009 import prepare
    from headshot.models.readers.basel_front import save_front

    with errors_as_messages():
        model = prepare(folder)
        save_front(model, output)
    print(
        f"{output}: {len(model.mean):,} vertices, {len(model.identity)} identity, "
        f"{len(model.expression)} expression, {len(model.texture)} texture modes"
    )
