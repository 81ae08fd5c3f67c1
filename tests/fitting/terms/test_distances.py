"""Distances between lips and between lids: their derivatives, mouths and eyes that close."""

import numpy as np
import pytest

from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.landmarks import fit_landmarks
from headshot.fitting.parameters import PersonState, ViewState
from headshot.fitting.terms.distances import (
    EYE_CORNERS,
    LOWER,
    LOWER_LIDS,
    UPPER,
    UPPER_LIDS,
    lip_and_lid_distances,
)
from headshot.geometry.camera import Camera, rotation_from_angles

CAMERA = Camera(
    400, 400, 1600.0, (200.0, 200.0), rotation_from_angles(15, 4, -3), np.array([0.0, 20.0, -900])
)
EXTENT = 230.0
NONE = np.zeros(0)


def test_equations_are_the_slope_of_the_cost(points, downhill):
    rng = np.random.default_rng(3)
    seen = CAMERA.project(points.mean) + rng.normal(size=(478, 2))
    term = lip_and_lid_distances(seen, points, EXTENT)
    identity, expression = rng.normal(size=len(points.identity)), rng.uniform(size=52)
    person, view = PersonState(identity, NONE), ViewState(CAMERA, expression, NONE, NONE, NONE)
    equations = term.equations(person, view)
    assert equations.gradient.shape == (7 + len(identity) + 52,)
    gradient = np.zeros(len(equations.gradient))
    equations.add_to(np.zeros((len(gradient), len(gradient))), gradient)  # identity, pose, expression
    pose, expressions = len(identity), len(identity) + 7
    turn_and_zoom = [pose + k for k in (0, 1, 2, 6)]
    for k in (*turn_and_zoom, pose + 3, pose + 5, 0, 5, expressions + 17, expressions + 30):
        size = 0.02 if pose + 3 <= k < pose + 5 else 5e-3
        assert gradient[k] == pytest.approx(downhill(term.cost, person, view, k, size), rel=0.05, abs=0.5)


def test_lips_that_touch_close_the_mouth(head, points):
    """Lips are seen to touch, and the expected expression says that they do not."""
    rng = np.random.default_rng(4)
    shape = points.positions(rng.normal(size=len(points.identity)), np.zeros(52))
    seen = CAMERA.project(shape)
    seen[list(LOWER)] = seen[list(UPPER)]
    ajar = np.zeros(52)
    ajar[[head.expression_names.index(n) for n in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight")]] = 0.3
    given = LandmarkObservation(seen, np.ones(478), ajar, 400, 400, CAMERA.focal)

    def gap(*others):
        fit = fit_landmarks(given, points, noise_model=load_landmark_noise(), others=others)
        lips = fit.camera.project(points.positions(fit.identity, fit.expression))
        return float(np.linalg.norm(lips[list(LOWER)] - lips[list(UPPER)], axis=1).mean())

    without, with_distances = gap(), gap(lip_and_lid_distances(seen, points, EXTENT))
    assert without > 1.0  # pixels
    assert with_distances < without / 2


@pytest.mark.parametrize("share", [0.06, 0.25])
def test_narrow_slits_are_shut_eyes(head, points, share):
    """Of shut eyes the network reports a slit; at a quarter of their width eyes are open, and stay so."""
    rng = np.random.default_rng(5)
    seen = CAMERA.project(points.positions(rng.normal(size=len(points.identity)), np.zeros(52)))
    for upper, lower, (left, right) in zip(UPPER_LIDS, LOWER_LIDS, EYE_CORNERS, strict=True):
        above, below = seen[list(upper)], seen[list(lower)]
        gap, width = (
            np.linalg.norm(above - below, axis=1).mean(),
            np.linalg.norm(seen[left] - seen[right]),
        )
        seen[list(upper)] = below + (above - below) * share * width / gap
    given = LandmarkObservation(seen, np.ones(478), np.zeros(52), 400, 400, CAMERA.focal)
    distances = lip_and_lid_distances(seen, points, EXTENT)
    fit = fit_landmarks(given, points, noise_model=load_landmark_noise(), others=[distances])
    blink = fit.expression[[head.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]]
    lids = points.positions(fit.identity, fit.expression)
    apart = np.mean([np.linalg.norm(lids[list(u)] - lids[list(w)], axis=1).mean()
                     for u, w in zip(UPPER_LIDS, LOWER_LIDS, strict=True)])  # fmt: skip
    if share < 0.1:
        assert apart < 2.2 and blink.min() > 0.6  # mm; shut, they are 1.2 apart on the mean head
    else:
        assert apart > 5 and blink.max() < 0.5


def test_each_eye_by_itself(points):
    """One eye shut: the distances of the other are those that the network reports, and a little more."""
    seen = CAMERA.project(points.mean)
    upper, lower = (list(lids[1]) for lids in (UPPER_LIDS, LOWER_LIDS))
    seen[list(UPPER_LIDS[0])] = seen[list(LOWER_LIDS[0])]
    between = lip_and_lid_distances(seen, points, EXTENT).between[len(UPPER) :]
    first, second = between[:5], between[5:]
    assert np.linalg.norm(first, axis=1).max() < 0.02 * EXTENT
    reported = seen[lower] - seen[upper]
    cosine = (second * reported).sum(axis=1)
    cosine /= np.linalg.norm(second, axis=1) * np.linalg.norm(reported, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-6)
    assert 1 < np.linalg.norm(second) / np.linalg.norm(reported) < 1.2
