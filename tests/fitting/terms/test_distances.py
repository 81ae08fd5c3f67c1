"""Distances between lips and between lids: their derivatives, mouths and eyes that close."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting import Evidence, FitSettings, LandmarkSolver, Observation
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.terms.distances import EYE_CORNERS, LOWER, LOWER_LIDS, UPPER, UPPER_LIDS, face_gaps
from headshot.geometry.camera import Camera, rotation_from_angles, rotation_from_vector
from headshot.models.head_model import load_head_model

CAMERA = Camera(
    400, 400, 1600.0, (200.0, 200.0), rotation_from_angles(15, 4, -3), np.array([0.0, 20.0, -900])
)
EXTENT = 230.0


@pytest.fixture(scope="module")
def head():
    return load_head_model("low")


@pytest.fixture(scope="module")
def model(head):
    return head.at(head.landmarks["mediapipe478"])


def test_equations_are_the_slope_of_the_cost(model):
    rng = np.random.default_rng(3)
    points = CAMERA.project(model.mean) + rng.normal(size=(478, 2))
    gaps = face_gaps(points, model, EXTENT)
    identity, expression = rng.normal(size=len(model.identity)), rng.uniform(size=52)
    _, gradient = gaps.equations(identity, expression, CAMERA)
    assert gradient.shape == (7 + len(identity) + 52,)

    def cost(step):
        focal = CAMERA.focal * float(np.exp(step[6]))
        rotation = rotation_from_vector(step[:3]) @ CAMERA.rotation
        moved = replace(CAMERA, focal=focal, rotation=rotation, translation=CAMERA.translation + step[3:6])
        first = 7 + len(identity)
        return gaps.cost(identity + step[7:first], expression + step[first:], moved) / 2

    for k in (0, 1, 2, 3, 5, 6, 7, 12, 7 + len(identity) + 17, 7 + len(identity) + 30):
        step = np.zeros(len(gradient))
        step[k] = 0.02 if 3 <= k < 6 else 5e-3
        slope = (cost(step) - cost(-step)) / (2 * step[k])
        assert -gradient[k] == pytest.approx(slope, rel=0.05, abs=0.5)


def test_lips_that_touch_close_the_mouth(head, model):
    """Lips are seen to touch, and the expected expression says that they do not."""
    rng = np.random.default_rng(4)
    shape = model.positions(rng.normal(size=len(model.identity)), np.zeros(52))
    points = CAMERA.project(shape)
    points[list(LOWER)] = points[list(UPPER)]
    ajar = np.zeros(52)
    ajar[[head.expression_names.index(n) for n in ("jawOpen", "mouthUpperUpLeft", "mouthUpperUpRight")]] = 0.3
    seen = Observation(points, np.ones(478), ajar, 400, 400, CAMERA.focal)

    def gap(evidence):
        solver = LandmarkSolver(seen, model, FitSettings(), load_landmark_noise(), evidence)
        fit = solver.run()
        lips = fit.camera.project(model.positions(fit.identity, fit.expression))
        return float(np.linalg.norm(lips[list(LOWER)] - lips[list(UPPER)], axis=1).mean())

    without, with_gaps = gap(Evidence()), gap(Evidence(gaps=face_gaps(points, model, EXTENT)))
    assert without > 1.0  # pixels
    assert with_gaps < without / 2


@pytest.mark.parametrize("share", [0.06, 0.25])
def test_narrow_slits_are_shut_eyes(head, model, share):
    """Of shut eyes the network reports a slit; at a quarter of their width eyes are open, and stay so."""
    rng = np.random.default_rng(5)
    points = CAMERA.project(model.positions(rng.normal(size=len(model.identity)), np.zeros(52)))
    for upper, lower, (left, right) in zip(UPPER_LIDS, LOWER_LIDS, EYE_CORNERS, strict=True):
        above, below = points[list(upper)], points[list(lower)]
        gap, width = (
            np.linalg.norm(above - below, axis=1).mean(),
            np.linalg.norm(points[left] - points[right]),
        )
        points[list(upper)] = below + (above - below) * share * width / gap
    seen = Observation(points, np.ones(478), np.zeros(52), 400, 400, CAMERA.focal)
    solver = LandmarkSolver(
        seen, model, FitSettings(), load_landmark_noise(), Evidence(gaps=face_gaps(points, model, EXTENT))
    )
    fit = solver.run()
    blink = fit.expression[[head.expression_names.index(f"eyeBlink{side}") for side in ("Left", "Right")]]
    lids = model.positions(fit.identity, fit.expression)
    apart = np.mean([np.linalg.norm(lids[list(u)] - lids[list(w)], axis=1).mean()
                     for u, w in zip(UPPER_LIDS, LOWER_LIDS, strict=True)])  # fmt: skip
    if share < 0.1:
        assert apart < 2.2 and blink.min() > 0.6  # mm; shut, they are 1.2 apart on the mean head
    else:
        assert apart > 5 and blink.max() < 0.5


def test_each_eye_by_itself(model):
    """One eye shut: the distances of the other are those that the network reports, and a little more."""
    points = CAMERA.project(model.mean)
    upper, lower = (list(lids[1]) for lids in (UPPER_LIDS, LOWER_LIDS))
    points[list(UPPER_LIDS[0])] = points[list(LOWER_LIDS[0])]
    between = face_gaps(points, model, EXTENT).between[len(UPPER) :]
    first, second = between[:5], between[5:]
    assert np.linalg.norm(first, axis=1).max() < 0.02 * EXTENT
    seen = points[lower] - points[upper]
    cosine = (second * seen).sum(axis=1) / np.linalg.norm(second, axis=1) / np.linalg.norm(seen, axis=1)
    np.testing.assert_allclose(cosine, 1, atol=1e-6)
    assert 1 < np.linalg.norm(second) / np.linalg.norm(seen) < 1.2
