"""Programs as processes of their own, with the time and the memory that they take.

Linux counts the memory of whoever starts a program as the program's own until it is running, and keeps the
larger of both as its peak (``ru_maxrss``). So a program is started here by a small Python process, which has
some 10 MB, and which waits for it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

_STARTER = """
import json, os, subprocess, sys, time
start = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    print(child.pid, file=file, flush=True)
    usage = None
    if hasattr(os, "wait4"):
        _, status, found = os.wait4(child.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        unit = 1 if sys.platform == "darwin" else 2**10  # ru_maxrss: bytes on macOS, kilobytes elsewhere
        usage = [found.ru_utime + found.ru_stime, found.ru_maxrss * unit / 1e6]
    else:
        code = child.wait()
    json.dump([code, time.perf_counter() - start, *(usage or [])], file)
"""


@dataclass(frozen=True)
class Usage:
    """What a program took.

    Attributes:
        code: its exit code, negative for a signal.
        seconds: from its start to its end.
        processor: seconds of processor time; NaN on Windows.
        peak: most resident memory, MB; NaN on Windows.
    """

    code: int
    seconds: float
    processor: float = float("nan")
    peak: float = float("nan")


class Program:
    """A program that runs."""

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        output: int | IO[str] = subprocess.DEVNULL,
    ) -> None:
        """Start it.

        Args:
            command: the program and its arguments.
            environment: its environment variables; those of this process when None.
            output: where what it prints goes, errors too: `subprocess.PIPE` for `lines`, or a file.
        """
        handle, name = tempfile.mkstemp(prefix="headshot-usage-")
        os.close(handle)
        self._file = Path(name)
        self._starter = subprocess.Popen(
            [sys.executable, "-S", "-c", _STARTER, name, *command],
            env=None if environment is None else dict(environment),
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @property
    def lines(self) -> IO[str]:
        """What it prints, where ``output`` is a pipe."""
        assert self._starter.stdout is not None
        return self._starter.stdout

    @property
    def pid(self) -> int:
        """Number of its process."""
        while "\n" not in (text := self._file.read_text()):
            if self._starter.poll() is not None:
                raise OSError("the program could not be started")
            time.sleep(0.01)
        return int(text.partition("\n")[0])

    def finish(self) -> Usage:
        """Wait until it ends.

        Raises:
            OSError: it could not be started.
        """
        self._starter.wait()
        if self._starter.stdout is not None:
            self._starter.stdout.close()
        _, _, usage = self._file.read_text().partition("\n")
        self._file.unlink()
        if not usage:
            raise OSError("the program could not be started")
        return Usage(*json.loads(usage))
