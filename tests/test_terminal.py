"""Commands end with a message and an exit code, and show how far they are."""

from __future__ import annotations

import pytest
import typer

from headshot.errors import HeadshotError, NoFaceError
from headshot.exit_codes import ExitCode
from headshot.terminal import errors_as_messages, fail, progress_bars, with_bar


def test_errors_of_the_user_become_messages(capsys: pytest.CaptureFixture[str]) -> None:
    for error, code in (
        (HeadshotError("there is no such photo"), ExitCode.FAILED),
        (NoFaceError("nobody is there"), ExitCode.NO_FACE),
    ):
        with pytest.raises(typer.Exit) as end, errors_as_messages():
            raise error
        assert end.value.exit_code == code
        assert capsys.readouterr().err == f"headshot: {error}\n"


def test_other_errors_are_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError), errors_as_messages():
        1 / 0  # noqa: B018


@pytest.mark.parametrize(("message", "expected"), [(None, ""), ("go on", "headshot: go on\n")])
def test_an_interruption_has_its_own_exit_code(
    message: str | None, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(typer.Exit) as end, errors_as_messages(message):
        raise KeyboardInterrupt
    assert end.value.exit_code == ExitCode.INTERRUPTED and capsys.readouterr().err == expected


def test_failures_end_the_command_at_once() -> None:
    with pytest.raises(typer.Exit), errors_as_messages():
        fail("nothing to do")


def test_progress_goes_through_all_items() -> None:
    assert list(with_bar([3, 1, 2])) == [3, 1, 2]
    with progress_bars() as update:
        update("first", 1, 2)
        update("second", 1, 1)
        update("first", 2, 2)
