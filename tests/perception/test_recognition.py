"""Face recognition: alignment by five points, unit vectors, and files that are no such network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot import assets
from headshot.errors import HeadshotError
from headshot.geometry.align import planar_similarity
from headshot.perception.recognition import (
    HEIGHT,
    POINTS,
    WIDTH,
    Recogniser,
    aligned_face,
)


@pytest.mark.parametrize("turn", [0.0, 0.4, -2.0])
def test_the_five_points_come_where_the_network_wants_them(turn: float) -> None:
    c, s = np.cos(turn), np.sin(turn)
    there = 2.5 * (POINTS - 50) @ np.array([[c, s], [-s, c]]) + [210, 190]
    picture = np.zeros((400, 420, 3), np.uint8)
    for x, y in np.floor(there).astype(int):
        picture[y - 4 : y + 5, x - 4 : x + 5] = 255
    face = aligned_face(picture, there)
    assert face.shape == (HEIGHT, WIDTH, 3)
    bright = face[..., 0].astype(np.float64)
    for x, y in POINTS:
        around = bright[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6]
        rows, columns = np.mgrid[int(y) - 5 : int(y) + 6, int(x) - 5 : int(x) + 6] + 0.5
        centre = np.array([(around * columns).sum(), (around * rows).sum()]) / around.sum()
        np.testing.assert_allclose(centre, (x, y), atol=0.4)


def test_the_similarity_of_points_is_found_again() -> None:
    there = 1.7 * POINTS @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + [30, -12]
    found = planar_similarity(POINTS, there)
    np.testing.assert_allclose(POINTS @ found[:, :2].T + found[:, 2], there, atol=1e-9)
    assert np.linalg.det(found[:, :2]) == pytest.approx(1.7**2)


def test_files_that_are_no_such_network(tmp_path: Path) -> None:
    face = np.zeros((1, HEIGHT, WIDTH, 3), np.uint8)
    with pytest.raises(HeadshotError, match="cannot read"):
        Recogniser(tmp_path / "absent.onnx").vectors(face)
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(HeadshotError, match="read as a network"):
        Recogniser(tmp_path / "text.onnx").vectors(face)
    with pytest.raises(HeadshotError, match="takes pictures"):
        Recogniser(assets.path("segmentation.onnx")).vectors(face)


def test_vectors_know_mirror_images(data: Path) -> None:
    recogniser = Recogniser(data / "face-embedding" / "mobilefacenet.onnx")
    face = np.random.default_rng(0).integers(0, 255, (2, HEIGHT, WIDTH, 3), dtype=np.uint8)
    found = recogniser.vectors(np.concatenate([face, face[:, :, ::-1]]))
    assert found.shape == (4, 256)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-9)
    # A mirrored face has the same two halves, the other way round.
    np.testing.assert_allclose(found[:2, :128], found[2:, 128:], atol=1e-5)
    both = recogniser.both_sides(face[0], POINTS)
    assert both.shape == (128,) and np.linalg.norm(both) == pytest.approx(1)
