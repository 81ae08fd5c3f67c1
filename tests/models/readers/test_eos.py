"""Reading models of eos: generated files of its layout, and the real Surrey files where they are."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import ModelFormatError
from headshot.geometry.raster import Topology
from headshot.models.readers import read_linear_model
from headshot.models.readers.eos import EosFiles, companions, read_edge_topology, read_eos, read_mapping

from .conftest import MAPPING, EosMaker


def test_version_1_with_companions(eos_files: EosMaker) -> None:
    file = eos_files.write(1)
    eos_files.write_companions()
    model = read_linear_model(file)
    deviations = np.sqrt(eos_files.variance)
    modes = (eos_files.basis * deviations).T.reshape(7, -1, 3)
    np.testing.assert_allclose(model.mean + model.origin, eos_files.mean, atol=1e-4)
    np.testing.assert_allclose(model.identity, modes, atol=1e-5)
    np.testing.assert_array_equal(model.expression.reshape(2, -1), eos_files.blendshapes)
    assert model.expression_names == ("smile", "frown") and model.expression_kind == "blendshapes"
    np.testing.assert_array_equal(model.triangles, eos_files.triangles)
    np.testing.assert_allclose(model.uv, eos_files.uv, atol=1e-6)
    assert model.albedo_mean is None
    # landmarks lie on their vertices, counted from 0 and in order
    np.testing.assert_array_equal(model.landmarks.index + 1, sorted(MAPPING))
    places = model.landmarks.points.on(model.mean, model.triangles)
    np.testing.assert_array_equal(places, model.mean[[MAPPING[n] for n in sorted(MAPPING)]])
    line = model.contours["right"].on(model.mean, model.triangles)
    np.testing.assert_array_equal(line, model.mean[[143, 130, 117, 104]])
    # the origin lies between the eyes
    np.testing.assert_allclose(model.mean[[60, 70, 90, 100]].mean(axis=0), 0, atol=1e-4)


@pytest.mark.parametrize("version", [2, 3, 4])
@pytest.mark.parametrize("expressions", ["none", "blendshapes", "pca"])
def test_later_versions(eos_files: EosMaker, version: int, expressions: str) -> None:
    file = eos_files.write(version, expressions, colour=True)
    if version == 2:
        eos_files.write_companions()
        (eos_files.folder / "expression_blendshapes_169.bin").unlink()
    model = read_linear_model(file)
    assert len(model.expression) == (0 if expressions == "none" else 2)
    assert model.expression_kind == ("pca" if expressions == "pca" else "blendshapes")
    shift = 0.5 if expressions == "pca" else 0.0  # the mean expression belongs to the mean face
    np.testing.assert_allclose(model.mean + model.origin, eos_files.mean + shift, atol=1e-4)
    assert model.albedo_mean is not None and model.albedo.shape == (3, 169, 3)
    np.testing.assert_allclose(
        model.colours([2.0]), 0.5 + 2 * 0.2 * eos_files.basis[:, 0].reshape(-1, 3), atol=1e-6
    )
    np.testing.assert_array_equal(model.landmarks.index + 1, sorted(MAPPING))


def test_clockwise_triangles_are_turned(eos_files: EosMaker) -> None:
    right = eos_files.triangles
    eos_files.triangles = right[:, ::-1]
    model = read_linear_model(eos_files.write(4))
    np.testing.assert_array_equal(model.triangles, right)
    np.testing.assert_array_equal(model.triangles_uv, right)


def test_every_truncation_is_refused(eos_files: EosMaker) -> None:
    file = eos_files.write(4, "blendshapes", colour=True)
    data = file.read_bytes()
    for end in [0, 3, 4, 11, 500, len(data) // 2, len(data) - 1]:
        file.write_bytes(data[:end])
        with pytest.raises(ModelFormatError):
            read_linear_model(file)
    file.write_bytes(data + b"\0")
    with pytest.raises(ModelFormatError, match="left over"):
        read_linear_model(file)


@pytest.mark.parametrize("size", [(-1, 1), (2**31 - 1, 2**31 - 1), (0, 1), (10, 1)])
def test_absurd_sizes_are_refused(eos_files: EosMaker, size: tuple[int, int]) -> None:
    file = eos_files.write(1)
    data = file.read_bytes()
    file.write_bytes(data[:4] + struct.pack("<ii", *size) + data[12:])
    with pytest.raises(ModelFormatError):
        read_linear_model(file)


def test_messages_say_what_to_get(eos_files: EosMaker, tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match=r"github\.com/patrikhuber/eos"):
        read_linear_model(tmp_path / "sfm_shape_3448.bin")
    with pytest.raises(ModelFormatError, match=r"ibug_to_\*.txt"):
        read_linear_model(eos_files.write(1))
    file = eos_files.write(1)
    eos_files.write_companions()
    small = eos_files.blendshapes[:, :30]
    eos_files.blendshapes = small
    (tmp_path / "expression_blendshapes_169.bin").write_bytes(eos_files.expression_blendshapes())
    with pytest.raises(ModelFormatError, match="same resolution"):
        read_linear_model(file)
    (tmp_path / "ibug_to_toy.txt").write_text("nothing here")
    with pytest.raises(ModelFormatError, match="landmark_mappings"):
        read_eos(EosFiles(file, None, tmp_path / "ibug_to_toy.txt"))


def test_mapping_ignores_comments_and_other_sections(eos_files: EosMaker) -> None:
    eos_files.write_companions()
    assert read_mapping(eos_files.folder / "ibug_to_toy.txt") == MAPPING


def test_surrey(data: Path) -> None:
    file = data / "sfm" / "sfm_shape_3448.bin"
    found = companions(file)
    assert None not in (found.blendshapes, found.mapping, found.contours)
    model = read_eos(found)
    assert model.mean.shape == (3448, 3) and model.identity.shape == (63, 3448, 3)
    assert model.expression_names == ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
    # values that eos itself prints for this file
    np.testing.assert_allclose((model.mean + model.origin)[0], [-54.126328, -49.502426, -71.2307], atol=1e-4)
    np.testing.assert_allclose(model.identity[0].ravel() @ model.identity[0].ravel(), 56502.367, rtol=1e-4)
    # the frame: subject's right eye at negative x, chin below, nose in front
    places = dict(
        zip(model.landmarks.index, model.landmarks.points.on(model.mean, model.triangles), strict=True)
    )
    assert places[36][0] < -35 and places[45][0] > 35 and places[8][1] < -90 and places[30][2] > 25
    assert "non-commercial" in model.terms


def test_surrey_edges_are_those_of_its_file(data: Path) -> None:
    model = read_linear_model(data / "sfm" / "sfm_shape_3448.bin")
    faces, vertices = read_edge_topology(data / "sfm" / "sfm_3448_edge_topology.json")
    own = Topology(model.triangles, len(model.mean)).edges
    one, two = (
        np.column_stack([np.sort(ends, axis=1), np.sort(sides, axis=1)])
        for ends, sides in ((own[:, :2], own[:, 2:]), (vertices, faces))
    )
    np.testing.assert_array_equal(one[np.lexsort(one.T)], two[np.lexsort(two.T)])
