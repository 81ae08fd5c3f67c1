from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from headshot.export import PRESETS, asset_contents
from headshot.export.asset import HEAD_PARTS, HeadAsset, asset_of
from headshot.export.obj import obj
from headshot.export.settings import ExportSettings
from headshot.results import Head


def read(text: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Rows by keyword, and faces (F, 3, 3) by group."""
    rows: dict[str, list[list[float]]] = {"v": [], "vt": [], "vn": []}
    faces: dict[str, list[list[list[int]]]] = {}
    group = ""
    for line in text.splitlines():
        word, *rest = line.split()
        if word in rows:
            rows[word].append([float(x) for x in rest])
        elif word == "g":
            group = rest[0]
        elif word == "f":
            faces.setdefault(group, []).append([[int(i) for i in corner.split("/")] for corner in rest])
    return {k: np.array(v) for k, v in rows.items()}, {k: np.array(f) for k, f in faces.items()}


def test_vertices_are_the_models_in_millimetres(head: Head) -> None:
    rows, _ = read(obj(asset_of(head), "ann")["ann.obj"].decode())
    np.testing.assert_allclose(rows["v"], head.vertices, atol=1e-4)
    np.testing.assert_allclose(rows["vt"], head.model.uv * [1, -1] + [0, 1], atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows["vn"], axis=1), 1, atol=1e-3)


def test_landmarks_index_the_file(head: Head) -> None:
    rows, _ = read(obj(asset_of(head), "ann")["ann.obj"].decode())
    found = head.model.landmarks["ibug68"].on(rows["v"], head.model.triangles)
    np.testing.assert_allclose(found, head.landmarks68, atol=1e-3)


def test_faces_by_group(head: Head) -> None:
    text = obj(asset_of(head), "ann")["ann.obj"].decode()
    _, faces = read(text)
    assert set(faces) == set(HEAD_PARTS)
    assert text.count("\ng ") == len(HEAD_PARTS)  # one group a part, of however many ranges
    for node, (parts, _) in HEAD_PARTS.items():
        rows = np.concatenate([np.arange(*head.model.parts[part]) for part in parts])
        np.testing.assert_array_equal(faces[node][..., 0] - 1, head.model.triangles[rows])
        np.testing.assert_array_equal(faces[node][..., 1] - 1, head.model.triangles_uv[rows])
        np.testing.assert_array_equal(faces[node][..., 2] - 1, head.model.triangles[rows])


def test_material_and_texture(head: Head) -> None:
    files = obj(asset_of(head), "ann")
    assert set(files) == {"ann.obj", "ann.mtl", "ann_texture.png"}
    assert "mtllib ann.mtl" in files["ann.obj"].decode()
    assert files["ann.obj"].decode().count("usemtl Head") == 1
    assert files["ann.mtl"].decode().count("newmtl Head") == 1
    assert "map_Kd ann_texture.png" in files["ann.mtl"].decode()
    assert head.texture is not None
    np.testing.assert_array_equal(Image.open(io.BytesIO(files["ann_texture.png"])), head.texture.pixels)


def test_without_texture(bare: Head) -> None:
    files = obj(asset_of(bare), "ann")
    assert set(files) == {"ann.obj"}
    text = files["ann.obj"].decode()
    assert "mtl" not in text and "\nvt " in text


@pytest.mark.parametrize("expression", ["photo", "neutral"])
def test_expression(head: Head, expression: str) -> None:
    rows, _ = read(obj(asset_of(head, ExportSettings(expression=expression)), "ann")["ann.obj"].decode())
    shown = head.vertices if expression == "photo" else head.neutral_vertices
    np.testing.assert_allclose(rows["v"], shown, atol=1e-4)
    assert not np.allclose(head.vertices, head.neutral_vertices, atol=1)


def test_no_foreign_decimal_comma_or_nan(head: Head) -> None:
    text = obj(asset_of(head), "ann")["ann.obj"].decode()
    assert "nan" not in text.lower()
    assert "," not in text.split("mtllib")[1]


def test_any_mesh_with_a_texture(textured_square: HeadAsset) -> None:
    files = obj(textured_square, "face")
    assert set(files) == {"face.obj", "face.mtl", "face_texture.png"}
    lines = files["face.obj"].decode().splitlines()
    assert "f 1/1/1 2/2/2 3/3/3" in lines and "f 1/5/1 3/3/3 4/4/4" in lines
    assert "vt 0.000000 0.000000" in lines  # the first, whose v of 1 is the bottom of the texture
    assert "v 10.0000 20.0000 0.0000" in lines
    assert "# A model. Terms." in lines


def test_colours_of_vertices_take_the_place_of_a_texture(square: HeadAsset) -> None:
    """Without a material: trimesh and three.js leave the colours out where there is one."""
    files = obj(replace(square, colours=np.full((4, 3), 51, np.uint8)), "face")
    assert set(files) == {"face.obj"}
    lines = files["face.obj"].decode().splitlines()
    assert "v 10.0000 20.0000 0.0000 0.2000 0.2000 0.2000" in lines and "f 1//1 2//2 3//3" in lines
    assert not any("mtl" in line for line in lines)


def test_centimetres_for_metahuman(head: Head) -> None:
    settings = PRESETS["metahuman"].settings
    content = asset_contents(asset_of(head, settings), "ann", "obj,ply", settings)
    text = content["ann.obj"].decode()
    assert "centimetres" in text.splitlines()[0]
    rows, _ = read(text)
    np.testing.assert_allclose(rows["v"] * 10, head.neutral_vertices, atol=1e-3)
    start = content["ann.ply"].index(b"end_header\n") + 11
    first = np.frombuffer(content["ann.ply"], "<f4", 3, start)
    np.testing.assert_allclose(first * 10, head.neutral_vertices[0], atol=1e-3)
