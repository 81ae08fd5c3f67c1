"""The command ``headshot``: the verbs of the Python package, for the terminal.

Exit codes are those of `headshot.exit_codes`.

Everything heavy is imported inside the commands, so that ``headshot --help`` answers at once.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headshot.apps.cli.choices import (
    Detail,
    Expression,
    Preset,
    Prior,
    TextureKind,
    face_number,
    fit_and_files,
    refuse_unused,
)
from headshot.apps.cli.convert_basel import COMMAND, convert_basel
from headshot.apps.cli.group import Commands
from headshot.apps.cli.progress import work_through
from headshot.apps.keypoint.command import keypoint
from headshot.apps.output import output_folder, require_writable
from headshot.apps.relight.command import relight
from headshot.evaluate.cli import app as evaluate_app
from headshot.exit_codes import exit_codes_help
from headshot.export.presets import presets_help
from headshot.export.registry import DEFAULT_FORMATS, FORMATS, formats_help
from headshot.terminal import complain, errors_as_messages, fail, warnings_as_messages

if TYPE_CHECKING:
    from headshot.settings import Settings

app = typer.Typer(
    name="headshot",
    cls=Commands,
    epilog=exit_codes_help(),
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: half the time to start, and it fits into a narrow terminal
)
app.add_typer(evaluate_app)


def _version(wanted: bool) -> None:
    if wanted:
        from headshot import __version__

        typer.echo(f"headshot {__version__}")
        raise typer.Exit


@app.callback()
def headshot(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """One photo of a face in, a textured, animatable 3D head out."""


@app.command()
def reconstruct(
    context: typer.Context,
    photos: Annotated[
        list[Path],
        typer.Argument(metavar="PHOTO...", help="Photos, or folders of photos.", show_default=False),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("out"),
    face: Annotated[
        str, typer.Option(help='Which face: "largest", "all", or a number, 1 being the largest.')
    ] = "largest",
    formats: Annotated[
        str | None,
        typer.Option(
            help=formats_help(),
            show_default=f"those of the preset, or {','.join(DEFAULT_FORMATS)}",
        ),
    ] = None,
    texture_size: Annotated[
        int, typer.Option(min=512, max=4096, help="Width and height of the texture, pixels.")
    ] = 1024,
    texture: Annotated[
        TextureKind | None,
        typer.Option(
            help="As photographed, or the skin's own colour without the photo's light.",
            show_default="without, and in a GLB as photographed too",
        ),
    ] = None,
    detail: Annotated[
        Detail, typer.Option(help="About 13,500 vertices of skin (high) or 3,400 (low).")
    ] = Detail.high,
    expression: Annotated[
        Expression | None,
        typer.Option(
            help="Show meshes with the expression of the photo, or neutral.",
            show_default="the GLB starts neutral, OBJ and PLY are as in the photo",
        ),
    ] = None,
    prior: Annotated[
        Prior,
        typer.Option(
            help="Prior of the shape: what a network predicts from the face (identity), or only how people "
            "differ (none)."
        ),
    ] = Prior.identity,
    preset: Annotated[
        list[Preset] | None,
        typer.Option(
            help="All steps of the fit (accurate), or fewer of them (fast); and files for a place where "
            f"heads go: {presets_help()}. One of each kind, with the option given twice.",
            show_default="accurate",
        ),
    ] = None,
    hair: Annotated[
        str,
        typer.Option(
            metavar="auto|none|STYLE",
            help="Hair as in the photo, none, or a style such as bob01; `headshot info` lists all.",
        ),
    ] = "auto",
    photometric: Annotated[
        bool,
        typer.Option(
            "--photometric/--no-photometric", help="Fit shape, skin and light to the photo's colours, too."
        ),
    ] = True,
    model: Annotated[
        str,
        typer.Option(
            help='Head model: "headshot" (built in), or the file of another one: Surrey, Basel, ICT-FaceKit '
            "and more (docs/reference/model-formats.md). Others are fitted to landmarks alone."
        ),
    ] = "headshot",
    method: Annotated[
        Path | None,
        typer.Option(
            help="Run of `headshot learn face` or `headshot learn mesh`, whose network takes the place "
            'of the fit; needs the extra "train". With --model, the file of its face model.',
            show_default="the fit",
        ),
    ] = None,
    one_person: Annotated[
        bool,
        typer.Option(
            "--one-person",
            help="All photos show one person: make one head. Of a folder of folders, one of each.",
        ),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="With --one-person: use photos that seem to show somebody else, too."),
    ] = False,
    recursive: Annotated[
        bool, typer.Option("--recursive", "-r", help="Look into sub-folders; results get the same folders.")
    ] = False,
    skip_existing: Annotated[
        bool,
        typer.Option(
            "--skip-existing",
            "--resume",
            help="Leave out photos whose results are all there, made from this very photo with these "
            "settings by this version.",
        ),
    ] = False,
) -> None:
    """Reconstruct the head in each photo, or one head from several photos of a person.

    Results are called like their photo, with --one-person like the folder or the first photo. With --face
    all they are numbered, largest face first: PHOTO-1, PHOTO-2 and so on. All files of a head appear
    together, when they are complete; earlier ones of the same photo are replaced. Anything else in their
    way ends the command before it starts. Previews and textures in folders of photos are left out.
    """
    from headshot.apps.plan import plan, plan_people
    from headshot.apps.request import Request
    from headshot.apps.resume import finished, in_the_way
    from headshot.errors import HeadshotError, OutputError
    from headshot.export import parse_formats, preset_settings
    from headshot.export.mark import carries_mark
    from headshot.image.files import find_people, find_photos
    from headshot.models.protocol import BUNDLED

    number = face_number(face)
    output_folder(output)
    if one_person and number != 1:
        raise typer.BadParameter("one person is the largest face of each photo", param_hint="--face")
    if one_person and method is not None:
        raise typer.BadParameter("a training run reads one photo", param_hint="--one-person")
    if one_person:
        refuse_unused(context, ["recursive"], "with --one-person: name the folders of the people")
    else:
        refuse_unused(context, ["force"], "without --one-person")
    fit, files = fit_and_files(preset or ())
    usual, export = preset_settings(
        files,
        expression=expression.value if expression else None,
        texture=texture.value if texture else None,
    )
    try:
        wanted = parse_formats(formats or usual or DEFAULT_FORMATS)
    except HeadshotError as error:
        raise typer.BadParameter(str(error), param_hint="--formats") from error
    if all(FORMATS[name].subject == "document" for name in wanted):
        refuse_unused(context, ["expression", "texture"], f"on {', '.join(wanted)}: they are of meshes")
    if method is not None:
        refuse_unused(context, ["prior", "photometric"], "on training runs: they are of the fit")
        if fit is not None:
            raise typer.BadParameter(f"{fit} is of the fit, not of training runs", param_hint="--preset")
    if model != BUNDLED:
        refuse_unused(context, ["detail", "prior", "photometric", "hair"], "with other head models")
        if texture is TextureKind.albedo:
            raise typer.BadParameter("only the bundled head model has an albedo", param_hint="--texture")
        if files is not None or any(FORMATS[name].subject == "head" for name in wanted):
            hint = "--formats" if files is None else "--preset"
            raise typer.BadParameter("only heads of the bundled model have bones and levels", param_hint=hint)
    request = Request(number, wanted, export=export, force=force)
    own: set[Path] = set()  # files in folders that Headshot wrote

    def is_own(file: Path) -> bool:
        found = carries_mark(file)
        if found:
            own.add(file.resolve())
        return found

    with errors_as_messages():
        try:
            if one_person:
                jobs = plan_people(find_people(photos, leave_out=is_own), output, wanted)
            else:
                jobs = plan(find_photos(photos, recursive=recursive, leave_out=is_own), output, wanted)
        finally:
            if own:
                typer.echo(f"Pictures written by Headshot and left out: {len(own)}.")
        require_writable(output)
        settings = _settings(detail, texture_size, photometric, prior, fit)
        request = replace(request, settings=_with_hair(settings, hair))
        if method is not None:
            from headshot.method import load_method

            request = replace(request, method=load_method(method, None if model == BUNDLED else model))
            assert request.method is not None
            if request.method.model is not None and texture is TextureKind.albedo:
                raise HeadshotError("only heads of the bundled model have an albedo: leave out --texture")
        elif model != BUNDLED:
            from headshot.models.readers import read_model

            request = replace(request, model=read_model(model))
        total, read = len(jobs), [photo for job in jobs for photo in job.photos]
        if skip_existing:
            jobs = [job for job in jobs if not finished(job, request)]
            typer.echo(f"{total - len(jobs)} of {total} photos were already done.")
        obstacles = list(in_the_way(jobs, request, read))
        if obstacles:
            for reason in obstacles[:10]:
                complain(reason)
            more = f"; {len(obstacles) - 10} more files likewise" if len(obstacles) > 10 else ""
            raise OutputError(f"nothing was done{more}")
    if jobs:
        raise typer.Exit(work_through(jobs, request, total))


@app.command(
    add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
)
def learn(context: typer.Context) -> None:
    """Train the networks; needs the extra "train"."""
    from headshot.errors import MissingExtraError

    try:
        from headshot.evaluate.trained.command import app as learn_app
    except MissingExtraError as error:
        fail(error)
    learn_app(args=context.args, prog_name="headshot learn")


app.command()(keypoint)
app.command()(relight)
app.command(COMMAND)(convert_basel)


@app.command()
def info() -> None:
    """Show the version, what it runs on, and the files and networks that it ships with."""
    import platform
    from importlib.metadata import version

    from rich.console import Console
    from rich.table import Table

    from headshot import __version__, assets
    from headshot.hair.styles import load_styles
    from headshot.perception.networks import NETWORKS

    console = Console(highlight=False)
    console.print(f"headshot {__version__}, Python {platform.python_version()}, {platform.platform()}")
    console.print(", ".join(f"{n} {version(n)}" for n in ("numpy", "numba", "onnxruntime", "pillow")))
    table = Table("file", "size", "licence", "source", box=None, pad_edge=False)
    for name, entry in sorted(assets.manifest().items()):
        table.add_row(name, f"{entry['bytes'] / 1e6:.1f} MB", entry["licence"], entry["source"])
    console.print(table)
    table = Table("network", "input", "for", "head model", box=None, pad_edge=False)
    for name, network in NETWORKS.items():
        shape = " x ".join(str(n) for n in next(iter(network.inputs.values()))[1:])
        table.add_row(name, shape, network.purpose, network.head_model or "any")
    console.print(table)
    console.print(f"hair styles: {', '.join(load_styles())}")


@app.command()
def licences() -> None:
    """Show the licence texts of the files that Headshot ships with."""
    from headshot import assets

    for file in sorted((assets.DIRECTORY / "licenses").iterdir()):
        typer.echo(f"{'=' * 80}\n{file.name}\n{'=' * 80}\n{file.read_text(encoding='utf-8')}")


def main() -> None:
    """Entry point of the command."""
    warnings_as_messages()
    for stream in (sys.stdout, sys.stderr):
        # Names of files need not be Unicode, nor what the terminal can show.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    app()


def _settings(
    detail: Detail, texture_size: int, photometric: bool, prior: Prior, fit: str | None
) -> Settings:
    """How to reconstruct."""
    from headshot.settings import Settings
    from headshot.texture import TextureSettings

    texture = TextureSettings(size=texture_size)
    settings = Settings(detail.value, prior.value, texture=texture)
    if fit is not None:
        settings = Settings.from_dict(settings.to_dict() | {"preset": fit})
    return settings if photometric else replace(settings, photometric=None)


def _with_hair(settings: Settings, hair: str) -> Settings:
    try:
        return replace(settings, hair=hair)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--hair") from error
