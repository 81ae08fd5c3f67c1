"""three-vrm, the reference implementation in JavaScript, reads an avatar with its bones and expressions."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from test_three import BROWSERS, VIEWER

from headshot.export.vrm import BODY, PRESETS
from headshot.models.arkit import ARKIT52

pytestmark = [pytest.mark.needs("node"), pytest.mark.needs(*BROWSERS)]


@pytest.fixture(scope="module")
def read(cases: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    root = tmp_path_factory.mktemp("vrm")
    cases["whole"].head.save(root, "vrm", "ann", preset="vrm")
    done = subprocess.run(
        ["node", str(VIEWER), "read", str(root), str(root / "ann.vrm")],
        env=os.environ, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(Path(root / "ann.vrm.json").read_text(encoding="utf-8"))


def test_bones_stand_where_they_are_meant_to(read: dict[str, Any]) -> None:
    assert read["meta"]["metaVersion"] == "1" and read["meta"]["name"] == "ann"
    for name, _, x, y in BODY:
        assert read["bones"][name] == pytest.approx([x, y, 0], abs=1e-6)
    assert {"neck", "head", "jaw", "leftEye", "rightEye"} <= set(read["bones"])
    low, high = read["bounds"]  # of the meshes, as bones and blend shapes move them
    assert low[1] < read["bones"]["neck"][1] < read["bones"]["leftEye"][1] < high[1] < 1.9
    assert low[0] < read["bones"]["rightEye"][0] < 0 < read["bones"]["leftEye"][0] < high[0]


def test_expressions_set_their_targets(read: dict[str, Any]) -> None:
    found = read["expressions"]
    assert set(found) == set(PRESETS) | set(ARKIT52)
    for name, weights in [*PRESETS.items(), *((name, {name: 1.0}) for name in ARKIT52)]:
        assert found[name]["Face"] == pytest.approx(weights)
    assert found["jawOpen"]["Teeth"] == {"jawOpen": 1} and not found["jawOpen"]["EyeLeft"]
    assert read["lookAt"] == "expression"
