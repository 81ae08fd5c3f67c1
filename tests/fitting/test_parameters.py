"""Packing: every entry of a vector has its place, and steps move what they are to move."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from headshot.fitting.parameters import LIGHT, NEAREST, POSE, Layout, PersonState, State, ViewState
from headshot.geometry.camera import Camera, rotation_from_angles, rotation_from_vector

NAMES = ("identity", "albedo", "pose", "nuisance", "fields", "light", "expression")


def states(seed=0, identities=5, albedos=3, nuisances=4, fields=2, lights=LIGHT, expressions=6):
    rng = np.random.default_rng(seed)
    camera = Camera(
        400, 300, 900.0, (200.0, 150.0), rotation_from_angles(12, -5, 3), np.array([3.0, -8, -800])
    )
    view = ViewState(
        camera,
        rng.uniform(0.3, 0.7, expressions),
        rng.normal(size=nuisances),
        rng.normal(size=fields),
        rng.normal(size=lights),
    )
    return PersonState(rng.normal(size=identities), rng.normal(size=albedos)), view


def test_parts_follow_each_other_and_fill_the_vector():
    person, view = states()
    layout = Layout.of(person, view)
    parts = [getattr(layout, name) for name in NAMES]
    assert [p.stop - p.start for p in parts] == [5, 3, POSE, 4, 2, LIGHT, 6]
    assert parts[0].start == 0 and parts[-1].stop == layout.size == 54
    assert all(a.stop == b.start for a, b in pairwise(parts))
    assert layout.person == slice(0, 8)
    np.testing.assert_array_equal(layout.columns(*parts), np.arange(layout.size))
    np.testing.assert_array_equal(layout.columns(layout.expression, layout.albedo), [*range(48, 54), 5, 6, 7])


def test_a_view_alone_begins_with_its_pose():
    _, view = states()
    layout = Layout.of(None, view)
    assert layout.person == slice(0, 0)
    assert layout.pose == slice(0, POSE)
    assert layout.size == POSE + 4 + 2 + LIGHT + 6


def test_a_fit_to_landmarks_alone_has_neither_albedo_nor_fields_nor_light():
    layout = Layout.of(*states(albedos=0, nuisances=0, fields=0, lights=0))
    assert (layout.pose, layout.expression, layout.size) == (slice(5, 12), slice(12, 18), 18)


def test_a_step_and_its_way_back():
    person, view = states()
    layout = Layout.of(person, view)
    step = 0.05 * np.random.default_rng(1).normal(size=layout.size)
    start = State(person, (view,))
    there = start.moved(step[layout.person], [step[layout.person.stop :]])
    back = there.moved(-step[layout.person], [-step[layout.person.stop :]])
    for name in ("identity", "albedo"):
        one, other, now = (getattr(s.person, name) for s in (start, there, back))
        np.testing.assert_allclose(other - one, step[getattr(layout, name)])
        np.testing.assert_allclose(now, one)
    for name in ("nuisance", "fields", "light", "expression"):
        one, other, now = (getattr(s.views[0], name) for s in (start, there, back))
        np.testing.assert_allclose(other - one, step[getattr(layout, name)])
        np.testing.assert_allclose(now, one)
    one, other, now = (s.views[0].camera for s in (start, there, back))
    pose = step[layout.pose]
    np.testing.assert_allclose(other.rotation @ one.rotation.T, rotation_from_vector(pose[:3]), atol=1e-12)
    np.testing.assert_allclose((other.translation - one.translation)[:2], pose[3:5])
    assert np.log(other.translation[2] / one.translation[2]) == pytest.approx(pose[5])
    assert np.log(other.focal / one.focal) == pytest.approx(pose[6])
    np.testing.assert_allclose(now.rotation, one.rotation, atol=1e-12)
    np.testing.assert_allclose(now.translation, one.translation)
    assert now.focal == pytest.approx(one.focal)
    assert (now.width, now.height, now.centre) == (one.width, one.height, one.centre)


def test_each_view_takes_its_own_step():
    person, first = states()
    second = states(seed=2)[1]
    none = np.zeros(Layout.of(None, first).size)
    step = none.copy()
    step[Layout.of(None, second).nuisance] = 1.0
    moved = State(person, (first, second)).moved(np.zeros(8), [none, step])
    np.testing.assert_array_equal(moved.views[0].nuisance, first.nuisance)
    np.testing.assert_allclose(moved.views[1].nuisance, second.nuisance + 1)
    np.testing.assert_array_equal(moved.person.identity, person.identity)
    with pytest.raises(ValueError):
        State(person, (first, second)).moved(np.zeros(8), [none])


def test_steps_change_nothing_in_place():
    person, view = states()
    before = [a.copy() for a in (person.identity, view.expression, view.camera.translation, view.light)]
    layout = Layout.of(person, view)
    State(person, (view,)).moved(np.ones(8), [np.ones(layout.size - 8)])
    after = person.identity, view.expression, view.camera.translation, view.light
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)


def test_weights_distance_and_zoom_stay_in_their_bounds():
    _, view = states()
    layout = Layout.of(None, view)
    step = np.zeros(layout.size)
    step[layout.expression] = [-2, 2, 0, 0.1, -0.1, 5]
    step[layout.pose] = [0, 0, 0, 0, 0, -3, 3]
    moved = view.moved(step)
    assert moved.expression[[0, 1, 5]].tolist() == [0, 1, 1]
    np.testing.assert_allclose(moved.expression[2:5], view.expression[2:5] + [0, 0.1, -0.1])
    assert -800 < moved.camera.translation[2] < -400
    near = moved
    for _ in range(3):
        near = near.moved(step)
    assert near.camera.translation[2] == -NEAREST
    assert 1 < moved.camera.focal / view.camera.focal < 2
    smaller = view.moved(np.where(np.arange(layout.size) == POSE - 1, -3.0, 0.0))
    assert smaller.camera.focal * moved.camera.focal == pytest.approx(view.camera.focal**2)


def test_rotations_stay_rotations_over_many_steps():
    _, view = states()
    rng = np.random.default_rng(4)
    for _ in range(50):
        step = np.zeros(Layout.of(None, view).size)
        step[:3] = rng.normal(0, 0.3, 3)
        view = view.moved(step)
    np.testing.assert_allclose(view.camera.rotation @ view.camera.rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(view.camera.rotation) == pytest.approx(1)


def test_another_focal_length_alone_leaves_the_pose():
    _, view = states()
    step = np.zeros(Layout.of(None, view).size)
    step[6] = 0.1
    camera = view.moved(step).camera
    assert replace(camera, focal=view.camera.focal).project([[1.0, 2, 3]]) == pytest.approx(
        view.camera.project([[1.0, 2, 3]])
    )


def test_distance_and_focal_length_together_leave_the_size_in_the_picture():
    """Of what lies in the plane of the origin, exactly, however far the step."""
    _, view = states()
    step = np.zeros(Layout.of(None, view).size)
    step[5:7] = 0.3
    camera = view.moved(step).camera
    plane = np.array([[50.0, 20, 0], [-30.0, 60, 0]]) @ view.camera.rotation  # perpendicular to the axis
    np.testing.assert_allclose(camera.project(plane), view.camera.project(plane))
    assert camera.translation[2] < 1.3 * view.camera.translation[2]
