"""Every reader takes damaged and malicious files as one should: with an error of the package, or not at all.

A few cases of those that ``benchmarks/fuzz.py`` tries by the thousand, always the same.
"""

from __future__ import annotations

import sys
import tracemalloc
from itertools import islice
from pathlib import Path
from time import process_time

import pytest

from headshot.errors import HeadshotError

from .fuzzing.extremes import CLAIMS
from .fuzzing.readers import READERS

pytest.importorskip("h5py")
pytest.importorskip("scipy")

SLOW = {"ICT-FaceKit": 15, "head model": 15, "albedo model": 40, "saved head": 60}
"""Readers whose files take tens of milliseconds, and so many cases of theirs."""
CASES, SEED = 200, 17


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_only_errors_of_the_package_come_out(name: str) -> None:
    if name.startswith("training, prepared") and sys.platform == "win32":
        pytest.skip("a file that is mapped cannot be removed on Windows")
    if name.startswith("network"):
        pytest.importorskip("onnx")
    if name.startswith("training"):
        pytest.importorskip("torch")
    outcomes = set()
    for label, run in islice(READERS[name](SEED), SLOW.get(name, CASES)):
        start = process_time()
        try:
            run()
            outcomes.add("read")
        except HeadshotError as error:
            assert label != "valid", f"the valid file was refused: {error}"
            assert len(str(error)) > 20
            outcomes.add("refused")
        except Exception as error:
            raise AssertionError(f"{name}, {label}: {error!r}") from error
        assert process_time() - start < 10, label
    assert outcomes == {"read", "refused"}


@pytest.mark.parametrize("name", CLAIMS)
def test_files_that_claim_to_be_large_are_refused_at_once(name: str, tmp_path: Path) -> None:
    make, read = CLAIMS[name]
    file = make(tmp_path)
    tracemalloc.start()
    try:
        start = process_time()
        with pytest.raises(HeadshotError, match=file.name):
            read(file)
        assert process_time() - start < 5
        assert tracemalloc.get_traced_memory()[1] < 100e6
    finally:
        tracemalloc.stop()
