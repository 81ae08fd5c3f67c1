"""The order of a fit: landmarks until they rest, colours from coarse to fine, the shape shrunk to its prior.

Works on any number of views. Every function takes a fit where it stands and returns it where it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import U8, Array
from headshot.fitting.initialise import ViewStart
from headshot.fitting.parameters import LIGHT, PersonState, State, ViewState
from headshot.fitting.priors import IdentityPrior
from headshot.fitting.problem import FitProblem, ViewProblem
from headshot.fitting.reflectance import Reflectance, reflectance_of
from headshot.fitting.settings import TURNING, FitSettings, PhotometricSettings
from headshot.fitting.shared_texture import with_shared_texture
from headshot.fitting.surface import samples_of
from headshot.fitting.terms import LocatedTerm
from headshot.fitting.terms.colours import ColourTerm, SurfaceCache, face_window, visibility
from headshot.fitting.terms.landmarks import LandmarkNoise, yaw_between
from headshot.fitting.working_photo import PixelWeights, working_photo
from headshot.models.head_model import HeadModel
from headshot.models.topologies.mediapipe478 import OVAL, POINTS

TURN = 4.0
"""Degrees of yaw from which the landmarks' noise is looked up anew."""
_ENOUGH = 0.4  # share of the face's skin, seen well, from which colours tell all that they can
_WINDOW = 1.7  # side of the working picture, in extents of the landmarks
_FIRST_NOISE = 0.1  # standard deviation of colours before it is measured, sRGB
_COLOUR_STEPS = 3  # alternately linear in albedo and light, so that few suffice
_HALVINGS, _SHORTER = 3, 3.0  # how often a step that raises the cost is tried again, and so much shorter
_LITTLE = 1e-3  # relative gain below which colours rest


@dataclass(frozen=True, eq=False)
class Fit:
    """A fit where it stands.

    Attributes:
        problem: terms and priors.
        state: the parameters.
        noise: of each view's landmarks, where it depends on the pose.
        looked_up: (3, 3) rotation of each view for which that was last looked up.
        steps: Gauss-Newton steps taken.
    """

    problem: FitProblem
    state: State
    noise: tuple[LandmarkNoise | None, ...]
    looked_up: tuple[Array, ...]
    steps: int = 0

    @property
    def identity(self) -> Array:
        """(I,) coefficients."""
        return self.state.person.identity


def begin(starts: Sequence[ViewStart], prior: IdentityPrior, identity: Array | None = None) -> Fit:
    """A fit before its first step.

    Args:
        starts: the views.
        prior: of the identity.
        identity: (I,) to start from; the prior's mean when None.
    """
    person = PersonState(prior.mean.copy() if identity is None else identity, np.zeros(0))
    return Fit(
        FitProblem(prior, tuple(start.problem for start in starts)),
        State(person, tuple(start.state for start in starts)),
        tuple(start.noise for start in starts),
        tuple(start.state.camera.rotation for start in starts),
    )


def joined(fits: Sequence[Fit], prior: IdentityPrior, weights: Array) -> Fit:
    """One fit of several of one view each, from where they stand.

    Args:
        fits: of the single views.
        prior: of the identity.
        weights: (N,) of the views.
    """
    identity = np.average([fit.identity for fit in fits], axis=0, weights=weights)
    views = tuple(
        replace(fit.problem.views[0], weight=float(weight)) for fit, weight in zip(fits, weights, strict=True)
    )
    return Fit(
        FitProblem(prior, views),
        State(PersonState(identity, np.zeros(0)), tuple(fit.state.views[0] for fit in fits)),
        tuple(fit.noise[0] for fit in fits),
        tuple(fit.looked_up[0] for fit in fits),
    )


def descend_landmarks(fit: Fit, settings: FitSettings, iterations: int | None = None) -> Fit:
    """Take steps until they are small: at most so many, or as many as the settings say."""
    for iteration in range(1, (iterations or settings.iterations) + 1):
        fit = replace(fit, problem=fit.problem.located(fit.state))
        person, views, motions = fit.problem.step(fit.state)
        limits = [settings.tolerance * float(np.median(v.landmarks.noise)) for v in fit.problem.views]
        fit = replace(fit, state=fit.state.moved(person, views), steps=fit.steps + 1)
        # The first steps mostly change the pose; priors and robust weights need a few more.
        if iteration > 3 and all(m < limit for m, limit in zip(motions, limits, strict=True)):
            break
        if iteration <= TURNING:
            fit = _with_noise_at_pose(fit)
    return fit


def _with_noise_at_pose(fit: Fit) -> Fit:
    """Look the landmarks' noise up anew in views whose head has turned."""
    views, states = list(fit.problem.views), list(fit.state.views)
    noise, looked_up = list(fit.noise), list(fit.looked_up)
    changed = False
    for v, (known, state) in enumerate(zip(fit.noise, fit.state.views, strict=True)):
        rotation = state.camera.rotation
        if known is None or yaw_between(fit.looked_up[v], rotation) <= TURN:
            continue
        # A head that turned without its hidden points shows too little to tell its turn.
        known = known.everywhere_visible()
        states[v] = replace(state, nuisance=np.zeros(known.modes()))
        views[v] = replace(views[v], landmarks=known.at(views[v].landmarks, states[v]))
        noise[v], looked_up[v], changed = known, rotation, True
    if not changed:
        return fit
    problem = replace(fit.problem, views=tuple(views))
    return replace(
        fit, problem=problem, state=replace(fit.state, views=tuple(states)), noise=tuple(noise),
        looked_up=tuple(looked_up),
    )  # fmt: skip


def with_outlines(fit: Fit, outlines: Sequence[LocatedTerm | None]) -> Fit:
    """The fit with one more outline in each view (N,), where there is one."""
    views = tuple(
        problem if term is None else replace(problem, outlines=(*problem.outlines, term))
        for problem, term in zip(fit.problem.views, outlines, strict=True)
    )
    return replace(fit, problem=replace(fit.problem, views=views))


def with_identity(fit: Fit, identity: Array) -> Fit:
    """The fit with the identity (I,) fixed from now on."""
    return replace(
        fit,
        problem=replace(fit.problem, identity=IdentityPrior.fixed(identity)),
        state=replace(fit.state, person=replace(fit.state.person, identity=identity)),
    )


@dataclass(frozen=True, eq=False)
class Picture:
    """A photo for the fit to colours.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB.
        weight: how far pixels show skin of this face that the model can explain; the fit finds out by
            itself when None.
    """

    pixels: U8
    weight: PixelWeights | None = None


def descend_colours(
    fit: Fit,
    pictures: Iterable[Picture],
    model: HeadModel,
    settings: PhotometricSettings,
    shape: Callable[[Fit], Array] | None = None,
) -> Fit:
    """Let pose, camera, identity, expression, albedo and light together explain the photos.

    Several photos are compared with each other besides (`headshot.fitting.shared_texture`).

    Args:
        fit: the fit to landmarks, where it ended.
        pictures: the photos, one for each view; only reduced copies are kept.
        model: the head model.
        settings: see `PhotometricSettings`.
        shape: makes the identity (I,) that the head is to have from the fit; the last step fixes it and fits
            all else again. The fitted one when None.
    """
    reflectance = reflectance_of(model, settings.fields)
    views = [
        _Colours(picture, view, model, settings)
        for picture, view in zip(pictures, fit.problem.views, strict=True)
    ]
    fit = _with_colours(fit, reflectance)
    for level, steps in enumerate(settings.steps):
        fit = _at_level(fit, views, reflectance, level)
        if level == 0:
            fit = _first_colours(fit, views, settings)
        fit = _measured_noise(fit, settings)
        last = level == len(settings.steps) - 1
        steps -= last and shape is not None
        if len(views) == 1:
            fit = _descend(fit, steps)
            continue
        if level == 0:  # to the albedo alone, until the photos lie on each other roughly
            fit, steps = _descend(fit, 1), steps - 1
        fit = _descend_shared(fit, reflectance, settings, steps)
    if shape is not None:
        fit = _descend(with_identity(fit, shape(fit)), 1)
    return fit if len(views) == 1 else _without_shared_texture(fit, reflectance, settings)


class _Colours:
    """What the fit to the colours of one view needs at every level."""

    def __init__(
        self, picture: Picture, view: ViewProblem, model: HeadModel, settings: PhotometricSettings
    ) -> None:
        self.model, self.settings = model, settings
        self.surface = SurfaceCache(samples_of(model))
        centre, self.size = face_window(view.landmarks.points, view.landmarks.confidence)
        extent = _WINDOW * self.size
        self.pictures = [
            working_photo(picture.pixels, centre, extent, min(width / self.size, 1.0), picture.weight)
            for width in settings.widths
        ]

    @property
    def share(self) -> float:
        """How much a face of this size tells, in [0, 1]."""
        return float(min(self.size / self.settings.small, 1.0) ** 2)

    def term(self, reflectance: Reflectance, level: int, person: PersonState, view: ViewState) -> ColourTerm:
        """The photometric term at a level."""
        s = self.settings
        width = s.widths[level]
        visible = visibility(self.surface, self.model, person, view, s.every[level])
        area = float(self.surface.samples.area.sum())
        gain = self.share * width / s.widths[-1] * s.information / area
        return ColourTerm(
            self.surface, reflectance, self.pictures[level], visible, _FIRST_NOISE, gain, s.outlier
        )

    def loosened(self, problem: ViewProblem, person: PersonState, view: ViewState) -> ViewProblem:
        """Give landmarks less weight, as far as there are colours to estimate their common errors from."""
        assert problem.colours is not None
        _, weight = problem.colours.compare(person, view)
        samples = self.surface.samples
        share = self.share * min(float(weight.sum() / samples.area.sum()) / _ENOUGH, 1.0)
        inner = np.ones(len(problem.landmarks.noise), bool)
        if len(inner) >= POINTS:
            inner[list(OVAL)] = False  # the outline is no line of the skin, and colours end there
        noise = problem.landmarks.noise * np.where(inner, 1 + share * (self.settings.slack - 1), 1.0)
        return replace(problem, landmarks=replace(problem.landmarks, noise=noise))


def _with_colours(fit: Fit, reflectance: Reflectance) -> Fit:
    """Room for albedo, brightness fields and light in the state."""
    albedos = reflectance.albedo
    fields = reflectance.modes.shape[2] - albedos
    views = tuple(
        replace(view, fields=np.zeros(fields), light=reflectance.light.mean.copy())
        for view in fit.state.views
    )
    person = replace(fit.state.person, albedo=np.zeros(albedos))
    assert reflectance.light.mean.shape == (LIGHT,)
    return replace(fit, state=State(person, views))


def _at_level(fit: Fit, views: list[_Colours], reflectance: Reflectance, level: int) -> Fit:
    """The photometric terms at a level, with the noise and the expectation of light found so far."""
    found = []
    for colours, problem, state in zip(views, fit.problem.views, fit.state.views, strict=True):
        before = problem.colours
        term = colours.term(
            reflectance if before is None else before.reflectance, level, fit.state.person, state
        )
        if before is not None:
            term = replace(term, noise=before.noise)
        found.append(replace(problem, colours=term))
    return replace(fit, problem=replace(fit.problem, views=tuple(found)))


def _first_colours(fit: Fit, views: list[_Colours], settings: PhotometricSettings) -> Fit:
    """Albedo and light for the shape as it is."""
    person = fit.state.person
    problems, states = [], []
    for colours, problem, state, noise in zip(
        views, fit.problem.views, fit.state.views, fit.noise, strict=True
    ):
        if noise is None:  # a noise model has separated common errors already
            problem = colours.loosened(problem, person, state)
        assert problem.colours is not None
        term, state = problem.colours.first_light(person, state)
        problems.append(replace(problem, colours=term))
        states.append(state)
    fit = replace(
        fit, problem=replace(fit.problem, views=tuple(problems)), state=State(person, tuple(states))
    )
    for _ in range(_COLOUR_STEPS):
        fit = _measured_noise(fit, settings)
        fit = replace(fit, state=fit.problem.colour_step(fit.state))
    return fit


def _measured_noise(fit: Fit, settings: PhotometricSettings) -> Fit:
    """The photometric terms with the noise of what they do not explain."""
    found = []
    for problem, state in zip(fit.problem.views, fit.state.views, strict=True):
        assert problem.colours is not None
        term = problem.colours.measured_noise(fit.state.person, state, settings.least_noise)
        found.append(replace(problem, colours=term))
    return replace(fit, problem=replace(fit.problem, views=tuple(found)))


def _descend_shared(fit: Fit, albedo: Reflectance, settings: PhotometricSettings, steps: int) -> Fit:
    """Steps in each of which the photos are compared with the texture that the others show."""
    for step in range(steps):
        fit = replace(fit, problem=with_shared_texture(fit.problem, fit.state, albedo))
        if step == 0:
            fit = _measured_noise(fit, replace(settings, least_noise=settings.least_noise_shared))
        fit = _descend(fit, 1)
    return fit


def _without_shared_texture(fit: Fit, albedo: Reflectance, settings: PhotometricSettings) -> Fit:
    """The fit whose photos are compared with the albedo model, as a single one is, for what is said of it."""
    views = []
    for problem in fit.problem.views:
        assert problem.colours is not None
        reflectance = replace(problem.colours.reflectance, mean=albedo.mean)
        views.append(replace(problem, colours=replace(problem.colours, reflectance=reflectance)))
    return _measured_noise(replace(fit, problem=replace(fit.problem, views=tuple(views))), settings)


def _descend(fit: Fit, steps: int) -> Fit:
    """Steps that lower the cost, until they gain little."""
    cost = fit.problem.cost(fit.state)
    for _ in range(steps):
        located = fit.problem.located(fit.state)
        cost += located.outline_cost(fit.state) - fit.problem.outline_cost(fit.state)
        fit = replace(fit, problem=located)
        person, views, _ = located.step(fit.state)
        for _ in range(_HALVINGS):
            state = fit.state.moved(person, views)
            now = fit.problem.cost(state)
            if now < cost:
                break
            person, views = person / _SHORTER, [step / _SHORTER for step in views]
        else:
            return fit
        gain, cost = cost - now, now
        fit = replace(fit, state=state, steps=fit.steps + 1)
        if gain < _LITTLE * cost:
            break
    return fit
