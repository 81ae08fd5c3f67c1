"""Blender reads our files. Its module is large, so this is for the asking.

```console
python3.11 -m venv blender && blender/bin/pip install bpy==5.0.1
HEADSHOT_IMPORTERS=1 HEADSHOT_BLENDER=blender/bin/python python -m pytest tests/importers/test_blender.py
```
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import imported
import pytest

VIEWER = Path(__file__).parents[2] / "tools" / "viewers" / "blender.py"
BLENDER = os.environ.get("HEADSHOT_BLENDER", "")
ENDINGS = ("glb", "obj", "ply")
pytestmark = pytest.mark.skipif(not BLENDER, reason="set HEADSHOT_BLENDER to a Python that has bpy")


@pytest.fixture(scope="module")
def read(cases: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what Blender made of each file."""
    root = tmp_path_factory.mktemp("blender")
    files = [str(case.file(ending)) for case in cases.values() for ending in ENDINGS]
    done = subprocess.run(
        [BLENDER, str(VIEWER), "read", str(root), *files], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return root


def test_blender_reads_the_glb(name: str, read: Path, cases: Any, compare: Any, checks: Any) -> None:
    found = imported.read_dump(read / f"{name}.glb.read")
    compare(cases[name], found, checks(exact=2e-7), "glb")


@pytest.mark.parametrize("ending", ["obj", "ply"])
def test_blender_reads_obj_and_ply(
    name: str, ending: str, read: Path, cases: Any, compare: Any, checks: Any
) -> None:
    found = imported.read_dump(read / f"{name}.{ending}.read")
    check = checks(unit=1.0, exact=8e-5, morphs="", joined=True, linear=True)
    compare(cases[name], found, check, ending)
