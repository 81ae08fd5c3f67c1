"""What parsers raise on damaged files, as an error of this package that names the file."""

from __future__ import annotations

import csv
import pickle
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from headshot.errors import HeadshotError

RAISED: tuple[type[Exception], ...] = (
    OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RuntimeError,
    MemoryError, StopIteration, struct.error, zlib.error, BadZipFile, csv.Error,
)  # fmt: skip
"""By readers of damaged files: `UnicodeDecodeError` and `json.JSONDecodeError` are kinds of ValueError,
`RecursionError` and `NotImplementedError` of RuntimeError, `OverflowError` of ArithmeticError; h5py raises
RuntimeError, OSError and KeyError."""
_LONGEST = 300  # characters of a message


@contextmanager
def reading(
    file: object,
    what: str,
    kind: type[HeadshotError],
    advice: str = "",
    also: tuple[type[Exception], ...] = (),
) -> Iterator[None]:
    """Read a file in the block below.

    Args:
        file: for messages.
        what: it is expected to be, such as "a head model of eos".
        kind: of the error.
        advice: what to do, behind a colon.
        also: exceptions of the parser's own.

    Raises:
        HeadshotError: of this kind in the place of what is in `RAISED`. Errors of this package go through;
            those of the same kind get the name of the file where they lack it.
    """
    try:
        # Numbers of damaged files overflow; what comes of them is looked at, and refused.
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            yield
    except kind as error:
        if _named(file, error):
            raise
        raise kind(f"{file}: {error}") from error
    except HeadshotError:
        raise
    except (*RAISED, *also) as error:
        end = f": {advice}" if advice else ""
        if isinstance(error, OSError) and error.strerror:
            raise kind(f"cannot read {error.filename or file} ({error.strerror}){end}") from error
        raise kind(f"{file} cannot be read as {what} ({describe(error)}){end}") from error


def describe(error: Exception) -> str:
    """An exception in words."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, MemoryError):
        return "there is not enough memory for what it announces"
    if isinstance(error, pickle.UnpicklingError):
        return "it holds something else than numbers, which is not unpickled"
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start} is not {error.encoding}"
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, KeyError) and " " not in text:
        return f"it has no {text}"
    text = text or type(error).__name__
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."


def _named(file: object, error: HeadshotError) -> bool:
    return str(file) in str(error) or (isinstance(file, Path) and file.name in str(error))
