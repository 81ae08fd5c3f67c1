"""The audit of packages says what it found, and what it could not look at."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

SAFE = {"name": "numpy", "version": "2.2.6", "vulns": []}
UNSAFE = {
    "name": "pillow",
    "version": "9.0.0",
    "vulns": [{"id": "PYSEC-2022-42979", "fix_versions": ["9.2.0"]}],
}
UNKNOWN = {"name": "torch", "skip_reason": "not found"}
OWN = {"name": "headshot", "skip_reason": "not found"}


@pytest.fixture(scope="module")
def tool() -> Any:
    file = Path(__file__).parent.parent / "tools" / "audit.py"
    spec = importlib.util.spec_from_file_location("audit_tool", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_verdicts(tool: Any) -> None:
    for report, code, said in [
        ([SAFE, OWN], 0, ["1 packages audited, 0 known"]),
        ([SAFE, UNKNOWN, OWN], 0, ["NOT RUN for 1 of 2 packages: torch", "1 packages audited"]),
        ([SAFE, UNSAFE], 1, ["pillow 9.0.0: PYSEC-2022-42979, mended in 9.2.0", "1 known"]),
        ([UNKNOWN, OWN], 0, ["NOT RUN: the package index has no data on any of the 1 packages"]),
    ]:
        found, lines = tool.verdict({"dependencies": report})
        assert found == code
        assert all(any(line in printed for printed in lines) for line in said), lines
    assert tool.verdict(None, "no network") == (0, ["NOT RUN: no network"])


def test_no_report_is_said_to_be_none(tool: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip-audit is not among the packages that tests need: without it there is an error, and no report."""
    monkeypatch.setattr(tool.sys, "executable", "python-that-fails")
    monkeypatch.setattr(
        tool.subprocess, "run", lambda *a, **k: type("Run", (), {"stdout": "", "stderr": "x\ny"})
    )
    assert tool.audited("site") == (None, "y")
