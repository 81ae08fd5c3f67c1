"""The outline on any mesh: its equations are the slope of its cost, and points left out do not count."""

from __future__ import annotations

import numpy as np
import pytest

from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.terms.outline import FaceOutline, OutlineModel
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.linear import LinearModel
from headshot.models.outline import turned_away
from headshot.models.readers import read_linear_model

NONE = np.zeros(0)


def camera_at(yaw: float) -> Camera:
    turn = rotation_from_angles(yaw, 4, -3)
    return Camera(400, 400, 1600.0, (200.0, 200.0), turn, np.array([0.0, 20.0, -900]))


@pytest.fixture(scope="module")
def linear() -> LinearModel:
    return read_linear_model("headshot")


@pytest.fixture(scope="module")
def candidates(linear: LinearModel) -> OutlineModel:
    found = OutlineModel.of(linear)
    assert found is not None
    return found


def state(linear: LinearModel, yaw: float) -> tuple[PersonState, ViewState]:
    rng = np.random.default_rng(4)
    person = PersonState(rng.normal(size=len(linear.identity)), NONE)
    return person, ViewState(camera_at(yaw), rng.uniform(0, 0.5, 52), NONE, NONE, NONE)


def test_vertices_near_the_jaw_are_those_of_the_model(linear, candidates) -> None:
    person, view = state(linear, 0)
    used = candidates.outline.vertices
    expected = linear.shape(person.identity, view.expression)
    found = candidates.vertices(person.identity, view.expression)
    np.testing.assert_allclose(found[used], expected[used], atol=1e-3)
    assert 100 < len(used) < len(linear.mean) / 2


@pytest.mark.parametrize("yaw", [0, 30])
def test_equations_are_the_slope_of_the_cost(linear, candidates, downhill, yaw) -> None:
    person, view = state(linear, yaw)
    rng = np.random.default_rng(5)
    jaw = linear.jaw_lines()
    vertices = linear.shape(person.identity, view.expression)
    line = np.concatenate([jaw["right"].on(vertices, linear.triangles)[:8],
                           jaw["left"].on(vertices, linear.triangles)[::-1]])  # fmt: skip
    points = view.camera.project(line) + rng.normal(scale=6, size=(17, 2))
    deviation = rng.uniform(2, 6, 17)
    deviation[3] = np.inf
    term = FaceOutline(points, deviation, candidates).at(person, view)
    equations = term.equations(person, view)
    count = len(linear.identity)
    gradient = np.zeros(count + 7 + 52)
    equations.add_to(np.zeros((len(gradient), len(gradient))), gradient)
    for k in (0, 5, *range(count, count + 7), count + 7 + 24, count + 7 + 30):
        size = 0.02 if count + 3 <= k < count + 5 else 1e-3
        assert gradient[k] == pytest.approx(downhill(term.cost, person, view, k, size), rel=0.02, abs=0.02)
    assert bool(turned_away(view.camera)) == (yaw > 0)


def test_places_stay_until_they_are_located_anew(linear, candidates) -> None:
    """So that a step that lowers the cost by its slope is not undone by another choice of places."""
    here, there = (state(linear, yaw) for yaw in (0, 30))
    person, view = here
    jaw = linear.landmark_set("ibug68").points.on(
        linear.shape(person.identity, view.expression), linear.triangles
    )
    points = view.camera.project(jaw[:17]) + [4.0, 0.0]
    seen = FaceOutline(points, np.full(17, 3.0), candidates)
    one, other = seen.at(*here), seen.at(*there)
    before = one.cost(*there)
    one.equations(*there)
    assert one.cost(*there) == before
    assert before != pytest.approx(other.cost(*there), abs=0.1)
    assert one.located(*there).cost(*there) == other.cost(*there)


def test_points_left_out_do_not_count(linear, candidates) -> None:
    person, view = state(linear, 0)
    nowhere = np.full((17, 2), 1e3)
    term = FaceOutline(nowhere, np.full(17, np.inf), candidates).at(person, view)
    assert term.cost(person, view) == 0
    assert not term.equations(person, view).gradient.any()
    unknown = FaceOutline(np.full((17, 2), np.nan), np.full(17, 3.0), candidates).at(person, view)
    assert unknown.cost(person, view) == 0
