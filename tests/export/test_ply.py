from __future__ import annotations

from dataclasses import replace

import numpy as np

from headshot.export.asset import HeadAsset, asset_of
from headshot.export.ply import ply
from headshot.export.settings import ExportSettings
from headshot.export.texture import vertex_colours
from headshot.results import Head

TYPES = {"float": "<f4", "uchar": "u1"}


def read(content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Vertices as a structured array and faces (F, 3)."""
    header, _, body = content.partition(b"end_header\n")
    lines = header.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    counts = {line.split()[1]: int(line.split()[2]) for line in lines if line.startswith("element")}
    fields = [line.split()[1:] for line in lines if line.startswith("property") and " list " not in line]
    vertices = np.frombuffer(body, [(name, TYPES[kind]) for kind, name in fields], counts["vertex"])
    faces = np.frombuffer(body[vertices.nbytes :], [("n", "u1"), ("i", "<i4", 3)], counts["face"])
    assert vertices.nbytes + faces.nbytes == len(body)
    assert (faces["n"] == 3).all()
    return vertices, faces["i"]


def xyz(vertices: np.ndarray) -> np.ndarray:
    return np.stack([vertices[axis] for axis in "xyz"], axis=1)


def test_geometry_in_millimetres(head: Head) -> None:
    vertices, faces = read(ply(asset_of(head)))
    np.testing.assert_array_equal(xyz(vertices), head.vertices)
    np.testing.assert_array_equal(faces, head.triangles)
    normals = np.stack([vertices[n] for n in ("nx", "ny", "nz")], axis=1)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-4)


def test_colours_come_from_the_texture(head: Head) -> None:
    assert head.texture is not None
    size = len(head.texture.pixels)
    vertices, _ = read(ply(asset_of(head)))
    colours = np.stack([vertices[c] for c in ("red", "green", "blue")], axis=1).astype(int)
    # The texture's red and green are its u and v, so a vertex's colour tells where it was looked up.
    face, corner = 40, 1
    at = head.triangles[face, corner]
    uv = head.model.uv[head.model.triangles_uv[face, corner]]
    expected = np.clip((uv * size - 0.5) / (size - 1), 0, 1) * 255
    np.testing.assert_allclose(colours[at, :2], expected, atol=2)
    assert (colours[:, 2] == 90).all()
    np.testing.assert_array_equal(colours, vertex_colours(asset_of(head)))


def test_without_texture_or_expression(bare: Head) -> None:
    vertices, _ = read(ply(asset_of(bare, ExportSettings(expression="neutral"))))
    assert "red" not in (vertices.dtype.names or ())
    np.testing.assert_array_equal(xyz(vertices), bare.neutral_vertices)


def test_any_mesh(square: HeadAsset, textured_square: HeadAsset) -> None:
    content = ply(square)
    vertices, faces = read(content)
    np.testing.assert_array_equal(xyz(vertices), square.vertices)
    np.testing.assert_array_equal(faces, square.triangles)
    assert "red" not in (vertices.dtype.names or ())
    assert b"comment A model. Terms.\n" in content
    coloured, _ = read(ply(replace(square, colours=np.full((4, 3), 7, np.uint8))))
    assert (coloured["green"] == 7).all()
    assert (read(ply(textured_square))[0]["red"] == 128).all()  # its own, not those of the black texture
