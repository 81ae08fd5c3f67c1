"""The whole problem: gradients of all terms and priors in two views, and the steps that solve it."""

from dataclasses import replace

import numpy as np
import pytest

from headshot.fitting.initialise import start_view
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.fitting.parameters import Layout, PersonState, State
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.problem import FitProblem
from headshot.fitting.reflectance import FIELDS, reflectance_of
from headshot.fitting.settings import FitSettings
from headshot.fitting.surface import samples_of
from headshot.fitting.terms.colours import ColourTerm, SurfaceCache, face_window, visibility
from headshot.fitting.terms.contour import ContourModel, face_contour
from headshot.fitting.terms.distances import lip_and_lid_distances
from headshot.fitting.terms.points import PointTerm
from headshot.fitting.working_photo import working_photo
from headshot.geometry.camera import extent_of
from headshot.models.contour import landmarks68

WEIGHTS = (1.0, 0.4)
YAWS = (10.0, -25.0)


def view_of(head, points, photo, ramp, person, weight, rng):
    """Everything that can be known of a view, and a state away from what it shows."""
    inner = head.at(head.landmarks["ibug68"]).restricted(slice(17, None))
    seen = replace(photo.seen, hidden=rng.uniform(1, 2, 478), expression=np.full(52, 0.1))
    sparse = landmarks68(head, photo.vertices, photo.camera)
    sparse = photo.camera.project(sparse) + rng.normal(scale=2, size=(68, 2))
    others = (
        PointTerm(sparse[17:], rng.uniform(1, 3, 51), inner),
        lip_and_lid_distances(seen.points, points, extent_of(seen.points)),
    )
    contour = face_contour(sparse[:17], rng.uniform(2, 6, 17), photo.camera.angles[0], ContourModel.of(head))
    start = start_view(seen, points, np.zeros(100), FitSettings(), load_landmark_noise(), others)
    start = start.with_contour(contour, np.zeros(100))
    reflectance = reflectance_of(head, 0.12)
    camera = start.state.camera
    view = replace(
        start.state,
        camera=replace(camera, focal=1.06 * camera.focal),
        expression=rng.uniform(0.2, 0.6, 52),
        nuisance=0.5 * rng.normal(size=len(start.state.nuisance)),
        fields=0.3 * rng.normal(size=FIELDS),
        light=reflectance.light.mean + 0.05 * rng.normal(size=27),
    )
    surface = SurfaceCache(samples_of(head))
    centre, extent = face_window(seen.points, seen.confidence)
    picture = ramp(working_photo(photo.pixels, centre, 1.7 * extent, 0.3))
    visible = visibility(surface, head, person, view)
    gain = 600 / float(surface.samples.area.sum())
    colours = ColourTerm(surface, reflectance, picture, visible, noise=0.2, gain=gain, outlier=2.0)
    return replace(start.problem, colours=colours, weight=weight), view


@pytest.fixture(scope="module")
def whole(head, points, portrait, ramp):
    """A person in two views with landmarks, points, distances, contour and colours."""
    rng = np.random.default_rng(5)
    albedos = reflectance_of(head, 0.12).albedo
    person = PersonState(0.5 * rng.normal(size=100), 0.3 * rng.normal(size=albedos))
    half = rng.normal(size=(100, 100))
    prior = IdentityPrior(0.5 * rng.normal(size=100), half @ half.T / 100 + np.eye(100))
    views = [
        view_of(head, points, portrait(7, photo=n, yaw=yaw), ramp, person, weight, rng)
        for n, (yaw, weight) in enumerate(zip(YAWS, WEIGHTS, strict=True), start=1)
    ]
    problem = FitProblem(prior, tuple(p for p, _ in views))
    state = State(person, tuple(v for _, v in views))
    return problem.located(state), state


def entries(layout):
    """Some entries of each part of a local vector, and the sizes of steps of which costs are smooth."""
    chosen = {
        "identity": (0, 1, 7, 40, 99),
        "albedo": (0, 5),
        "pose": tuple(range(7)),
        "nuisance": (0, 3, 20),
        "fields": (0, 17, 39),
        "light": (0, 4, 13, 26),
        "expression": (0, 9, 17, 24, 51),
    }
    for name, places in chosen.items():
        part = getattr(layout, name)
        for k in places:
            assert part.start + k < part.stop
            turn = name == "pose" and k not in (3, 4)
            yield name, part.start + k, 1e-4 if turn else 1e-2


@pytest.mark.parametrize("number", [0, 1])
def test_the_gradient_of_a_view_is_the_slope_of_its_cost(whole, downhill, number):
    problem, state = whole
    one, view = problem.views[number], state.views[number]
    assert len(list(one.terms())) == 5
    system, _ = one.system(state.person, view)
    scale = np.sqrt(np.diag(system.hessian))
    for name, k, size in entries(Layout.of(state.person, view)):
        slope = downhill(one.cost, state.person, view, k, size)
        assert system.gradient[k] == pytest.approx(slope, rel=0.02, abs=0.02 * scale[k]), (name, k)


def test_where_nothing_is_seen_the_priors_are_left(whole, downhill):
    """Those of focal length, expression, errors, brightness and light, exactly."""
    problem, state = whole
    person, view = state.person, state.views[1]
    one = problem.views[1]
    blind = replace(
        one,
        landmarks=replace(one.landmarks, confidence=np.zeros(478)),
        others=(),
        outlines=(),
        colours=replace(one.colours, visible=np.zeros_like(one.colours.visible)),
    )
    system, _ = blind.system(person, view)
    layout = Layout.of(person, view)
    assert not system.gradient[layout.person].any()
    assert not system.gradient[layout.pose][:6].any()
    for name, k, size in entries(layout):
        slope = downhill(blind.cost, person, view, k, size)
        assert system.gradient[k] == pytest.approx(slope, rel=1e-4, abs=1e-6), (name, k)
    # Priors are quadratic: a step by their own Hessian ends where they expect the view.
    step = np.zeros(layout.size)
    own = layout.columns(slice(layout.pose.stop - 1, layout.size))
    step[own] = np.linalg.solve(system.hessian[np.ix_(own, own)], system.gradient[own])
    least = view.moved(step[layout.person.stop :])
    assert blind.cost(person, least) == pytest.approx(0, abs=1e-6)


def moved(state, layout, number, entry, size):
    """The state after a step along one entry of the local vector of a view."""
    first = layout.person.stop
    step = np.zeros(layout.size)
    step[entry] = size
    none = np.zeros(layout.size - first)
    return state.moved(step[:first], [step[first:] if n == number else none for n in range(len(state.views))])


def gradients(problem, state):
    """Downhill gradient of the whole problem: of the person, and of each view."""
    systems = [p.system(state.person, v)[0] for p, v in zip(problem.views, state.views, strict=True)]
    first = len(state.person.identity) + len(state.person.albedo)
    person = np.concatenate([problem.identity.pull(state.person.identity), -state.person.albedo])
    return person + sum(s.gradient[:first] for s in systems), [s.gradient[first:] for s in systems]


def test_the_gradient_of_the_problem_is_the_slope_of_its_cost(whole):
    """What views share gets the gradient of all of them, and all else that of its own."""
    problem, state = whole
    person, views = gradients(problem, state)
    layout = Layout.of(state.person, state.views[0])
    size_of_noise = np.sqrt(
        np.diag(
            sum(p.system(state.person, v)[0].hessian for p, v in zip(problem.views, state.views, strict=True))
        )
    )
    for number in (0, 1):
        for name, k, size in entries(layout):
            shared = k < layout.person.stop
            if shared and number:
                continue
            ends = [problem.cost(moved(state, layout, number, k, sign * size)) for sign in (-1, 1)]
            slope = (ends[0] - ends[1]) / (2 * size)  # this cost is halved already
            found = person[k] if shared else views[number][k - layout.person.stop]
            assert found == pytest.approx(slope, rel=0.02, abs=0.02 * size_of_noise[k]), (name, number, k)


def test_contours_move_when_they_are_located_and_nothing_else_does(whole):
    problem, state = whole
    layout = Layout.of(state.person, state.views[0])
    turned = moved(state, layout, 0, layout.pose.start + 1, 0.3)
    found = problem.located(turned)
    assert not any(v.outlines[0] is w.outlines[0] for v, w in zip(found.views, problem.views, strict=True))
    change = found.outline_cost(turned) - problem.outline_cost(turned)
    assert abs(change) > 0.1
    assert found.cost(turned) - problem.cost(turned) == pytest.approx(change)


def test_the_cost_is_that_of_the_priors_and_of_the_views_by_their_weights(whole):
    problem, state = whole
    person = state.person
    total = problem.identity.cost(person.identity) + person.albedo @ person.albedo
    for one, view, weight in zip(problem.views, state.views, WEIGHTS, strict=True):
        assert one.weight == weight
        own = replace(one, weight=1.0).cost(person, view)
        assert one.cost(person, view) == pytest.approx(weight * own)
        light = one.colours.reflectance.light
        away = view.light - light.mean
        parts = sum(term.cost(person, view) for term in one.terms()) + one.prior.cost(view)
        assert own == pytest.approx(parts + away @ light.precision @ away)
        total += weight * own
    assert problem.cost(state) == pytest.approx(total / 2)


def test_a_view_without_weight_adds_nothing_to_the_person(whole):
    problem, state = whole
    silent = FitProblem(problem.identity, (problem.views[0], replace(problem.views[1], weight=1e-9)))
    alone = FitProblem(problem.identity, problem.views[:1])
    one, _, _ = silent.step(state)
    two, _, _ = alone.step(State(state.person, state.views[:1]))
    np.testing.assert_allclose(one, two, atol=1e-5)


def test_a_step_solves_the_equations_of_all(whole):
    """Against one dense system, where no weight of an expression is at its bound."""
    problem, state = whole
    person = state.person
    first = len(person.identity) + len(person.albedo)
    systems = [p.system(person, v)[0] for p, v in zip(problem.views, state.views, strict=True)]
    size = first + sum(len(s.gradient) - first for s in systems)
    hessian, gradient = np.zeros((size, size)), np.zeros(size)
    problem.identity.add_to(hessian[:100, :100])
    hessian[range(100, first), range(100, first)] += 1
    gradient[:first] = np.concatenate([problem.identity.pull(person.identity), -person.albedo])
    start = first
    for s in systems:
        place = np.r_[0:first, start : start + len(s.gradient) - first]
        hessian[np.ix_(place, place)] += s.hessian
        gradient[place] += s.gradient
        start = int(place[-1]) + 1
    step, own, motions = problem.step(state)
    found = np.concatenate([step, *own])
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    ends = np.cumsum([first, *(len(s.gradient) - first for s in systems)])[1:]
    for end, view in zip(ends, state.views, strict=True):
        low[end - 52 : end], high[end - 52 : end] = -view.expression, 1 - view.expression
    assert ((found >= low) & (found <= high)).all()
    slope = gradient - hessian @ found
    scale = np.sqrt(np.diag(hessian))
    free = (found > low) & (found < high)
    np.testing.assert_allclose((slope / scale)[free], 0, atol=1e-6)
    assert (slope[found == low] <= 1e-6).all() and (slope[found == high] >= -1e-6).all()
    # The largest motion of a landmark in each view is that of its projection.
    for n, motion in enumerate(motions):
        term, view = problem.views[n].landmarks, state.views[n]
        layout = Layout.of(person, view)
        columns = layout.columns(layout.pose, layout.identity, layout.nuisance, layout.expression)
        _, jacobian = term.linearise(person, view)
        local = np.concatenate([step, own[n]])[columns]
        assert motion == pytest.approx(np.abs(np.tensordot(local, jacobian, 1)).max())


def test_steps_lower_the_cost(whole):
    problem, state = whole
    costs = [problem.cost(state)]
    for _ in range(3):
        person, views, _ = problem.step(state)
        state = state.moved(person, views)
        costs.append(problem.cost(state))
    assert (np.diff(costs) < 0).all()
    assert costs[-1] < 0.5 * costs[0]


def test_a_step_of_colours_leaves_the_shape(whole):
    problem, state = whole
    after = problem.colour_step(state)
    assert after.person.identity is state.person.identity
    for before, view in zip(state.views, after.views, strict=True):
        assert view.camera is before.camera
        assert view.expression is before.expression and view.nuisance is before.nuisance
        assert not np.array_equal(view.light, before.light)
        assert not np.array_equal(view.fields, before.fields)
    assert problem.cost(after) < problem.cost(state)


def test_a_step_of_colours_is_that_of_everything_with_the_shape_fixed(whole):
    problem, state = whole
    person, views = gradients(problem, state)
    layout = Layout.of(state.person, state.views[0])
    after = problem.colour_step(state)
    systems = [p.system(state.person, v)[0] for p, v in zip(problem.views, state.views, strict=True)]
    # Put into the full equations, it leaves no slope of albedo, fields and light.
    albedo = after.person.albedo - state.person.albedo
    slope = person[layout.albedo] - albedo
    coloured = layout.columns(layout.albedo, layout.fields, layout.light)
    for system, gradient, before, view in zip(systems, views, state.views, after.views, strict=True):
        step = np.concatenate([albedo, view.fields - before.fields, view.light - before.light])
        change = system.hessian[np.ix_(coloured, coloured)] @ step
        slope = slope - change[: len(albedo)]
        own = gradient[coloured[len(albedo) :] - layout.person.stop]
        np.testing.assert_allclose(own, change[len(albedo) :], atol=1e-2)
    np.testing.assert_allclose(slope, 0, atol=1e-2)
