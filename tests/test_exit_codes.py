"""One table of exit codes: in the module, in the documentation, for every error."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headshot import errors
from headshot.exit_codes import MEANINGS, ExitCode, exit_code, exit_code_of_several, exit_codes_help

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "command-line.md"


def test_the_documentation_has_the_same_table() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {int(code): meaning for code, meaning in rows} == {int(c): m for c, m in MEANINGS.items()}
    assert all(f"{code.value}  {meaning}" in exit_codes_help() for code, meaning in MEANINGS.items())
    assert set(MEANINGS) == set(ExitCode)


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.NoFaceError, ExitCode.NO_FACE),
        (errors.PhotoError, ExitCode.UNREADABLE),
        (errors.ModelFormatError, ExitCode.UNREADABLE),
        (errors.RecordError, ExitCode.UNREADABLE),
        (errors.OutputError, ExitCode.UNWRITABLE),
        (errors.AssetError, ExitCode.INCOMPLETE),
        (errors.MissingExtraError, ExitCode.INCOMPLETE),
        (errors.HeadshotError, ExitCode.FAILED),
        (ZeroDivisionError, ExitCode.FAILED),
    ],
)
def test_every_error_has_a_code_that_is_not_that_of_a_misspelt_command(
    kind: type[Exception], code: ExitCode
) -> None:
    assert exit_code(kind("because")) == code != ExitCode.MISUSED


def test_codes_of_several_photos() -> None:
    no_face, unreadable = errors.NoFaceError("a"), errors.PhotoError("b")
    assert exit_code_of_several(3, []) == ExitCode.DONE
    assert exit_code_of_several(1, [no_face]) == ExitCode.PARTLY
    assert exit_code_of_several(0, [no_face, no_face]) == ExitCode.NO_FACE
    assert exit_code_of_several(0, [no_face, unreadable]) == ExitCode.FAILED
