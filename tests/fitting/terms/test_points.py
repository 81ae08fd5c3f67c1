"""What is known besides the landmarks: a prior of the identity, and a second set of points."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting import Evidence, FitSettings, IdentityPrior, LandmarkSolver, Observation, PointEvidence
from headshot.fitting.landmarks import fit_landmarks
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.head_model import load_head_model

CAMERA = Camera(
    400, 400, 1600.0, (200.0, 200.0), rotation_from_angles(15, 4, -3), np.array([0.0, 20.0, -900])
)


@pytest.fixture(scope="module")
def model():
    head = load_head_model("low")
    return head.at(head.landmarks["mediapipe478"])


@pytest.fixture(scope="module")
def person(model):
    """Coefficients, exact points, and an observation of them that errs like smooth shape."""
    rng = np.random.default_rng(5)
    identity = rng.normal(size=len(model.identity))
    shape = model.positions(identity, np.zeros(52))
    wrong = np.tensordot(rng.normal(size=20), model.identity[:20], 1)
    seen = Observation(
        CAMERA.project(shape + wrong), np.ones(len(shape)), np.zeros(52), 400, 400, CAMERA.focal
    )
    return identity, CAMERA.project(shape), seen


def off(found, truth):
    return float(np.linalg.norm(found.identity - truth))


def test_the_standard_prior_is_the_default(model, person):
    _, _, seen = person
    plain = fit_landmarks(seen, model)
    told = fit_landmarks(seen, model, evidence=Evidence(IdentityPrior.standard(len(model.identity))))
    assert told.identity == pytest.approx(plain.identity, abs=1e-9)
    full = Evidence(IdentityPrior(np.zeros(len(model.identity)), np.eye(len(model.identity))))
    assert fit_landmarks(seen, model, evidence=full).identity == pytest.approx(plain.identity, abs=1e-9)


def test_a_good_guess_brings_the_fit_to_the_truth_and_a_vague_one_does_not(model, person):
    identity, _, seen = person
    guess = identity + np.random.default_rng(1).normal(0, 0.2, len(identity))
    plain = fit_landmarks(seen, model)
    sure = fit_landmarks(seen, model, evidence=Evidence(IdentityPrior.guess(guess, np.full(len(guess), 0.2))))
    vague = fit_landmarks(seen, model, evidence=Evidence(IdentityPrior(guess, np.full(len(guess), 1e-6))))
    assert off(sure, identity) < 0.5 * off(plain, identity)
    assert off(vague, identity) > 2 * off(sure, identity)


def test_other_points_are_believed_by_their_deviation(model, person):
    identity, points, seen = person
    plain = off(fit_landmarks(seen, model), identity)
    exact = PointEvidence(points, np.full(len(points), 0.3))
    blind = replace(exact, deviation=np.full(len(points), np.inf))
    none = replace(exact, points=np.full_like(points, np.nan))
    assert off(fit_landmarks(seen, model, evidence=Evidence(points=exact)), identity) < 0.7 * plain
    for nothing in (blind, none):
        assert off(fit_landmarks(seen, model, evidence=Evidence(points=nothing)), identity) == pytest.approx(
            plain
        )


def test_errors_in_common_are_generalised_least_squares(model, person):
    """Woodbury's identity against the covariance written out, where no point is an outlier."""
    _, points, _ = person
    rng = np.random.default_rng(2)
    common = rng.normal(0, 2, (4, len(points), 2))
    evidence = PointEvidence(points, rng.uniform(0.5, 2, len(points)), common, outlier=1e6)
    residual = rng.normal(size=points.shape)
    jacobian = rng.normal(size=(9, *points.shape))
    hessian, gradient = evidence.equations(residual, jacobian)
    flat = common.reshape(4, -1)
    inverse = np.linalg.inv(np.diag(np.repeat(evidence.deviation, 2) ** 2) + flat.T @ flat)
    j, r = jacobian.reshape(9, -1), residual.ravel()
    assert hessian == pytest.approx(j @ inverse @ j.T, abs=1e-3)
    assert gradient == pytest.approx(j @ inverse @ r, abs=1e-3)
    assert evidence.cost(residual) == pytest.approx(r @ inverse @ r, rel=1e-6)


def test_known_errors_in_common_are_not_taken_for_shape(model, person):
    identity, points, seen = person
    rng = np.random.default_rng(3)
    common = 3 * np.stack([np.tile([1.0, 0.0], (478, 1)) * np.sin(points[:, :1] / s) for s in (15, 23, 31)])
    wrong = points + np.tensordot(rng.normal(size=3), common, 1)
    alike = PointEvidence(wrong, np.full(len(points), 0.3))
    told = replace(alike, common=common)
    vague = replace(seen, confidence=0.01 * seen.confidence)
    found = [off(fit_landmarks(vague, model, evidence=Evidence(points=e)), identity) for e in (told, alike)]
    assert found[0] < 0.9 * found[1]


def test_gradient_of_the_cost_against_finite_differences(model, person):
    identity, points, seen = person
    rng = np.random.default_rng(4)
    half = rng.normal(size=(len(identity), len(identity)))
    prior = IdentityPrior(0.5 * identity, half @ half.T / len(identity) + np.eye(len(identity)))
    evidence = Evidence(prior, PointEvidence(points, rng.uniform(1, 3, len(points))))
    solver = LandmarkSolver(seen, model, FitSettings(), evidence=evidence)
    solver.expression = rng.uniform(0.2, 0.6, 52)
    residual, jacobian = solver.linearise()
    _, downhill = solver.normal(residual, jacobian, solver.robust(residual))
    state = solver.rotation, solver.translation, solver.focal, solver.identity, solver.expression
    for k in (0, 1, 3, 4, 5, 6, 7, 30, 106, 107, 130):
        costs = []
        for sign in (1, -1):
            step = np.zeros(len(downhill))
            step[k] = sign * (1e-4 if k < 3 or k == 6 else 1e-2)
            solver.move(step)
            costs.append(solver.cost())
            solver.rotation, solver.translation, solver.focal, solver.identity, solver.expression = state
        slope = (costs[1] - costs[0]) / (2 * abs(step[k]))
        assert slope == pytest.approx(downhill[k], rel=0.02, abs=0.02 * np.abs(downhill).mean()), k


@pytest.mark.parametrize(
    "wrong",
    [
        Evidence(IdentityPrior.standard(7)),
        Evidence(points=PointEvidence(np.zeros((5, 2)), np.ones(5))),
        Evidence(points=PointEvidence(np.zeros((478, 2)), np.zeros(478))),
        Evidence(points=PointEvidence(np.zeros((478, 2)), np.ones(478), np.zeros((3, 5, 2)))),
    ],
)
def test_evidence_that_does_not_fit_says_so(model, person, wrong):
    with pytest.raises(ValueError, match=r"prior of|expected points|deviation"):
        fit_landmarks(person[2], model, evidence=wrong)


def test_a_guess_must_make_sense():
    with pytest.raises(ValueError, match="both"):
        IdentityPrior.guess(np.zeros(3), np.ones(4))
    with pytest.raises(ValueError, match="greater than 0"):
        IdentityPrior.guess(np.zeros(3), np.zeros(3))
