from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.export import PRESETS as PLACES
from headshot.export import contents
from headshot.export.rig import rigged_asset
from headshot.export.vrm import BODY, PRESETS, standing
from headshot.models.arkit import ARKIT52
from headshot.results import Head

SETTINGS = PLACES["vrm"].settings
# Of VRM 1.0 (humanoid.md, "required bones"); the others of ours are optional.
REQUIRED = {
    "hips", "spine", "head",
    *(side + name for side in ("left", "right") for name in ("UpperLeg", "LowerLeg", "Foot")),
    *(side + name for side in ("left", "right") for name in ("UpperArm", "LowerArm", "Hand")),
}  # fmt: skip
OPTIONAL = {"chest", "neck", "jaw", "leftEye", "rightEye"}
EXPRESSIONS = {
    "happy", "angry", "sad", "relaxed", "surprised", "aa", "ih", "ou", "ee", "oh", "blink", "blinkLeft",
    "blinkRight", "lookUp", "lookDown", "lookLeft", "lookRight",
}  # fmt: skip


@pytest.fixture(scope="module")
def document(astronaut: Head) -> dict:
    content = contents(astronaut, "ann", "vrm", SETTINGS)["ann.vrm"]
    (length,) = struct.unpack_from("<I", content, 12)
    return json.loads(content[20 : 20 + length])


def test_it_has_what_vrm_requires(document: dict) -> None:
    assert "VRMC_vrm" in document["extensionsUsed"]
    found = document["extensions"]["VRMC_vrm"]
    assert found["specVersion"] == "1.0"
    assert found["meta"]["name"] == "ann" and found["meta"]["authors"]
    assert found["meta"]["licenseUrl"] == "https://vrm.dev/licenses/1.0/"
    bones = {bone: entry["node"] for bone, entry in found["humanoid"]["humanBones"].items()}
    assert set(bones) == REQUIRED | OPTIONAL and len(set(bones.values())) == len(bones)
    assert all(document["nodes"][node]["name"] == bone for bone, node in bones.items())
    assert set(found["expressions"]["preset"]) == set(PRESETS) == EXPRESSIONS
    assert set(found["expressions"]["custom"]) == set(ARKIT52)


def test_expressions_move_the_targets_that_they_name(document: dict) -> None:
    nodes, meshes = document["nodes"], document["meshes"]
    found = document["extensions"]["VRMC_vrm"]["expressions"]
    for name, weights in [*PRESETS.items(), *((name, {name: 1.0}) for name in ARKIT52)]:
        entry = found["preset" if name in PRESETS else "custom"][name]
        told: dict[str, set[float]] = {}
        for bind in entry["morphTargetBinds"]:
            mesh = meshes[nodes[bind["node"]]["mesh"]]
            told.setdefault(mesh["extras"]["targetNames"][bind["index"]], set()).add(bind["weight"])
        assert told == {target: {weight} for target, weight in weights.items()}
    jaw = {nodes[bind["node"]]["name"] for bind in found["custom"]["jawOpen"]["morphTargetBinds"]}
    assert {"Face", "Mouth", "Teeth", "Tongue"} <= jaw and not jaw & {"EyeLeft", "EyeRight"}


def test_the_body_stands_in_the_pose_of_the_letter_t(astronaut: Head) -> None:
    asset = standing(rigged_asset(astronaut, replace(SETTINGS, bones=True)))
    bones = asset.bones
    assert bones is not None and not bones.weights[:, : len(BODY)].any()
    place = dict(zip(bones.names, bones.places, strict=True))
    above = {
        name: bones.names[parent]
        for name, parent in zip(bones.names, bones.parents, strict=True)
        if parent >= 0
    }
    assert above["neck"] == "chest" and above["head"] == "neck" and above["leftHand"] == "leftLowerArm"
    assert [name for name in bones.names if name not in above] == ["hips"]
    for left, right in (("leftHand", "rightHand"), ("leftFoot", "rightFoot"), ("leftEye", "rightEye")):
        assert place[left][0] > 0 > place[right][0]
    assert place["leftHand"][1] == place["leftLowerArm"][1] == place["leftUpperArm"][1]
    heights = [
        place[name][1] for name in ("leftFoot", "leftLowerLeg", "hips", "spine", "chest", "neck", "head")
    ]
    assert (np.diff(heights) > 0).all() and 1300 < heights[-2] < asset.neutral[:, 1].max() < 1900
    # As much as the meshes are lifted, so are their bones.
    before = rigged_asset(astronaut, SETTINGS)
    lift = asset.neutral[0] - before.neutral[0]
    np.testing.assert_allclose(bones.places[len(BODY) :], before.bones.places + lift, atol=1e-3)


def test_vrm_knows_no_webp(astronaut: Head) -> None:
    with pytest.raises(HeadshotError, match="neither quantised"):
        contents(astronaut, "ann", "vrm", PLACES["web"].settings)
