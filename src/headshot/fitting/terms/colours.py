"""The photometric term: colours of the skin, compared with those of the photo.

What the photo shows at points on the skin of the face is explained by their albedo in spherical-harmonics
light (Ramamoorthi and Hanrahan 2001), after Blanz and Vetter, "Face recognition based on fitting a 3D
morphable model" (PAMI 2003), section 4; with robust weights (Geman and McClure) for what the model cannot
explain.

Colours are compared in linear light, times the slope of the sRGB curve: as differences that are seen. Errors
of neighbouring points have common causes: some are fitted along (`headshot.fitting.reflectance`), and all
points together count as no more than a given number of independent ones.

Dimension letters: S points, I identity modes, E expressions, A albedo modes, B fields of brightness.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from headshot.arrays import F32, Array
from headshot.fitting.derivatives import Surface, of_pose, of_tangents, surface_at
from headshot.fitting.normal import BLOCK, NormalEquations
from headshot.fitting.parameters import LIGHT, POSE, Layout, PersonState, ViewState
from headshot.fitting.reflectance import Reflectance
from headshot.fitting.surface import Samples
from headshot.fitting.terms import TermEquations
from headshot.fitting.working_photo import WorkingPhoto
from headshot.geometry.camera import project_for_raster
from headshot.geometry.light import LightPrior, estimate_light, sh_basis
from headshot.geometry.raster import rasterise
from headshot.models.head_model import HeadModel

_HIDDEN = 4.0  # mm behind the nearest surface from which a point is hidden
_GRID = 160  # cells across the head in which that is decided
_GRAZING, _FULL = 0.2, 0.6  # cosines of the angle of view from which, and from which on fully, a point counts
_EXPOSED = 1.1  # log of brightness, as far as people differ; what is beyond is the exposure
_DARKEST = 0.005  # linear reflectance of the darkest skin and hair
_DARK = 0.05  # of light below which skin shows noise rather than its colour
_USED = 1e-3  # of the largest weight, below which points are left out


class SurfaceCache:
    """The surface at the last shape: lines and equations at one state share it."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self._last: tuple[Array, Array, Surface] | None = None

    def at(self, identity: Array, expression: Array) -> Surface:
        """The surface for coefficients, which are new arrays whenever they change."""
        if self._last is None or self._last[0] is not identity or self._last[1] is not expression:
            self._last = identity, expression, surface_at(self.samples, identity, expression)
        return self._last[2]


@dataclass(frozen=True, eq=False)
class ColourTerm:
    """Colours in one photo at one resolution.

    Attributes:
        surface: points on the skin of the head model.
        reflectance: the colours that they may have.
        picture: the photo, reduced.
        visible: (S,) how well each point is seen, 0 where it is hidden or not compared.
        noise: standard deviation of colours that are explained, sRGB in [0, 1].
        gain: information of a mm² of skin in full view, in independent measurements.
        outlier: residuals beyond about this many standard deviations lose their influence.
    """

    surface: SurfaceCache
    reflectance: Reflectance
    picture: WorkingPhoto
    visible: F32
    noise: float
    gain: float
    outlier: float
    geometry: bool = field(default=True)

    @property
    def samples(self) -> Samples:
        """The points."""
        return self.surface.samples

    def surface_of(self, person: PersonState, view: ViewState) -> Surface:
        """Position and normal of each point."""
        return self.surface.at(person.identity, view.expression)

    def reflectances(self, person: PersonState, view: ViewState) -> F32:
        """(S, 3) linear."""
        coefficients = np.concatenate([person.albedo, view.fields]).astype(np.float32)
        change = np.einsum("sca,a->sc", self.reflectance.modes, coefficients)
        return np.maximum(self.reflectance.mean + change, np.float32(_DARKEST))

    def compare(self, person: PersonState, view: ViewState) -> tuple[F32, F32]:
        """Residuals (S, 3), model minus photo, in sRGB, and weights (S,) without robustness, mm²."""
        surface = self.surface_of(person, view)
        colour, _, trust, slope = self.picture.at(view.camera.project(surface.position))
        shading = sh_basis(surface.normal) @ _light(view)
        residual = (self.reflectances(person, view) * shading - colour) * slope[:, None]
        return residual.astype(np.float32, copy=False), trust * self.visible * self.samples.area

    def squared(self, residual: F32) -> F32:
        """(S,) squared residuals (S, 3) in units of the outlier threshold."""
        return (residual**2).mean(axis=1) / np.float32(self.noise * self.outlier) ** 2

    def cost(self, person: PersonState, view: ViewState) -> float:
        """Robust squared residuals, in standard deviations."""
        residual, weight = self.compare(person, view)
        u = self.squared(residual)
        return self.gain * float(weight @ (u / (1 + u))) * self.outlier**2

    def equations(self, person: PersonState, view: ViewState) -> TermEquations:
        """Normal equations of shape and pose (with ``geometry``), albedo, brightness fields and light."""
        surface, light = self.surface_of(person, view), _light(view)
        colour, slopes, trust, slope = self.picture.at(view.camera.project(surface.position))
        basis, reflect = sh_basis(surface.normal), self.reflectances(person, view)
        shading = (basis @ light).astype(np.float32, copy=False)
        residual = ((reflect * shading - colour) * slope[:, None]).astype(np.float32, copy=False)
        weight = trust * self.visible * self.samples.area / (1 + self.squared(residual)) ** 2
        # Each of the three colours is a third of a measurement.
        root = np.sqrt(weight * np.float32(self.gain / 3)) / np.float32(self.noise)
        scale = (root * slope).astype(np.float32, copy=False)[:, None]
        residual *= root[:, None]
        first = second = None
        if self.geometry:
            pose, position = of_pose(surface.position, slopes * scale[..., None], view.camera)
            tangents = of_tangents(surface, reflect * scale, light)
            first, second = pose, np.concatenate([position, -tangents[0], -tangents[1]], axis=-1)
        shading, reflect = shading * scale, reflect * scale
        coloured = self.reflectance.modes.shape[2]
        offset = POSE + self.samples.basis.shape[2] if self.geometry else 0
        size = offset + coloured + LIGHT
        sums = NormalEquations(size)
        used = np.flatnonzero(root > _USED * root.max())
        for use in np.array_split(used, max(1, -(-3 * len(used) // BLOCK))):
            jacobian = np.zeros((len(use), 3, size), np.float32)
            if first is not None and second is not None:
                jacobian[..., :POSE] = first[use]
                slopes_of_shape = self.samples.derivatives(person.identity, view.expression, use)
                np.matmul(second[use], slopes_of_shape, out=jacobian[..., POSE:offset])
            np.multiply(
                self.reflectance.modes[use], -shading[use, :, None],
                out=jacobian[..., offset : offset + coloured],
            )  # fmt: skip
            for c in range(3):
                jacobian[:, c, offset + coloured + c :: 3] = -basis[use] * reflect[use, c, None]
            sums.add(jacobian.reshape(3 * len(use), size).T, residual[use].ravel())
        layout = Layout.of(person, view)
        shape = (layout.pose, layout.identity, layout.expression) if self.geometry else ()
        return TermEquations(
            layout.columns(*shape, layout.albedo, layout.fields, layout.light), *sums.result()
        )

    def unexplained(self, person: PersonState, view: ViewState) -> tuple[F32, F32]:
        """Linear reflectance (S, 3) that the photo shows beyond the model's, and its precision (S,) up to a
        factor."""
        surface = self.surface_of(person, view)
        colour, _, trust, slope = self.picture.at(view.camera.project(surface.position))
        shading = np.maximum(sh_basis(surface.normal) @ _light(view), np.float32(_DARK))
        more = colour / shading - self.reflectances(person, view)
        precision = trust * self.visible * (shading.mean(axis=1) * slope) ** 2
        return more.astype(np.float32, copy=False), precision.astype(np.float32, copy=False)

    def measured_noise(self, person: PersonState, view: ViewState, least: float) -> ColourTerm:
        """The term with a robust standard deviation of the residuals as its noise, at least ``least``."""
        residual, weight = self.compare(person, view)
        size = (residual**2).mean(axis=1)
        if not weight.sum() > 0:
            return self
        # The median of a mean of three squares (chi-squared with 3 degrees of freedom) is 0.79 of its mean.
        return replace(self, noise=max(float(np.sqrt(_median(size, weight) / 0.79)), least))

    def first_light(self, person: PersonState, view: ViewState) -> tuple[ColourTerm, ViewState]:
        """The term with the photo's exposure taken out of its expectation of light, and the view with the
        light that shows the usual skin as the photo does."""
        surface = self.surface_of(person, view)
        colour, _, trust, _ = self.picture.at(view.camera.project(surface.position))
        weight = trust * self.visible * self.samples.area
        prior = _exposed(self.reflectance, colour, surface.normal, weight)
        term = replace(self, reflectance=replace(self.reflectance, light=prior))
        light = estimate_light(colour, self.reflectance.mean, surface.normal, weight, prior)
        return term, replace(view, light=light.ravel())

    def explained(self, person: PersonState, view: ViewState) -> float:
        """Share of the face's skin whose colours the head explains, in [0, 1]."""
        residual, weight = self.compare(person, view)
        inliers = float(weight @ (1 / (1 + self.squared(residual)) ** 2))
        return inliers / float(self.samples.area.sum())


def visibility(
    surface: SurfaceCache, model: HeadModel, person: PersonState, view: ViewState, every: int = 1
) -> F32:
    """How well each point is seen: (S,) 0 where it is hidden or turned away.

    Of each half of the face every so many-th counts, and stands for the others.
    """
    camera = view.camera
    points = surface.at(person.identity, view.expression)
    vertices = model.shape(person.identity, view.expression)
    xy, depth = project_for_raster(vertices, camera)
    low = xy.min(axis=0)
    step = float(np.ptp(xy, axis=0).max()) / _GRID
    columns, rows = (np.ceil(np.ptp(xy, axis=0) / step).astype(int) + 1).tolist()
    buffer = rasterise((xy - low) / step, depth, model.triangles, rows, columns).depth
    at = ((camera.project(points.position) - low) / step).astype(int)
    distance = -camera.to_camera(points.position)[:, 2]
    at = np.clip(at, 0, [columns - 1, rows - 1])
    free = distance < buffer[at[:, 1], at[:, 0]] + _HIDDEN
    towards = camera.position - points.position
    towards /= np.linalg.norm(towards, axis=1, keepdims=True)
    cosine = (towards * points.normal).sum(axis=1)
    count = len(points.position)
    compared = np.arange(count) % (count // 2) % every == 0
    seen = free * compared * np.clip((cosine - _GRAZING) / (_FULL - _GRAZING), 0, 1) / compared.mean()
    return seen.astype(np.float32)


def _exposed(reflectance: Reflectance, colour: F32, normal: F32, weight: F32) -> LightPrior:
    """Expect as much less or more light as the photo is darker or brighter than people are.

    Else the skin would have to be darker than any, and its colours, which are linear, negative.
    """
    prior = reflectance.light
    if not weight.sum() > 0:
        return prior
    usual = reflectance.mean * (sh_basis(normal) @ prior.mean.reshape(9, 3).astype(np.float32))
    level = np.log((colour.mean(axis=1) + 1e-3) / (np.maximum(usual.mean(axis=1), 0) + 1e-3))
    median = _median(level, weight)
    gain = float(np.exp(median - np.clip(median, -_EXPOSED, _EXPOSED)))
    return LightPrior(gain * prior.mean, prior.precision / gain**2)


def _light(view: ViewState) -> F32:
    return view.light.reshape(9, 3).astype(np.float32)


def _median(values: F32, weight: F32) -> float:
    order = np.argsort(values)
    share = np.cumsum(weight[order])
    return float(values[order][np.searchsorted(share, share[-1] / 2)])


def face_window(points: Array, confidence: Array) -> tuple[Array, float]:
    """Centre (2,) and extent of the landmarks (L, 2) that count, pixels."""
    used = points[np.isfinite(points).all(axis=1) & (confidence > 0)]
    low, high = used.min(axis=0), used.max(axis=0)
    return (low + high) / 2, float(np.sqrt(np.prod(high - low)))
