"""Correspondences of the jaw."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.geometry.camera import rotation_from_angles
from headshot.geometry.view import Orthographic
from headshot.models.linear import LinearModel
from headshot.models.outline import Outline, turned_away
from headshot.models.readers import read_linear_model


@pytest.fixture(scope="module")
def model() -> LinearModel:
    return read_linear_model("headshot")


def view(yaw: float) -> Orthographic:
    return Orthographic(rotation_from_angles(yaw, 0, 0), np.array([200.0, 200.0]), 1.5)


def test_the_side_turned_away() -> None:
    assert turned_away(view(0)) == frozenset()
    assert turned_away(view(30)) == {"left"} and turned_away(view(-30)) == {"right"}


def test_landmarks_on_the_jaw_find_themselves(model: LinearModel) -> None:
    seen = view(0)
    points = np.full((68, 2), np.nan)
    line = {side: model.contours[side].on(model.mean, model.triangles) for side in ("right", "left")}
    points[0:8] = seen.project(line["right"])[:8]
    points[16:8:-1] = seen.project(line["left"])[:8]
    found = Outline(model).places(seen, model.mean, points, np.isfinite(points[:, 0]), frozenset())
    assert sorted(found.landmark) == [*range(8), *range(9, 17)]
    np.testing.assert_allclose(found.weight.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(seen.project(found.of(model.mean)), points[found.landmark], atol=1e-3)


def test_partners_lie_between_vertices_and_slide(model: LinearModel) -> None:
    seen = view(0)
    line = seen.project(model.contours["right"].on(model.mean, model.triangles))
    middle = 0.6 * line[2] + 0.4 * line[3]
    along = (line[3] - line[2]) / np.linalg.norm(line[3] - line[2])
    across = np.array([-along[1], along[0]])
    points = np.full((68, 2), np.nan)
    points[2] = middle + 2 * across
    found = Outline(model).places(seen, model.mean, points, np.isfinite(points[:, 0]), frozenset())
    np.testing.assert_allclose(seen.project(found.of(model.mean))[0], middle, atol=1e-3)
    np.testing.assert_allclose(found.seen[0] @ along, 0, atol=1e-6)
    np.testing.assert_allclose(found.seen[0] @ across, across, atol=1e-6)


@pytest.mark.parametrize(("yaw", "side", "numbers"), [(40, "left", range(9, 17)), (-40, "right", range(8))])
def test_the_far_side_follows_the_outline(model: LinearModel, yaw: float, side: str, numbers: range) -> None:
    seen = view(yaw)
    vertices = seen.project(model.mean)
    rows = (model.mean[:, 1] < -20) & (model.mean[:, 1] > -75)  # level with the mouth: cheek and neck's front
    rows &= model.mean[:, 2] > -45
    edge = vertices[rows, 0].max() if side == "left" else vertices[rows, 0].min()
    points = np.full((68, 2), np.nan)
    number = 12 if side == "left" else 4
    points[number] = [edge + (25 if side == "left" else -25), seen.project([0, -50, 0])[1]]
    outline = Outline(model)
    far = outline.places(seen, model.mean, points, np.isfinite(points[:, 0]), turned_away(seen))
    near = outline.places(seen, model.mean, points, np.isfinite(points[:, 0]), frozenset())
    place, anatomical = seen.project(far.of(model.mean))[0], seen.project(near.of(model.mean))[0]
    outside = (place - anatomical)[0] * (1 if side == "left" else -1)
    assert number in numbers and outside > 2  # the outline is beside the jaw's own line, which is hidden
    assert abs(place[0] - edge) < 8
