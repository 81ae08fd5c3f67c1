"""Exit codes of all commands, once: for the commands, their help, and docs/reference/command-line.md."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

from headshot.errors import (
    AssetError,
    MissingExtraError,
    ModelFormatError,
    NoFaceError,
    OutputError,
    PhotoError,
    RecordError,
)


class ExitCode(IntEnum):
    """How a command ended; `MEANINGS` says it in words."""

    DONE = 0
    FAILED = 1
    MISUSED = 2
    NO_FACE = 3
    UNREADABLE = 4
    UNWRITABLE = 5
    PARTLY = 6
    INCOMPLETE = 7
    INTERRUPTED = 130


MEANINGS: dict[ExitCode, str] = {
    ExitCode.DONE: "everything was done",
    ExitCode.FAILED: "something else went wrong, or several photos failed for different reasons",
    ExitCode.MISUSED: "the command was misspelt, or its options do not go together; nothing was done",
    ExitCode.NO_FACE: "no face, or no such face, was found",
    ExitCode.UNREADABLE: "a photo, a head model or another file is missing, damaged or of another kind",
    ExitCode.UNWRITABLE: "results could not be written",
    ExitCode.PARTLY: "some of several photos failed, the others are done",
    ExitCode.INCOMPLETE: "Headshot is not complete: an extra is not installed, or a bundled file is damaged",
    ExitCode.INTERRUPTED: "interrupted by Ctrl-C",
}
"""2 is that of Click for wrong options, and 130 that of shells: 128 and the number of the signal."""

_OF_ERRORS: tuple[tuple[type[Exception], ExitCode], ...] = (
    (NoFaceError, ExitCode.NO_FACE),
    (PhotoError, ExitCode.UNREADABLE),
    (ModelFormatError, ExitCode.UNREADABLE),
    (RecordError, ExitCode.UNREADABLE),
    (OutputError, ExitCode.UNWRITABLE),
    (MissingExtraError, ExitCode.INCOMPLETE),
    (AssetError, ExitCode.INCOMPLETE),
)


def exit_code(error: Exception) -> ExitCode:
    """The code of a command that ends with an error."""
    for kind, code in _OF_ERRORS:
        if isinstance(error, kind):
            return code
    return ExitCode.FAILED


def exit_code_of_several(done: int, errors: Sequence[Exception]) -> ExitCode:
    """The code of a command that did several things one after the other.

    Args:
        done: how many are done, earlier runs included.
        errors: of those that failed. Where none is done, their common code counts.
    """
    if not errors:
        return ExitCode.DONE
    if done:
        return ExitCode.PARTLY
    codes = {exit_code(error) for error in errors}
    return codes.pop() if len(codes) == 1 else ExitCode.FAILED


def exit_codes_help() -> str:
    """The table for ``--help``; the first character tells Click not to wrap it."""
    rows = (f"  {code.value:>3}  {meaning}" for code, meaning in MEANINGS.items())
    return "\b\nExit codes:\n" + "\n".join(rows)
