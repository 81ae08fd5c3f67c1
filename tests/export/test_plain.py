"""OBJ, PLY and GLB of plain meshes."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest

from headshot.export.plain import PlainMesh, plain_glb, plain_obj, plain_ply

VERTICES = np.array([[0, 0, 0], [10, 0, 0], [10, 20, 0], [0, 20, 5]], np.float32)
TRIANGLES = np.array([[0, 1, 2], [0, 2, 3]], np.int32)
UV = np.array([[0, 1], [1, 1], [1, 0], [0, 0], [0.5, 0.5]], np.float32)
TRIANGLES_UV = np.array([[0, 1, 2], [4, 2, 3]], np.int32)  # a seam at vertex 0


def textured() -> PlainMesh:
    picture = np.zeros((8, 8, 3), np.uint8)
    smile = {"smile": np.full((4, 3), 2, np.float32)}
    return PlainMesh(
        VERTICES,
        TRIANGLES,
        UV,
        TRIANGLES_UV,
        picture,
        np.full((4, 3), 128, np.uint8),
        smile,
        "A model. Terms.",
    )


def parse(data: bytes) -> tuple[dict, bytes]:
    magic, version, length = struct.unpack("<4sII", data[:12])
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size = struct.unpack("<I", data[12:16])[0]
    return json.loads(data[20 : 20 + size]), data[28 + size :]


def values(document: dict, binary: bytes, index: int) -> np.ndarray:
    accessor = document["accessors"][index]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = {5126: "<f4", 5125: "<u4"}[accessor["componentType"]]
    width = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}[accessor["type"]]
    data = binary[view["byteOffset"] : view["byteOffset"] + view["byteLength"]]
    return np.frombuffer(data, kind).reshape(-1, width)


def test_glb_splits_seams_and_keeps_targets() -> None:
    document, binary = parse(plain_glb(textured()))
    primitive = document["meshes"][0]["primitives"][0]
    positions = values(document, binary, primitive["attributes"]["POSITION"])
    uv = values(document, binary, primitive["attributes"]["TEXCOORD_0"])
    index = values(document, binary, primitive["indices"]).reshape(-1, 3)
    assert len(positions) == 5
    np.testing.assert_allclose(positions[index], VERTICES[TRIANGLES] / 1000, atol=1e-7)
    np.testing.assert_allclose(uv[index], UV[TRIANGLES_UV])
    target = values(document, binary, primitive["targets"][0]["POSITION"])
    np.testing.assert_allclose(target, 0.002)
    assert document["meshes"][0]["extras"]["targetNames"] == ["smile"]
    assert document["asset"]["copyright"] == "A model. Terms."


def test_glb_with_colours_is_linear() -> None:
    mesh = PlainMesh(VERTICES, TRIANGLES, colours=np.full((4, 3), 188, np.uint8))
    document, binary = parse(plain_glb(mesh))
    colours = values(document, binary, document["meshes"][0]["primitives"][0]["attributes"]["COLOR_0"])
    np.testing.assert_allclose(colours, 0.503, atol=1e-3)  # sRGB 188 is half of the light
    assert "textures" not in document


def test_obj() -> None:
    files = plain_obj(textured(), "face")
    assert set(files) == {"face.obj", "face.mtl", "face_texture.png"}
    lines = files["face.obj"].decode().splitlines()
    assert "f 1/1 2/2 3/3" in lines and "f 1/5 3/3 4/4" in lines
    assert "vt 0.000000 0.000000" in lines  # the first, whose v of 1 is the bottom of the texture
    assert any("A model. Terms." in line for line in lines)
    coloured = plain_obj(PlainMesh(VERTICES, TRIANGLES, colours=np.full((4, 3), 255, np.uint8)), "face")
    assert list(coloured) == ["face.obj"]
    assert "v 10.0000 20.0000 0.0000 1.0000 1.0000 1.0000" in coloured["face.obj"].decode()


@pytest.mark.parametrize("colours", [None, np.full((4, 3), 7, np.uint8)])
def test_ply(colours: np.ndarray | None) -> None:
    data = plain_ply(PlainMesh(VERTICES, TRIANGLES, colours=colours))
    header, body = data.split(b"end_header\n", 1)
    assert b"element vertex 4" in header and (b"red" in header) == (colours is not None)
    assert len(body) == 4 * (12 + (0 if colours is None else 3)) + 2 * 13
    np.testing.assert_array_equal(np.frombuffer(body[:12], "<f4"), VERTICES[0])
