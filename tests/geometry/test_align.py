"""Similarity, closest points and ICP against what is known in closed form."""

from __future__ import annotations

import numpy as np
import pytest

from headshot import load_head_model
from headshot.geometry.align import Similarity, Surface, distances, icp, similarity
from headshot.geometry.camera import rotation_from_angles

TRIANGLE = np.array([[0.0, 0, 0], [4, 0, 0], [0, 4, 0]])
MOTION = Similarity(1.3, rotation_from_angles(20, -10, 5), np.array([5.0, -3.0, 40.0]))


def test_similarity_undoes_a_known_motion() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    found = similarity(points, MOTION(points))
    assert found.scale == pytest.approx(1.3)
    np.testing.assert_allclose(found.rotation, MOTION.rotation, atol=1e-12)
    np.testing.assert_allclose(found(points), MOTION(points), atol=1e-12)
    assert similarity(points, MOTION(points), scaled=False).scale == 1


def test_similarity_never_mirrors() -> None:
    points = np.random.default_rng(0).normal(size=(20, 3))
    assert np.linalg.det(similarity(points, points * [-1, 1, 1]).rotation) == pytest.approx(1)


def test_similarity_refuses_what_has_no_answer() -> None:
    with pytest.raises(ValueError, match="at least 3"):
        similarity(np.zeros((2, 3)), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="coincide"):
        similarity(np.zeros((5, 3)), np.ones((5, 3)))


@pytest.mark.parametrize("angle", [0.0, 0.01, 30.0, 180.0])
def test_degrees(angle: float) -> None:
    motion = Similarity(1.0, rotation_from_angles(angle, 0, 0), np.zeros(3))
    assert motion.degrees == pytest.approx(angle, abs=1e-6)


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        ((1, 1, 2), 2.0),  # over the inside
        ((-3, -4, 0), 5.0),  # beyond a corner
        ((2, -3, 0), 3.0),  # beyond each edge
        ((-2, 2, 0), 2.0),
        ((4, 4, 0), np.sqrt(8)),
        ((7, 0, 4), 5.0),
        ((0, 10, 0), 6.0),
    ],
)
def test_distance_from_one_triangle(point: tuple[float, ...], expected: float) -> None:
    surface = Surface(TRIANGLE, [[0, 1, 2]])
    triangle, weights, distance = surface.closest([point])
    assert distance[0] == pytest.approx(expected)
    assert np.linalg.norm(surface.at(triangle, weights)[0] - point) == pytest.approx(expected)
    assert (weights >= 0).all() and weights.sum() == pytest.approx(1)


def test_closest_points_are_those_of_trying_every_triangle() -> None:
    rng = np.random.default_rng(0)
    vertices, triangles = rng.normal(size=(60, 3)), rng.integers(0, 60, (150, 3))
    triangles = triangles[[len(set(t)) == 3 for t in triangles.tolist()]]
    points = rng.normal(size=(80, 3)) * 1.5
    each = np.stack([Surface(vertices, t[None]).closest(points)[2] for t in triangles])
    np.testing.assert_allclose(Surface(vertices, triangles).closest(points)[2], each.min(axis=0), atol=1e-12)


def test_surface_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="finite"):
        Surface(TRIANGLE * np.nan, [[0, 1, 2]])
    with pytest.raises(ValueError, match="index"):
        Surface(TRIANGLE, [[0, 1, 3]])
    with pytest.raises(ValueError, match="area"):
        Surface(TRIANGLE, [[0, 1, 1]])


def test_icp_finds_a_known_motion() -> None:
    model = load_head_model("low")
    triangles = model.part_triangles("skin")
    face = model.mean[model.regions["face"] > 0.5].astype(float)
    start = Similarity(1.25, rotation_from_angles(23, -12, 4), np.array([8.0, -4.0, 42.0]))
    surface = Surface(model.mean, triangles)
    found = icp(MOTION(face), surface, start)
    left = distances(MOTION(face), surface, found)
    assert left.mean() < 0.05 and left.max() < 0.2
    assert distances(MOTION(face), surface, start).mean() > 1
