"""Working through photos on a terminal: a bar, what came of each, and the exit code of all."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from headshot.exit_codes import ExitCode, exit_code, exit_code_of_several
from headshot.terminal import complain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from headshot.apps.batch import Outcome
    from headshot.apps.plan import Job
    from headshot.apps.request import Request


def work_through(jobs: list[Job], request: Request, total: int) -> ExitCode:
    """Work through the photos that are not done yet, of ``total``."""
    from headshot.apps.batch import work
    from headshot.kernels import kernels_are_cold, kernels_are_kept

    alone = total == 1
    if kernels_are_cold() and kernels_are_kept():
        typer.echo("Compiling kernels, once: the first run takes some seconds longer.", err=True)
    outcomes: list[Outcome] = []
    try:
        for job in jobs if alone or not sys.stdout.isatty() else _with_bar(jobs):
            outcomes.append(work(job, request))
            _report(outcomes[-1], alone=alone)
    except KeyboardInterrupt:
        complain(f"interrupted after {len(outcomes)} of {len(jobs)} photos; --resume continues from here")
        return ExitCode.INTERRUPTED
    failed = [outcome for outcome in outcomes if outcome.error]
    errors = [outcome.error for outcome in failed if outcome.error]
    if alone:
        return exit_code(errors[0]) if errors else ExitCode.DONE
    print(f"{len(outcomes) - len(failed)} of {len(outcomes)} photos done.")
    if failed:
        names = [outcome.job.label for outcome in failed]
        more = f" and {len(names) - 10} more" if len(names) > 10 else ""
        complain(f"{len(failed)} failed: {', '.join(names[:10])}{more}")
    return exit_code_of_several(total - len(failed), errors)


def _with_bar(jobs: list[Job]) -> Iterator[Job]:
    """The jobs, with a progress bar on the terminal for as long as they last.

    What is printed meanwhile goes above the bar; of click's echo, the bar would not know.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    name = TextColumn("{task.description}", markup=False)
    with Progress(*columns, name, transient=True, redirect_stderr=sys.stderr.isatty()) as progress:
        task = progress.add_task("", total=len(jobs))
        for job in jobs:
            progress.update(task, description=Path(job.label).name)
            yield job
            progress.advance(task)


def _report(outcome: Outcome, *, alone: bool) -> None:
    """Tell what came of a photo."""
    from headshot.errors import HeadshotError

    name, error = outcome.job.label, outcome.error
    if error is None:
        heads = f"{len(outcome.quality)} heads, " if len(outcome.quality) > 1 else ""
        quality = ", ".join(f"{score:.2f}" for score in outcome.quality)
        print(f"{name}: {heads}quality {quality}, {outcome.seconds:.1f} s")
        for file in outcome.files:
            print(f"  {file}")
        for warning in outcome.warnings:
            complain(f"{name}: warning: {warning}")
    elif isinstance(error, HeadshotError):
        complain(f"{name}: {error}" if not alone else str(error))
    elif alone:
        raise error
    else:
        complain(f"{name}: internal error, please report it: {type(error).__name__}: {error}")
