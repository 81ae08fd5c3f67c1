"""Distances between the lips: their derivatives, and mouths that close."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.camera import Camera, rotation_from_angles, rotation_from_vector
from headshot.fit import Evidence, FitSettings, LandmarkSolver, Observation
from headshot.fit.errors import load_landmark_errors
from headshot.fit.gaps import LOWER, UPPER, lip_gaps
from headshot.head_model import load_head_model

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
    gaps = lip_gaps(points, model, EXTENT)
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
        solver = LandmarkSolver(seen, model, FitSettings(), load_landmark_errors(), evidence)
        fit = solver.run()
        lips = fit.camera.project(model.positions(fit.identity, fit.expression))
        return float(np.linalg.norm(lips[list(LOWER)] - lips[list(UPPER)], axis=1).mean())

    without, with_gaps = gap(Evidence()), gap(Evidence(gaps=lip_gaps(points, model, EXTENT)))
    assert without > 1.0  # pixels
    assert with_gaps < without / 2
