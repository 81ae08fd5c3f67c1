"""The commands ``headshot evaluate ...``; everything heavy is imported inside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from headshot.errors import MissingExtraError
from headshot.evaluate.photo_commands import register
from headshot.terminal import command_line, errors_as_messages, fail, with_bar

if TYPE_CHECKING:
    from headshot.evaluate.baselines import Predictor
    from headshot.evaluate.result import Result

app = typer.Typer(
    name="evaluate",
    help="Measure how good reconstructions are; docs/explanation/evaluation.md has the protocols.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
register(app)

Output = Annotated[Path, typer.Option("--output", "-o", help="Folder for NAME.json, NAME.md and NAME.html.")]
Limit = Annotated[int | None, typer.Option(min=1, help="Use so many items, spread over the data.")]
Networks = Annotated[
    list[Path] | None,
    typer.Option("--network", help="Measure MeshNet or MeshNet+ too: a run of `headshot learn mesh`."),
]


@app.command()
def scan(
    folder: Annotated[
        Path, typer.Argument(help="NAME.obj|ply|glb, its 7 or 68 points NAME.txt|json|lm3, photos NAME*.jpg.")
    ],
    predictions: Annotated[
        list[str] | None,
        typer.Option(
            metavar="METHOD=FOLDER", help="Meshes and points of another method, named like the photos."
        ),
    ] = None,
    network: Networks = None,
    unit: Annotated[str | None, typer.Option(help="Of the scans: mm, cm or m.", show_default="found")] = None,
    output: Output = Path("evaluation"),
) -> None:
    """Reconstructions against 3D scans: NoW's protocol, and errors by region."""
    if unit not in (None, "mm", "cm", "m"):
        raise typer.BadParameter(f"mm, cm or m, not {unit!r}", param_hint="--unit")
    others = {}
    for text in predictions or []:
        method, separator, where = text.partition("=")
        if not separator or not method or not Path(where).is_dir():
            raise typer.BadParameter(f"METHOD=FOLDER, not {text!r}", param_hint="--predictions")
        others[method] = Path(where)

    def measure() -> Result:
        from headshot.evaluate.scan import evaluate

        return evaluate(
            folder, methods(network), others=others, unit=unit, command=command_line(), progress=with_bar
        )

    publish(measure, output, "scan")


@app.command()
def synthetic(
    folder: Annotated[Path, typer.Argument(help="Made by tools/synthetic_heads.py.")],
    network: Networks = None,
    limit: Limit = None,
    output: Output = Path("evaluation"),
) -> None:
    """Reconstructions of synthetic heads with exact truth: shape, pose, depth, shrinkage to the mean face."""

    def measure() -> Result:
        from headshot.evaluate.synthetic import evaluate

        return evaluate(folder, methods(network), limit=limit, command=command_line(), progress=with_bar)

    publish(measure, output, "synthetic")


@app.command()
def views(
    folder: Annotated[Path, typer.Argument(help="Made by tools/synthetic_heads.py --yaws ...")],
    limit: Limit = None,
    output: Output = Path("evaluation"),
) -> None:
    """Shape by the number of photos of one synthetic head: 1, 2, 3, 5 and 8."""

    def measure() -> Result:
        from headshot.evaluate.views import evaluate_views

        return evaluate_views(folder, limit=limit, command=command_line(), progress=with_bar)

    publish(measure, output, f"views-{folder.name}")


@app.command()
def groups(
    lfw: Annotated[Path | None, typer.Option(help="Folder PERSON/PHOTO.jpg.")] = None,
    cfp: Annotated[Path | None, typer.Option(help="PERSON/frontal_NN.jpg and profile_NN.jpg.")] = None,
    people: Annotated[int, typer.Option(min=2, help="Of LFW.")] = 60,
    output: Output = Path("evaluation"),
) -> None:
    """Identity by the shape of groups of photos of one person."""

    def measure() -> Result:
        from headshot.evaluate.views import evaluate_groups

        return evaluate_groups(lfw, cfp, people=people, command=command_line(), progress=with_bar)

    if lfw is None and cfp is None:
        raise typer.BadParameter("give --lfw, --cfp or both")
    publish(measure, output, "groups")


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A.json", help="The earlier result.")],
    b: Annotated[Path | None, typer.Argument(metavar="B.json", help="The later result.")] = None,
    method: Annotated[str | None, typer.Option(help="Of A.json: compare this method ...")] = None,
    against: Annotated[str | None, typer.Option(help="... with this one, item by item.")] = None,
    statistic: Annotated[
        str | None, typer.Option(help="Over the items: median, mean, rms, p90.", show_default="the table's")
    ] = None,
) -> None:
    """Say for every number of two results, or of two methods, whether their difference is above its noise."""
    from headshot.evaluate import report
    from headshot.evaluate.bootstrap import STATISTICS
    from headshot.evaluate.difference import between
    from headshot.evaluate.difference import compare as compared
    from headshot.evaluate.tables import COMPARISON_HEADER, comparison_rows, table

    if (b is None) == (method is None) or (method is None) != (against is None):
        raise typer.BadParameter("give A.json and B.json, or A.json with --method and --against")
    if statistic is not None and statistic not in STATISTICS:
        raise typer.BadParameter(f"one of {', '.join(STATISTICS)}", param_hint="--statistic")
    with errors_as_messages():
        first = {result.measure: result for result in report.read(a)}
        if method is not None and against is not None:
            pairs = {
                result.title: between(result, method, against, statistic)
                for result in first.values()
                if {method, against} <= set(result.methods)
            }
            if not pairs:
                fail(f"no measure in {a} has both {method} and {against}")
        else:
            assert b is not None
            second = {result.measure: result for result in report.read(b)}
            common = [measure for measure in first if measure in second]
            if not common:
                fail(f"{a} and {b} have no measure in common")
            pairs = {second[m].title: compared(first[m], second[m], statistic) for m in common}
        for title, found in pairs.items():
            text = table(COMPARISON_HEADER, comparison_rows(found))
            typer.echo(f"# {title}\n\n{text}\n")


def methods(networks: Sequence[Path] | None) -> Sequence[Predictor]:
    """The methods of every table, and trained networks, which need PyTorch.

    Raises:
        MissingExtraError: PyTorch is not installed.
        HeadshotError: a folder is not a run.
    """
    from headshot.evaluate.baselines import default_predictors

    if not networks:
        return default_predictors()
    try:
        from headshot.evaluate.trained.meshnet import predictor_of
    except ModuleNotFoundError as error:
        raise MissingExtraError(f'--network needs pip install "headshot[train]" ({error})') from error
    return (*default_predictors(), *map(predictor_of, networks))


def publish(measure: Callable[[], Result], output: Path, stem: str) -> None:
    """Measure, print the summary, and write Markdown, JSON and the page."""
    from headshot.evaluate import report
    from headshot.evaluate.tables import summary_rows, table

    with errors_as_messages():
        report.check(output, stem)
        result = measure()
        files = report.write([result], output, stem)
    headings = [column.heading for column in result.columns]
    typer.echo(table(["method", *headings], summary_rows(result)))
    for file in files:
        typer.echo(f"  {file}")
