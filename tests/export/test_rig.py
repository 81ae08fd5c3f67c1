from __future__ import annotations

import json
import struct
from dataclasses import replace

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.export import PRESETS, ExportSettings, contents
from headshot.export.rig import rigged_asset, with_visemes
from headshot.export.vrm import standing
from headshot.hair.worn import Hair
from headshot.models.arkit import ARKIT52
from headshot.models.visemes import VISEMES
from headshot.results import Head

RIGGED = ExportSettings(bones=True, visemes=True)


def _gltf(content: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", content, 12)
    return json.loads(content[20 : 20 + length]), content[28 + length :]


def _values(document: dict, binary: bytes, number: int) -> np.ndarray:
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = {5121: np.uint8, 5126: np.float32}[accessor["componentType"]]
    width = {"VEC4": 4, "MAT4": 16}[accessor["type"]]
    values = np.frombuffer(binary, kind, accessor["count"] * width, view["byteOffset"])
    return values.reshape(-1, width)


def test_visemes_are_sums_of_expressions(astronaut: Head) -> None:
    asset = rigged_asset(astronaut, ExportSettings(visemes=True))
    names = [morph.name for morph in asset.morphs]
    assert names == [*ARKIT52, *VISEMES] and len(VISEMES) == 15
    offsets = {morph.name: morph.offsets for morph in asset.morphs}
    for name, weights in VISEMES.items():
        shown = astronaut.with_expression(weights).vertices - astronaut.neutral_vertices
        np.testing.assert_allclose(offsets[name], shown, atol=1e-3)
    assert not offsets["viseme_sil"].any()
    lips = astronaut.model.regions["lips"] > 0.5
    for name in set(VISEMES) - {"viseme_sil"}:
        assert np.linalg.norm(offsets[name][lips], axis=1).max() > 1.5


def test_visemes_need_arkit(astronaut: Head) -> None:
    asset = rigged_asset(astronaut, ExportSettings())
    few = replace(asset, morphs=tuple(morph for morph in asset.morphs if morph.name != "mouthPucker"))
    with pytest.raises(HeadshotError, match="no mouthPucker"):
        with_visemes(few)


def test_bones_leave_the_head_as_it_is(astronaut: Head) -> None:
    plain, rigged = (contents(astronaut, "a", "glb", s)["a.glb"] for s in (ExportSettings(), RIGGED))
    assert "skins" not in _gltf(plain)[0]
    document, binary = _gltf(rigged)
    skin = document["skins"][0]
    nodes = document["nodes"]
    assert [nodes[n]["name"] for n in skin["joints"]] == ["neck", "head", "jaw", "leftEye", "rightEye"]
    # Joint matrix = place of the node * inverse bind matrix: the identity for each bone.
    inverse = _values(document, binary, skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
    world = {}

    def place(number: int, above: np.ndarray) -> None:
        world[number] = above + np.array(nodes[number].get("translation", (0, 0, 0)))
        for child in nodes[number].get("children", ()):
            place(child, world[number])

    place(0, np.zeros(3))
    for joint, matrix in zip(skin["joints"], inverse, strict=True):
        np.testing.assert_allclose(matrix[:3, 3], -world[joint], atol=1e-6)
        np.testing.assert_array_equal(matrix[:3, :3], np.eye(3))
    skinned = [node for node in nodes if "mesh" in node]
    assert len(skinned) == 7 and all(node["skin"] == 0 for node in skinned)
    for mesh in document["meshes"]:
        attributes = mesh["primitives"][0]["attributes"]
        weights = _values(document, binary, attributes["WEIGHTS_0"]).astype(int)
        joints = _values(document, binary, attributes["JOINTS_0"])
        assert (weights.sum(axis=1) == 255).all() and joints.max() < 5
        assert not joints[weights == 0].any()
        assert len(weights) == document["accessors"][attributes["POSITION"]]["count"]
    eye = next(mesh for mesh in document["meshes"] if mesh["name"] == "EyeLeft")
    joints = _values(document, binary, eye["primitives"][0]["attributes"]["JOINTS_0"])
    assert (joints[:, 0] == 3).all()


def test_the_lid_of_the_neck_follows_it(astronaut: Head) -> None:
    document, binary = _gltf(contents(astronaut, "a", "glb", RIGGED)["a.glb"])
    lid = next(mesh for mesh in document["meshes"] if mesh["name"] == "Neck")
    attributes = lid["primitives"][0]["attributes"]
    weights, joints = (_values(document, binary, attributes[name]) for name in ("WEIGHTS_0", "JOINTS_0"))
    assert (joints[:, 0] == 0).all() and (weights[:, 0] > 230).all()


@pytest.fixture(scope="module")
def haired(astronaut: Head) -> Head:
    return replace(astronaut, hair=Hair("bob01"))


def test_hair_speaks_and_turns_with_the_head(haired: Head) -> None:
    asset = rigged_asset(haired, RIGGED)
    hair = asset.attachments[0]
    assert hair.offsets.shape == (52 + 15, *hair.cards.vertices.shape)
    weights = VISEMES["viseme_O"]
    mixed = sum(weight * hair.offsets[ARKIT52.index(name)] for name, weight in weights.items())
    np.testing.assert_allclose(hair.offsets[52 + list(VISEMES).index("viseme_O")], mixed, atol=1e-4)
    document, binary = _gltf(contents(haired, "a", "glb", RIGGED)["a.glb"])
    mesh = next(mesh for mesh in document["meshes"] if mesh["name"] == "Hair")
    assert mesh["extras"]["targetNames"][52:] == list(VISEMES)
    attributes = mesh["primitives"][0]["attributes"]
    joints, shares = (_values(document, binary, attributes[name]) for name in ("JOINTS_0", "WEIGHTS_0"))
    head = [document["nodes"][n]["name"] for n in document["skins"][0]["joints"]].index("head")
    assert (joints[:, 0] == head).all() and (shares[:, 0] == 255).all()
    node = next(node for node in document["nodes"] if node["name"] == "Hair")
    assert node["skin"] == 0 and document["nodes"].index(node) in document["scenes"][0]["nodes"]


def test_hair_stands_on_the_body_too(haired: Head) -> None:
    before = rigged_asset(haired, RIGGED)
    after = standing(before)
    lift = after.neutral[0] - before.neutral[0]
    hair, lifted = before.attachments[0], after.attachments[0]
    np.testing.assert_allclose(lifted.cards.vertices, hair.cards.vertices + lift, atol=1e-3)
    np.testing.assert_array_equal(lifted.offsets, hair.offsets)


def test_hair_of_the_preset_for_browsers_is_small(haired: Head) -> None:
    document, binary = _gltf(contents(haired, "a", "glb", PRESETS["web"].settings)["a.glb"])
    kinds = {image["name"]: image["mimeType"] for image in document["images"]}
    assert kinds == {"Texture": "image/webp", "Strands": "image/webp", "Surface": "image/png"}
    mesh = next(mesh for mesh in document["meshes"] if mesh["name"] == "Hair")
    accessors = document["accessors"]
    for primitive in mesh["primitives"]:
        kinds = {name: accessors[n]["componentType"] for name, n in primitive["attributes"].items()}
        assert (kinds["POSITION"], kinds["NORMAL"], kinds["COLOR_0"]) == (5122, 5120, 5121)
    assert len(binary) < 1.5e6
