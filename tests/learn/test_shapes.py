"""The meshes to learn from: counts, closedness, volumes with closed forms."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

from headshot.learn.shapes import Shape, hemisphere, ico_sphere, objects, revolve, teapot


def border_edges(shape: Shape) -> int:
    """Directed sides whose opposite is missing: 0 for a closed, consistently oriented mesh."""
    sides = np.concatenate(
        [shape.triangles[:, [0, 1]], shape.triangles[:, [1, 2]], shape.triangles[:, [2, 0]]]
    )
    there = {tuple(side) for side in sides.tolist()}
    return sum((b, a) not in there for a, b in there)


def volume(shape: Shape) -> float:
    a, b, c = shape.vertices[shape.triangles].astype(np.float64).transpose(1, 0, 2)
    return float(np.einsum("ij,ij->", a, np.cross(b, c)) / 6)


def test_spheres_have_the_papers_numbers_of_vertices() -> None:
    sphere, half = ico_sphere(4), hemisphere()
    assert sphere.vertices.shape == (2562, 3) and sphere.triangles.shape == (5120, 3)
    assert half.vertices.shape == (2113, 3) and half.triangles.shape == (4096, 3)
    for shape in (sphere, half):
        np.testing.assert_allclose(np.linalg.norm(shape.vertices, axis=1), 1, atol=1e-6)
    assert border_edges(sphere) == 0
    assert volume(sphere) == pytest.approx(4 / 3 * np.pi, rel=3e-3)
    # the hemisphere is open along its equator of 4 * 32 edges, and nowhere else
    assert half.vertices[:, 2].min() > -1e-6
    assert border_edges(half) == 128
    assert volume(half) == pytest.approx(2 / 3 * np.pi, rel=3e-3)


def test_a_cone_has_a_cones_volume() -> None:
    cone = revolve([[0, 0], [1, 0], [0, 2]], segments=200)  # centred, and scaled to radius 1
    radius = cone.vertices[:, 0].max()
    height = np.ptp(cone.vertices[:, 1])
    assert height / radius == pytest.approx(2, rel=1e-3)
    assert border_edges(cone) == 0
    assert volume(cone) == pytest.approx(np.pi / 3 * radius**2 * height, rel=1e-3)


def test_the_teapot_is_newells() -> None:
    pot = teapot(8)
    extent = np.ptp(pot.vertices, axis=0).astype(np.float64)
    # from the tip of the spout (3.43, the curve's highest x) to the handle, 3.15 high, 4 wide
    assert extent[1] / extent[2] == pytest.approx(3.15 / 4, rel=0.005)
    assert extent[0] / extent[2] == pytest.approx(6.43 / 4, rel=0.01)
    np.testing.assert_allclose(pot.vertices[:, 2].min(), -pot.vertices[:, 2].max(), atol=1e-6)
    # Patches meet without seams. Open are: the lid's rim, the body's rim, both ends of handle and of spout:
    # circles of 4 * 8 and 2 * 8 edges.
    assert border_edges(pot) == 2 * 32 + 4 * 16
    # A patch turned inwards would take its share off.
    scale = 4 / extent[2]
    body = 26.1  # Newell's units; a ball of radius 2, cut to 2.4 of its 4 units, has 25.8
    assert volume(pot) * scale**3 == pytest.approx(body, abs=0.5)


def test_all_objects_are_turned_outwards() -> None:
    for name, shape in objects().items():
        assert volume(shape) > 0.05, name
        assert np.linalg.norm(shape.vertices, axis=1).max() == pytest.approx(1, abs=1e-5), name
        assert name == "teapot" or border_edges(shape) == 0, name
