"""Programs report what they took, not what their starter has."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from headshot.evaluate.processes import Program

needs_peak = pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell")


@needs_peak
def test_peak_is_the_programs_own():
    """Not that of this process, which has 400 MB more."""
    ballast = np.ones(50_000_000)
    small = Program([sys.executable, "-S", "-c", "pass"]).finish()
    large = Program([sys.executable, "-S", "-c", "x = b'1' * 200_000_000"]).finish()
    assert ballast.nbytes == 400e6
    assert small.peak < 60
    assert 190 < large.peak - small.peak < 230


@needs_peak
def test_time_of_the_processor_is_not_the_time_that_passes():
    usage = Program([sys.executable, "-S", "-c", "import time; time.sleep(0.5)"]).finish()
    assert usage.processor < 0.4 < 0.5 < usage.seconds


def test_what_it_prints_and_its_exit_code():
    code = "import sys, os; print(os.getpid()); print('no', file=sys.stderr); sys.exit(3)"
    program = Program([sys.executable, "-c", code], output=subprocess.PIPE)
    pid, lines = program.pid, list(program.lines)
    assert sorted(lines) == sorted([f"{pid}\n", "no\n"])
    assert program.finish().code == 3


def test_environment():
    program = Program(
        [sys.executable, "-S", "-c", "import os; print(os.environ['ANSWER'])"],
        {"ANSWER": "42"},
        subprocess.PIPE,
    )
    assert list(program.lines) == ["42\n"]
    assert program.finish().code == 0


def test_a_program_that_is_not_there():
    program = Program(["no-such-program-of-headshot"])
    with pytest.raises(OSError, match="could not be started"):
        program.finish()
