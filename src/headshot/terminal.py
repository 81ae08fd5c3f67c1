"""How commands speak on a terminal: errors as messages with exit codes, and progress bars."""

from __future__ import annotations

import shlex
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NoReturn, TypeVar

import typer

from headshot.errors import HeadshotError, HeadshotWarning
from headshot.exit_codes import ExitCode, exit_code

T = TypeVar("T")


def complain(message: str) -> None:
    """Say something on the standard error."""
    print(f"headshot: {message}", file=sys.stderr)


def fail(error: str | HeadshotError) -> NoReturn:
    """Say what went wrong and end the command with the error's exit code."""
    complain(str(error))
    raise typer.Exit(ExitCode.FAILED if isinstance(error, str) else exit_code(error))


def warnings_as_messages() -> None:
    """From now on, say warnings of Headshot like its errors, without a place in the source."""
    usual = warnings.showwarning

    def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
        if issubclass(category, HeadshotWarning):
            complain(f"warning: {message}")
        else:
            usual(message, category, *where, **more)

    warnings.showwarning = show


@contextmanager
def errors_as_messages(interrupted: str | None = None) -> Iterator[None]:
    """End a command whose user can mend what is wrong with a message and an exit code.

    Args:
        interrupted: said after Ctrl-C; nothing when None.
    """
    try:
        yield
    except HeadshotError as error:
        fail(error)
    except KeyboardInterrupt:
        if interrupted is not None:
            complain(interrupted)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


def command_line() -> str:
    """The command as typed, for reports."""
    return shlex.join(["headshot", *sys.argv[1:]])


def with_bar(items: Sequence[T]) -> Iterator[T]:
    """The items, with a progress bar on a terminal."""
    from rich.progress import track

    return iter(track(items, description="", disable=not sys.stderr.isatty(), transient=True))


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar for each task, on the terminal; gives a function of (task, items done, items in all)."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks: dict[str, TaskID] = {}

        def update(name: str, done: int, total: int) -> None:
            if name not in tasks:
                tasks[name] = progress.add_task(name, total=total)
            progress.update(tasks[name], completed=done)

        yield update
