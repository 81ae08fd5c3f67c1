"""Commands of `headshot evaluate` that measure on photos, and the default benchmark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headshot.terminal import command_line, errors_as_messages, progress_bars

if TYPE_CHECKING:
    from headshot.evaluate.result import Result
    from headshot.evaluate.resume_log import ResumeLog

Folder = Annotated[Path, typer.Argument(help="Folder of photos, see docs/explanation/evaluation.md.")]
Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for the reports and the resume log.")]
Limit = Annotated[int | None, typer.Option(min=1, help="At most so many, drawn with a fixed seed.")]

CONTINUES = "interrupted; the same command continues from here"


def register(app: typer.Typer) -> None:
    """Add the commands to the group `evaluate`."""
    app.command("landmarks")(landmarks)
    app.command("identity")(identity)
    app.command("recognised")(recognised)
    app.command("profiles")(profiles)
    app.command("hard")(hard)
    app.command("transfer")(transfer)
    app.command("picture")(picture)
    app.command("fairness")(fairness)
    app.command("segmentation")(segmentation)
    app.command("hair")(hair)
    app.command("speed")(speed)
    app.command("all")(benchmark)


def landmarks(
    folder: Folder,
    output: Output = Path("evaluation"),
    limit: Limit = None,
    leave_out: Annotated[int, typer.Option(help="Leave out every so many-th photo.")] = 0,
    failure: Annotated[float, typer.Option(help="Errors above this many percent are failures.")] = 8.0,
) -> None:
    """Landmark error on photos with .pts, .csv or AFLW2000 .mat files."""
    from headshot.evaluate.landmarks import NmeSettings, evaluate_landmarks

    settings = NmeSettings(failure=failure, limit=limit, leave_out=leave_out)
    _measure("landmarks", output, lambda log: evaluate_landmarks(folder, None, settings, log))


def identity(
    folder: Folder,
    output: Output = Path("evaluation"),
    people: Annotated[int, typer.Option(min=2)] = 60,
    photos: Annotated[int, typer.Option(min=2, help="Of each person.")] = 4,
) -> None:
    """AUC and EER of same- against different-person pairs, on a folder PERSON/PHOTO.jpg."""
    from headshot.datasets.selection import PeopleSelection
    from headshot.evaluate.identity import evaluate_identity

    chosen = PeopleSelection(people, photos)
    _measure("identity", output, lambda log: evaluate_identity(folder, None, chosen, log))


def recognised(
    folder: Folder,
    recogniser: Annotated[
        Path, typer.Option(help="Face-recognition network, ONNX, docs/explanation/evaluation.md.")
    ],
    output: Output = Path("evaluation"),
    people: Annotated[int, typer.Option(min=2)] = 60,
    photos: Annotated[int, typer.Option(min=2, help="Of each person; the head is of the first.")] = 4,
) -> None:
    """Whether heads are recognised in other photos of the person, on a folder PERSON/PHOTO.jpg."""
    from headshot.datasets.selection import PeopleSelection
    from headshot.evaluate.recognised import RecognisedSettings, evaluate_recognised
    from headshot.perception.recognition import Recogniser

    settings = RecognisedSettings(Recogniser(recogniser), PeopleSelection(people, photos))
    _measure("recognised", output, lambda log: evaluate_recognised(folder, settings, None, log))


def profiles(
    folder: Folder,
    output: Output = Path("evaluation"),
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many people.")] = None,
    frontal: Annotated[int, typer.Option(min=0, help="Frontal photos of each person, at most.")] = 3,
    profile: Annotated[int, typer.Option(min=0, help="Profile photos of each person, at most.")] = 4,
) -> None:
    """Faces from the side: found, points, identity against frontal photos, on the folder of CFP."""
    from headshot.evaluate.profiles import ProfileSettings, evaluate_profiles

    settings = ProfileSettings(limit, frontal, profile)
    _measure("profiles", output, lambda log: evaluate_profiles(folder, None, settings, log))


def hard(
    folder: Folder,
    output: Output = Path("evaluation"),
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many photos.")] = 40,
    leave_out: Annotated[int, typer.Option(help="Leave out every so many-th photo.")] = 0,
) -> None:
    """Landmark error on blurred, small and partly hidden faces, all methods side by side."""
    from headshot.evaluate.hard import HardSettings, evaluate_hard
    from headshot.evaluate.landmarks import NmeSettings

    settings = HardSettings(NmeSettings(leave_out=leave_out), limit)
    _measure("hard", output, lambda log: evaluate_hard(folder, None, settings, log))


def transfer(
    folder: Folder,
    output: Output = Path("evaluation"),
    people: Annotated[int, typer.Option(min=1)] = 60,
) -> None:
    """The head of one photo in another of the same person, on a folder PERSON/PHOTO.jpg."""
    from headshot.evaluate.transfer import TransferSettings, evaluate_transfer

    settings = TransferSettings(people)
    _measure("transfer", output, lambda log: evaluate_transfer(folder, None, settings, log))


def picture(
    folder: Folder,
    output: Output = Path("evaluation"),
    limit: Limit = None,
    border: Annotated[
        float, typer.Option(help="Add a border of this share of the photo: tight crops.")
    ] = 0.0,
) -> None:
    """Photometric error, SSIM and texture completeness on a folder of photos."""
    from headshot.evaluate.picture import PictureSettings, evaluate_picture

    settings = PictureSettings(limit=limit, border=border)
    _measure("picture", output, lambda log: evaluate_picture(folder, None, settings, log))


def fairness(
    folder: Folder,
    output: Output = Path("evaluation"),
    limit: Annotated[int | None, typer.Option(min=1, help="So many are reconstructed.")] = 240,
    least: Annotated[int, typer.Option(min=0, help="At least so many of each age.")] = 0,
    found: Annotated[
        int | None, typer.Option(min=1, help="On so many, only whether there is a head.")
    ] = None,
) -> None:
    """Failures, errors and skin tone by race, sex and age, on a folder of UTKFace's photos."""
    from headshot.evaluate.fairness import FairnessSettings, evaluate_fairness
    from headshot.evaluate.picture import PictureSettings

    settings = FairnessSettings(PictureSettings(limit=limit, border=0.5), least, found)
    _measure("fairness", output, lambda log: evaluate_fairness(folder, settings, log))


def segmentation(
    folder: Annotated[Path, typer.Argument(help="CelebAMask-HQ, FASSEG, HELEN or LFW part labels.")],
    photos: Annotated[Path | None, typer.Option(help="Folder of LFW's photos.")] = None,
    held_out: Annotated[bool, typer.Option(help="Only photos that training never sees.")] = False,
    network: Annotated[
        Path | None, typer.Option(help="Measure the network of a run of `headshot learn segment` too.")
    ] = None,
    output: Output = Path("evaluation"),
    limit: Limit = None,
) -> None:
    """Pixel accuracy, F1 and IoU of face parts on labelled photos, docs/explanation/segmentation.md."""
    from headshot.evaluate.face_parts import PartsSettings, evaluate_parts

    settings = PartsSettings(photos, held_out, limit, network=network)
    _measure("segmentation", output, lambda log: evaluate_parts(folder, settings, log))


def hair(
    folder: Annotated[Path, typer.Argument(help="CelebAMask-HQ, FASSEG, HELEN or LFW part labels.")],
    photos: Annotated[Path | None, typer.Option(help="Folder of LFW's photos.")] = None,
    held_out: Annotated[bool, typer.Option(help="Only photos that training never sees.")] = True,
    recogniser: Annotated[
        Path | None, typer.Option(help="Face-recognition network, ONNX: are turned heads recognised?")
    ] = None,
    output: Output = Path("evaluation"),
    limit: Limit = None,
) -> None:
    """Overlap and colour of hair with labelled photos, docs/explanation/hair.md."""
    from headshot.evaluate.hair import HairSettings, evaluate_hair
    from headshot.perception.recognition import Recogniser

    network = None if recogniser is None else Recogniser(recogniser)
    settings = HairSettings(held_out, limit, photos=photos, recogniser=network)
    _measure("hair", output, lambda log: evaluate_hair(folder, settings, log))


def speed(
    photos: Annotated[list[Path], typer.Argument(help="Photos.")],
    output: Output = Path("evaluation"),
    runs: Annotated[int, typer.Option(min=1, help="Warm runs of each photo.")] = 20,
    processes: Annotated[int, typer.Option(min=0, help="New processes for each number of threads.")] = 3,
) -> None:
    """Time by stage, memory and threads of `reconstruct`."""
    from headshot.evaluate.speed import SpeedSettings, evaluate_speed

    settings = SpeedSettings(runs, processes)
    _measure("speed", output, lambda log: evaluate_speed(tuple(photos), settings))


def benchmark(
    data: Annotated[
        Path, typer.Option(envvar="HEADSHOT_DATA", help="Research data, docs/reference/data.md.")
    ],
    output: Output = Path("evaluation"),
    only: Annotated[str, typer.Option(help="Parts to run, with commas between.")] = "",
) -> None:
    """Every measure on subsets of the research data; continues where it was interrupted."""
    from headshot.evaluate.benchmark import PARTS, run_benchmark
    from headshot.evaluate.report import check

    names = [name.strip() for name in only.split(",") if name.strip()]
    unknown = sorted(set(names) - {part.name for part in PARTS})
    if unknown:
        known = ", ".join(part.name for part in PARTS)
        raise typer.BadParameter(f"unknown: {', '.join(unknown)}; there are {known}", param_hint="--only")
    parts = tuple(part for part in PARTS if not names or part.name in names)
    stem = "-".join(names) or "all"
    with errors_as_messages(CONTINUES), progress_bars() as progress:
        check(output, stem)
        results, missing = run_benchmark(data, output / "resume-log", progress, parts)
        _write(results, output, stem)
    if missing:
        typer.echo(f"left out, because {data} lacks them: {', '.join(missing)}", err=True)


def _measure(name: str, output: Path, work: Callable[[ResumeLog], Result]) -> None:
    from headshot.evaluate.report import check
    from headshot.evaluate.resume_log import ResumeLog

    with errors_as_messages(CONTINUES), progress_bars() as progress:
        check(output, name)
        log = ResumeLog(
            output / "resume-log" / f"{name}-alone.jsonl", lambda done, n: progress(name, done, n)
        )
        result = replace(work(log), command=command_line())
        _write([result], output, name)


def _write(results: list[Result], output: Path, stem: str) -> None:
    from headshot.evaluate.report import write
    from headshot.evaluate.tables import summary_rows, table

    files = write(results, output, stem)
    for result in results:
        headings = [column.heading for column in result.columns]
        typer.echo(f"# {result.title}\n\n{table(['method', *headings], summary_rows(result))}\n")
    for file in files:
        typer.echo(f"  {file}")
