from __future__ import annotations

import io
from collections import Counter
from dataclasses import replace
from xml.etree import ElementTree
from zipfile import ZipFile

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.export import PRESETS, contents
from headshot.export.asset import mesh_asset
from headshot.export.rig import rigged_asset
from headshot.export.solid import solid, upright
from headshot.results import Head

SETTINGS = PRESETS["print"].settings


@pytest.mark.parametrize("level", [0, 1, 2, 3])
@pytest.mark.parametrize("expression", ["neutral", "photo"])
def test_the_head_is_one_closed_surface(astronaut: Head, level: int, expression: str) -> None:
    asset = rigged_asset(astronaut, replace(SETTINGS, level=level, expression=expression))
    vertices, triangles = solid(asset)
    edges = triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2)
    passed = Counter(map(tuple, edges.tolist()))
    # Each edge is passed once in each direction: closed, of one orientation, and no edge of three triangles.
    assert set(passed.values()) == {1} and all((b, a) in passed for a, b in passed)
    # A ball has no handles.
    assert len(vertices) - len(edges) // 2 + len(triangles) == 2
    a, b, c = (vertices[triangles[:, k]].astype(float) for k in range(3))
    volume = (a * np.cross(b, c)).sum() / 6
    assert 2.5e6 < volume < 6e6  # mm³, outwards


def test_eyes_are_balls_and_not_holes(astronaut: Head) -> None:
    asset = rigged_asset(astronaut, SETTINGS)
    vertices, _ = solid(asset)
    new = vertices[~np.isin(vertices.view("f4,f4,f4").ravel(), asset.vertices.view("f4,f4,f4").ravel())]
    for name in ("EyeLeft", "EyeRight"):
        part = next(part for part in asset.parts if part.name == name)
        ball = asset.vertices[np.unique(asset.triangles[slice(*part.ranges[0])])]
        front = new[np.linalg.norm(new - ball.mean(axis=0), axis=1) < 25]
        # What is seen of an eye stands where its ball does.
        gap = np.linalg.norm(front[:, None] - ball[None], axis=2).min(axis=1)
        assert len(front) > 100 and np.median(gap) < 1.5


def test_the_files_stand_upright_in_millimetres(astronaut: Head) -> None:
    files = contents(astronaut, "ann", "3mf", SETTINGS)
    assert list(files) == ["ann.3mf", "ann.stl"]
    vertices, triangles = solid(rigged_asset(astronaut, SETTINGS))
    with ZipFile(io.BytesIO(files["ann.3mf"])) as archive:
        model = ElementTree.fromstring(archive.read("3D/3dmodel.model"))
        assert {"[Content_Types].xml", "_rels/.rels"} < set(archive.namelist())
    space = "{http://schemas.microsoft.com/3dmanufacturing/core/2015/02}"
    assert model.get("unit") == "millimeter"
    places = np.array([[float(v.get(k)) for k in "xyz"] for v in model.iter(f"{space}vertex")])
    corners = np.array([[int(t.get(k)) for k in ("v1", "v2", "v3")] for t in model.iter(f"{space}triangle")])
    np.testing.assert_array_equal(corners, triangles)
    np.testing.assert_allclose(places, upright(vertices), atol=1e-4)
    assert places[:, 2].min() == 0 and 200 < places[:, 2].max() < 350
    lines = files["ann.stl"].decode().splitlines()
    assert lines[0].startswith("solid ") and lines[-1] == "endsolid" and len(lines) == 2 + 7 * len(triangles)
    assert lines[1].startswith("facet normal") and lines[3] == "vertex {:.4f} {:.4f} {:.4f}".format(
        *places[corners[0, 0]]
    )


def test_other_meshes_are_refused() -> None:
    square = mesh_asset(np.zeros((3, 3), np.float32), np.array([[0, 1, 2]], np.int32))
    with pytest.raises(HeadshotError, match="bundled model"):
        solid(square)
