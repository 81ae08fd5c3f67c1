"""GLB files are read back by a small reader of the specification, independent of the writer."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from headshot.export.asset import HEAD_PARTS, HeadAsset, asset_of
from headshot.export.glb import glb
from headshot.export.settings import ExportSettings
from headshot.hair.strands import load_strands
from headshot.hair.styles import load_styles
from headshot.hair.worn import Hair
from headshot.loading import load
from headshot.models.arkit import ARKIT52
from headshot.results import Head

COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}


class Glb:
    """Just enough of a glTF reader, straight from the specification."""

    def __init__(self, content: bytes) -> None:
        magic, version, size = struct.unpack_from("<4sII", content)
        assert (magic, version, size) == (b"glTF", 2, len(content))
        length, kind = struct.unpack_from("<I4s", content, 12)
        assert kind == b"JSON"
        assert length % 4 == 0
        self.json: dict[str, Any] = json.loads(content[20 : 20 + length])
        size, kind = struct.unpack_from("<I4s", content, 20 + length)
        assert kind == b"BIN\0"
        self.binary = content[28 + length :]
        assert len(self.binary) == size
        assert self.json["buffers"][0]["byteLength"] <= size

    def view(self, index: int, offset: int = 0) -> bytes:
        view = self.json["bufferViews"][index]
        return self.binary[view["byteOffset"] + offset : view["byteOffset"] + view["byteLength"]]

    def accessor(self, index: int) -> np.ndarray:
        a = self.json["accessors"][index]
        width, kind = WIDTHS[a["type"]], COMPONENTS[a["componentType"]]
        values = np.zeros((a["count"], width), kind)
        if "bufferView" in a:
            values = np.frombuffer(self.view(a["bufferView"]), kind, a["count"] * width)
            values = values.reshape(-1, width).copy()
        if "sparse" in a:
            s = a["sparse"]
            at = np.frombuffer(
                self.view(s["indices"]["bufferView"], s["indices"]["byteOffset"]),
                COMPONENTS[s["indices"]["componentType"]],
                s["count"],
            )
            assert (np.diff(at.astype(int)) > 0).all()
            data = self.view(s["values"]["bufferView"], s["values"]["byteOffset"])
            values[at] = np.frombuffer(data, kind, s["count"] * width).reshape(-1, width)
        if "min" in a:
            np.testing.assert_array_equal(values.min(axis=0), np.array(a["min"], kind))
            np.testing.assert_array_equal(values.max(axis=0), np.array(a["max"], kind))
        return values

    def mesh(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        node = next(n for n in self.json["nodes"] if n["name"] == name)
        mesh = self.json["meshes"][node["mesh"]]
        assert len(mesh["primitives"]) == 1
        return mesh, mesh["primitives"][0]

    def soup(self, name: str, weights: dict[str, float] | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Corners (F, 3, 3) and texture coordinates (F, 3, 2) of a mesh with morph weights."""
        mesh, primitive = self.mesh(name)
        positions = self.accessor(primitive["attributes"]["POSITION"]).astype(float)
        for target, weight in (weights or {}).items():
            e = mesh["extras"]["targetNames"].index(target)
            positions += weight * self.accessor(primitive["targets"][e]["POSITION"])
        index = self.accessor(primitive["indices"]).reshape(-1, 3).astype(int)
        return positions[index], self.accessor(primitive["attributes"]["TEXCOORD_0"])[index]


def expected(head: Head, name: str, vertices: np.ndarray) -> np.ndarray:
    return vertices[head.model.part_triangles(*HEAD_PARTS[name][0])]


def read(head: Head, settings: ExportSettings | None = None) -> Glb:
    return Glb(glb(asset_of(head, settings), settings))


@pytest.fixture(scope="module")
def file(head: Head) -> Glb:
    return read(head)


def test_every_part_is_a_child_of_the_head(file: Glb) -> None:
    nodes = file.json["nodes"]
    assert file.json["scenes"] == [{"name": "Scene", "nodes": [0]}]
    assert nodes[0]["name"] == "Head"
    assert [nodes[i]["name"] for i in nodes[0]["children"]] == [*HEAD_PARTS, "Neck"]


@pytest.mark.parametrize("name", HEAD_PARTS)
def test_neutral_geometry_is_the_persons_in_metres(head: Head, file: Glb, name: str) -> None:
    corners, uv = file.soup(name)
    np.testing.assert_allclose(corners, expected(head, name, head.neutral_vertices) / 1000, atol=1e-7)
    rows = np.concatenate([np.arange(*head.model.parts[p]) for p in HEAD_PARTS[name][0]])
    np.testing.assert_allclose(uv, head.model.uv[head.model.triangles_uv[rows]], atol=1e-7)


def test_vertices_are_split_only_at_seams(head: Head, file: Glb) -> None:
    _, primitive = file.mesh("Face")
    count = len(file.accessor(primitive["attributes"]["POSITION"]))
    skin = np.unique(head.model.part_triangles("skin"))
    seam = 16  # the synthetic tube is closed along one column
    assert count == len(skin) + seam


@pytest.mark.parametrize("name", [*HEAD_PARTS, "Neck"])
def test_all_meshes_share_the_52_names(file: Glb, name: str) -> None:
    mesh, primitive = file.mesh(name)
    assert mesh["extras"]["targetNames"] == list(ARKIT52)
    assert len(primitive["targets"]) == len(mesh["weights"]) == 52


@pytest.mark.parametrize("shape", ARKIT52)
def test_each_expression_at_weight_one_is_the_models(head: Head, file: Glb, shape: str) -> None:
    weights = np.zeros(52, np.float32)
    weights[ARKIT52.index(shape)] = 1
    target = head.scale * head.model.shape(head.identity, weights) / 1000
    for name in HEAD_PARTS:
        corners, _ = file.soup(name, {shape: 1.0})
        # Changes below five micrometres are not stored.
        np.testing.assert_allclose(corners, expected(head, name, target), atol=6e-6)


def test_the_photos_weights_give_the_photos_head(head: Head, file: Glb) -> None:
    weights = file.json["nodes"][0]["extras"]["expression"]
    assert weights == pytest.approx(head.blendshapes)
    corners, _ = file.soup("Face", weights)
    np.testing.assert_allclose(corners, expected(head, "Face", head.vertices) / 1000, atol=5e-5)


def test_start_weights(head: Head, file: Glb) -> None:
    for name in (*HEAD_PARTS, "Neck"):
        assert file.mesh(name)[0]["weights"] == [0.0] * 52
    shown = read(head, ExportSettings(expression="photo"))
    for name in HEAD_PARTS:
        assert shown.mesh(name)[0]["weights"] == pytest.approx(head.expression)
    np.testing.assert_array_equal(shown.soup("Face")[0], file.soup("Face")[0])


def test_normals_are_unit_and_follow_the_expression(head: Head, file: Glb) -> None:
    _, primitive = file.mesh("Face")
    normals = file.accessor(primitive["attributes"]["NORMAL"])
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    positions = file.accessor(primitive["attributes"]["POSITION"])
    outward = positions * [1, 0, 1]
    assert ((normals * outward).sum(axis=1) > 0).all()
    turned = [normals + file.accessor(target["NORMAL"]) for target in primitive["targets"]]
    assert max(np.abs(t - normals).max() for t in turned) > 0.05
    for t in turned:
        np.testing.assert_allclose(np.linalg.norm(t, axis=1), 1, atol=0.05)
    without = read(head, ExportSettings(morph_normals=False))
    assert all(set(t) == {"POSITION"} for t in without.mesh("Face")[1]["targets"])


def test_storage_is_chosen_by_size(file: Glb) -> None:
    _, primitive = file.mesh("Face")
    accessors = [file.json["accessors"][t["POSITION"]] for t in primitive["targets"]]
    zeros = zero_view(file)
    kinds = {("sparse" in a, a["bufferView"] == zeros) for a in accessors}
    assert kinds == {(True, True), (False, False), (False, True)}
    still = [a for a in accessors if "sparse" not in a and a["bufferView"] == zeros]
    assert len({id(a) for a in still}) == 1
    assert all(a["sparse"]["count"] > 0 for a in accessors if "sparse" in a)


def zero_view(file: Glb) -> int:
    (found,) = [i for i, view in enumerate(file.json["bufferViews"]) if "byteStride" in view]
    return found


def test_every_accessor_has_a_view_that_holds_it(file: Glb) -> None:
    """Assimp, gltf-rs, glTFast and UnityGLTF refuse files with accessors that have none."""
    for accessor in file.json["accessors"]:
        view = file.json["bufferViews"][accessor["bufferView"]]
        item = WIDTHS[accessor["type"]] * COMPONENTS[accessor["componentType"]]().nbytes
        assert view.get("byteStride", item) == item
        assert accessor["count"] * item <= view["byteLength"]
    view = file.json["bufferViews"][zero_view(file)]
    assert view["target"] == 34962 and view["byteStride"] == 12
    assert not any(file.view(zero_view(file)))
    largest = max(len(file.accessor(file.mesh(name)[1]["attributes"]["POSITION"])) for name in HEAD_PARTS)
    assert view["byteLength"] == 12 * largest


def test_a_view_of_zeros_is_there_only_if_something_is_zero(textured_square: HeadAsset) -> None:
    file = Glb(glb(textured_square, ExportSettings(morph_normals=False)))
    assert not any("byteStride" in view for view in file.json["bufferViews"])


@pytest.mark.parametrize("encoding", ["png", "jpeg"])
def test_the_texture_is_embedded(head: Head, encoding: str) -> None:
    file = read(head, ExportSettings(texture_encoding=encoding, jpeg_quality=95))
    image = file.json["images"][0]
    assert image["mimeType"] == f"image/{encoding}"
    pixels = np.asarray(Image.open(io.BytesIO(file.view(image["bufferView"]))))
    assert head.texture is not None
    error = np.abs(pixels.astype(int) - head.texture.pixels)
    assert error.max() == 0 if encoding == "png" else error.mean() < 3
    for material in file.json["materials"]:
        assert material["pbrMetallicRoughness"]["baseColorTexture"] == {"index": 0}


def test_without_a_texture_there_is_no_image(bare: Head) -> None:
    file = read(bare)
    assert "images" not in file.json
    assert "baseColorFactor" in file.json["materials"][0]["pbrMetallicRoughness"]


def test_eyes_are_glossier_than_skin(file: Glb) -> None:
    def roughness(name: str) -> float:
        material = file.json["materials"][file.mesh(name)[1]["material"]]
        return material["pbrMetallicRoughness"]["roughnessFactor"]

    assert roughness("EyeLeft") == roughness("EyeRight") < 0.5 * roughness("Face")


def test_views_do_not_overlap_and_are_aligned(file: Glb) -> None:
    views = sorted(file.json["bufferViews"], key=lambda v: v["byteOffset"])
    for view, following in pairwise(views):
        assert view["byteOffset"] % 4 == 0
        assert view["byteOffset"] + view["byteLength"] <= following["byteOffset"]


def test_any_mesh_with_a_texture(textured_square: HeadAsset) -> None:
    file = Glb(glb(textured_square))
    mesh, primitive = file.mesh("Face")
    corners, uv = file.soup("Face")
    assert len(file.accessor(primitive["attributes"]["POSITION"])) == 5  # one vertex is at the seam
    np.testing.assert_allclose(corners, textured_square.vertices[textured_square.triangles] / 1000, atol=1e-7)
    assert textured_square.uv is not None
    np.testing.assert_allclose(uv, textured_square.uv[textured_square.triangles_uv])
    smiling, _ = file.soup("Face", {"smile": 1.0})
    np.testing.assert_allclose(smiling - corners, 0.002, atol=1e-7)
    assert mesh["weights"] == [0.25]
    assert "COLOR_0" not in primitive["attributes"]
    assert file.json["asset"]["copyright"] == "A model. Terms."


def test_colours_of_vertices_are_linear(square: HeadAsset) -> None:
    file = Glb(glb(replace(square, colours=np.full((4, 3), 188, np.uint8))))
    mesh, primitive = file.mesh("Face")
    np.testing.assert_allclose(file.accessor(primitive["attributes"]["COLOR_0"]), 0.503, atol=1e-3)
    assert "textures" not in file.json and "targets" not in primitive and "weights" not in mesh
    assert "baseColorFactor" not in file.json["materials"][0]["pbrMetallicRoughness"]


def test_a_mesh_without_any_colour_has_that_of_its_material(square: HeadAsset) -> None:
    file = Glb(glb(square))
    factor = file.json["materials"][0]["pbrMetallicRoughness"]["baseColorFactor"]
    assert factor == [*square.parts[0].material.colour, 1.0]


def test_one_side_is_enough_where_the_neck_is_closed(file: Glb, square: HeadAsset) -> None:
    """Of double-sided materials, the far side shines through along outlines."""
    assert file.mesh("Neck")[1]["material"] == file.mesh("Face")[1]["material"]
    assert not any("doubleSided" in material for material in file.json["materials"])
    open_mesh = Glb(glb(square))
    assert [node["name"] for node in open_mesh.json["nodes"]] == ["Head", "Face"]
    assert open_mesh.json["materials"][0]["doubleSided"] is True


def test_a_real_head(astronaut: Head) -> None:
    content = glb(asset_of(astronaut))
    assert len(content) < 8e6
    file = Glb(content)
    corners, _ = file.soup("Face", {"jawOpen": 1.0})
    weights = np.zeros(52, np.float32)
    weights[ARKIT52.index("jawOpen")] = 1
    target = astronaut.scale * astronaut.model.shape(astronaut.identity, weights) / 1000
    np.testing.assert_allclose(corners, expected(astronaut, "Face", target), atol=6e-6)
    size = np.ptp(corners.reshape(-1, 3), axis=0)
    assert 0.12 < size[0] < 0.25  # a head is some 15 to 20 cm wide with its ears


def test_hair_is_a_node_of_its_own(astronaut: Head) -> None:
    worn, bare = read(astronaut.with_hair(Hair("bob02", lashes=None))), read(astronaut)
    (node,) = (node for node in worn.json["nodes"] if node["name"] == "Hair")
    assert worn.json["nodes"].index(node) in worn.json["nodes"][0]["children"]
    mesh, style = worn.json["meshes"][node["mesh"]], load_styles()["bob02"]
    inner, outer = mesh["primitives"]
    triangles = [worn.accessor(primitive["indices"]).reshape(-1, 3) for primitive in (inner, outer)]
    np.testing.assert_array_equal(np.concatenate(triangles), style.triangles)
    assert len(triangles[0]) == style.inner
    materials = [worn.json["materials"][primitive["material"]] for primitive in (inner, outer)]
    assert [material["alphaMode"] for material in materials] == ["MASK", "BLEND"]
    assert all(material["doubleSided"] for material in materials)
    assert inner["attributes"] == outer["attributes"] and inner["targets"] == outer["targets"]
    face, _ = worn.mesh("Face")
    assert mesh["extras"] == face["extras"] and mesh["weights"] == face["weights"]
    names = dict(zip(mesh["extras"]["targetNames"], inner["targets"], strict=True))
    assert worn.accessor(names["browOuterUpLeft"]["POSITION"]).max() > 1e-4  # metres
    still = [name for name, target in names.items() if not worn.accessor(target["POSITION"]).any()]
    assert "eyeLookInLeft" in still
    image = worn.json["images"][worn.json["textures"][-1]["source"]]
    strands = Image.open(io.BytesIO(worn.view(image["bufferView"])))
    assert strands.mode == "RGBA" and strands.size == load_strands().shape[1::-1]
    assert worn.json["samplers"][-1]["wrapS"] == 10497  # strands repeat
    # All else is as without hair; the variants of the skin, too.
    assert worn.json["materials"][:-2] == bare.json["materials"]
    assert worn.json["meshes"][:-1] == bare.json["meshes"]


def test_brows_and_lashes_share_the_texture_of_hair(astronaut: Head) -> None:
    file = read(astronaut.with_hair("short02"))
    names = [node["name"] for node in file.json["nodes"]]
    assert names[-3:] == ["Hair", "Brows", "Lashes"]
    used = set()
    for mesh in file.json["meshes"][-3:]:
        for primitive in mesh["primitives"]:
            surface = file.json["materials"][primitive["material"]]["pbrMetallicRoughness"]
            used.add(surface["baseColorTexture"]["index"])
    assert len(used) == 1 and len(file.json["images"]) == 3  # the skin's two, and strands
    referenced = {p["material"] for mesh in file.json["meshes"] for p in mesh["primitives"]}
    lit = len([m for m in file.json["materials"] if "KHR_materials_unlit" not in m.get("extensions", {})])
    assert len(referenced) == lit


def test_a_head_with_hair_comes_back_from_its_files(astronaut: Head, tmp_path: Path) -> None:
    worn = astronaut.with_hair("short02")
    worn.save(tmp_path, "glb,json", "worn")
    again = load(tmp_path / "worn.json")
    assert again.hair is not None and again.hair.style == "short02"
    assert worn.texture is not None and again.texture is not None
    apart = np.abs(again.texture.pixels.astype(int) - worn.texture.pixels)
    assert np.median(apart) < 4  # the photo's, not the strands
    np.testing.assert_allclose(again.cards[0].vertices, worn.cards[0].vertices, atol=1e-3)
