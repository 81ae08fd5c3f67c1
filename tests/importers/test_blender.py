"""Blender reads our files. Its module is large, so this is for the asking.

```console
python3.11 -m venv blender && blender/bin/pip install bpy==5.0.1
HEADSHOT_IMPORTERS=1 HEADSHOT_BLENDER=blender/bin/python python -m pytest tests/importers/test_blender.py
```
"""

from __future__ import annotations

import json
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


CHECK = """
import json, sys, bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
head = bpy.data.objects["Head"]
head["jawOpen"], head["viseme_O"] = 1.0, 0.5
head.update_tag()
graph = bpy.context.evaluated_depsgraph_get()
graph.update()
meshes = [thing for thing in bpy.data.objects if thing.type == "MESH" and thing.data.shape_keys]
keys = {m.name: m.data.shape_keys.evaluated_get(graph).key_blocks for m in meshes}
print("FOUND", json.dumps({
    "bones": [bone.name for bone in head.data.bones],
    "parents": {m.name: m.parent.name for m in meshes},
    "values": {n: {k.name: round(k.value, 5) for k in found[1:] if k.value} for n, found in keys.items()},
}))
"""


def test_the_example_sets_a_head_up(cases: Any, tmp_path: Path) -> None:
    cases["whole"].head.save(tmp_path, "glb", "ann", preset="blender")
    example = Path(__file__).parents[2] / "examples" / "blender_setup.py"
    commands = (
        [str(example), str(tmp_path / "ann.glb"), str(tmp_path / "ann.blend")],
        ["-c", CHECK, str(tmp_path / "ann.blend")],
    )
    for command in commands:
        done = subprocess.run([BLENDER, *command], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.split("FOUND", 1)[1].splitlines()[0])
    assert found["bones"] == ["neck", "head", "jaw", "leftEye", "rightEye"]
    names = {"Face", "Mouth", "Teeth", "Tongue", "EyeLeft", "EyeRight", "Neck"}
    assert found["parents"] == dict.fromkeys(names, "Head")
    assert found["values"] == {name: {"jawOpen": 1.0, "viseme_O": 0.5} for name in names}
