"""A person and the views of them as one least-squares problem, and the steps that solve it.

    min  prior(person) + sum_v weight_v (terms_v(person, view_v) + prior_v(view_v))

Views whose errors are alike share their weight (`headshot.fitting.view_weights`): a view's terms and its own
prior are scaled alike, so that it constrains the person less, and its own parameters as before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import Array
from headshot.fitting.gauss_newton import ViewSystem, arrow_step
from headshot.fitting.parameters import Layout, PersonState, State, ViewState
from headshot.fitting.priors import IdentityPrior, ViewPrior
from headshot.fitting.terms import LocatedTerm, Term
from headshot.fitting.terms.colours import ColourTerm
from headshot.fitting.terms.landmarks import LandmarkTerm

_DISTANCE_STEP = 0.4
"""Change of the logarithm of the camera's distance that a step is taken to make: Levenberg's damping, which
does nothing where the fit rests. Without it, the pose of a head without identity and expression may swing
between two distances for ever, as in photos/astronaut.jpg; anything from 0.1 to 0.4 stops that."""


@dataclass(frozen=True, eq=False)
class ViewProblem:
    """What is known of one view.

    Attributes:
        landmarks: the landmarks, which every view has.
        prior: of focal length and expression.
        others: further terms.
        outlines: terms of outlines of the face.
        colours: the photometric term at the present resolution; None while only landmarks are fitted.
        weight: share of the view's information that is not in other views as well.
    """

    landmarks: LandmarkTerm
    prior: ViewPrior
    others: tuple[Term, ...] = ()
    outlines: tuple[LocatedTerm, ...] = ()
    colours: ColourTerm | None = None
    weight: float = 1.0

    def terms(self) -> Iterator[Term]:
        """All terms."""
        yield self.landmarks
        yield from self._points()
        if self.colours is not None:
            yield self.colours

    def _points(self) -> Iterator[Term]:
        """Those of the geometry but for the landmarks."""
        yield from self.others
        yield from self.outlines

    def located(self, person: PersonState, view: ViewState) -> ViewProblem:
        """The same with outlines where they are seen in this state."""
        return replace(self, outlines=tuple(term.located(person, view) for term in self.outlines))

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Twice the negative logarithm of the view's probability, up to a constant."""
        total = sum(term.cost(person, view) for term in self.terms()) + self.prior.cost(view)
        if self.colours is not None:
            light = self.colours.reflectance.light
            away = view.light - light.mean
            total += float(away @ light.precision @ away)
        return self.weight * total

    def system(self, person: PersonState, view: ViewState) -> tuple[ViewSystem, Array]:
        """Normal equations in the local vector, and the landmarks' Jacobian (size, L, 2) in its entries."""
        layout = Layout.of(person, view)
        hessian, gradient = np.zeros((layout.size, layout.size)), np.zeros(layout.size)
        residual, jacobian = self.landmarks.linearise(person, view)
        found = [self.landmarks.equations_of(person, view, residual, jacobian)]
        found += [term.equations(person, view) for term in self._points()]
        for part in found:
            part.add_to(hessian, gradient)
        self._add_prior(hessian, gradient, view, layout)
        distance = layout.pose.start + 5
        hessian[distance, distance] += _DISTANCE_STEP**-2
        if self.colours is not None:
            self.colours.equations(person, view).add_to(hessian, gradient)
            self._add_light_prior(hessian, gradient, view, layout)
        every = np.zeros((layout.size, *jacobian.shape[1:]))
        every[found[0].columns] = jacobian
        bounds = view.expression, view.low, view.high
        return ViewSystem(self.weight * hessian, self.weight * gradient, *bounds), every

    def colour_system(self, person: PersonState, view: ViewState) -> ViewSystem:
        """Equations of albedo, brightness fields and light alone, for the shape as it is."""
        assert self.colours is not None
        part = replace(self.colours, geometry=False).equations(person, view)
        a, f = len(person.albedo), len(view.fields)
        hessian, gradient = part.hessian.copy(), part.gradient.copy()
        light = self.colours.reflectance.light
        hessian[range(a, a + f), range(a, a + f)] += 1
        gradient[a : a + f] -= view.fields
        hessian[a + f :, a + f :] += light.precision
        gradient[a + f :] += light.precision @ (light.mean - view.light)
        return ViewSystem(self.weight * hessian, self.weight * gradient, np.zeros(0))

    def _add_prior(self, hessian: Array, gradient: Array, view: ViewState, layout: Layout) -> None:
        precision, pull = np.zeros(layout.size), np.zeros(layout.size)
        focal, expression = self.prior.away(view)
        zoom = layout.pose.stop - 1
        precision[zoom] = self.prior.focal_spread**-2
        pull[zoom] = focal
        precision[layout.nuisance], pull[layout.nuisance] = 1.0, -view.nuisance
        precision[layout.expression] = self.prior.expression_noise**-2
        pull[layout.expression] = expression
        diagonal = np.diag_indices(layout.size)
        hessian[diagonal] += precision
        gradient += precision * pull

    def _add_light_prior(self, hessian: Array, gradient: Array, view: ViewState, layout: Layout) -> None:
        assert self.colours is not None
        light = self.colours.reflectance.light
        hessian[layout.light, layout.light] += light.precision
        gradient[layout.light] += light.precision @ (light.mean - view.light)
        fields = np.arange(layout.fields.start, layout.fields.stop)
        hessian[fields, fields] += 1
        gradient[fields] -= view.fields


@dataclass(frozen=True, eq=False)
class FitProblem:
    """A person in several views.

    Attributes:
        identity: prior of the person's identity; albedo is N(0, I).
        views: what is known of each view.
    """

    identity: IdentityPrior
    views: tuple[ViewProblem, ...]

    def located(self, state: State) -> FitProblem:
        """The same with outlines where they are seen in this state, as every step starts."""
        views = zip(self.views, state.views, strict=True)
        return replace(self, views=tuple(problem.located(state.person, view) for problem, view in views))

    def cost(self, state: State) -> float:
        """Half the squared, robust residuals of all terms and priors."""
        person = state.person
        total = self.identity.cost(person.identity) + float(person.albedo @ person.albedo)
        for problem, view in zip(self.views, state.views, strict=True):
            total += problem.cost(person, view)
        return 0.5 * total

    def outline_cost(self, state: State) -> float:
        """What outlines add to the cost."""
        views = zip(self.views, state.views, strict=True)
        found = (p.weight * term.cost(state.person, v) for p, v in views for term in p.outlines)
        return 0.5 * sum(found)

    def step(self, state: State) -> tuple[Array, list[Array], list[float]]:
        """A Gauss-Newton step of everything: of the person, of each view, and the largest motion of a
        landmark in each view, pixels."""
        person = state.person
        systems, jacobians = [], []
        prior, pull = self._person_equations(person)
        for problem, view in zip(self.views, state.views, strict=True):
            system, jacobian = problem.system(person, view)
            systems.append(system)
            jacobians.append(jacobian)
        first, steps = arrow_step(prior, pull, systems)
        motions = [
            float(np.abs(np.tensordot(np.concatenate([first, step]), jacobian, 1)).max())
            for step, jacobian in zip(steps, jacobians, strict=True)
        ]
        return first, steps, motions

    def colour_step(self, state: State) -> State:
        """The state after a step of albedo, brightness fields and light alone."""
        person = state.person
        systems = [p.colour_system(person, v) for p, v in zip(self.views, state.views, strict=True)]
        first, steps = arrow_step(np.eye(len(person.albedo)), -person.albedo, systems)
        views = []
        for view, step in zip(state.views, steps, strict=True):
            f = len(view.fields)
            views.append(replace(view, fields=view.fields + step[:f], light=view.light + step[f:]))
        return State(replace(person, albedo=person.albedo + first), tuple(views))

    def _person_equations(self, person: PersonState) -> tuple[Array, Array]:
        i, a = len(person.identity), len(person.albedo)
        hessian = np.zeros((i + a, i + a))
        self.identity.add_to(hessian[:i, :i])
        hessian[range(i, i + a), range(i, i + a)] += 1
        return hessian, np.concatenate([self.identity.pull(person.identity), -person.albedo])
