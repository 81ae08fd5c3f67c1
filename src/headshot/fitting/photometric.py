"""Fit a head to the colours of a photo: analysis by synthesis.

Starting from the fit to landmarks, pose, camera, identity, expression, albedo and light together explain
what the photo shows at points on the skin of the face, while landmarks and priors still hold. After Blanz
and Vetter, "Face recognition based on fitting a 3D morphable model" (PAMI 2003), section 4, with spherical-
harmonics light (Ramamoorthi and Hanrahan 2001); Gauss-Newton with analytic Jacobians instead of their
stochastic descent, and robust weights (Geman and McClure) for what the model cannot explain.

Colours are compared in linear light, times the slope of the sRGB curve: as differences that are seen. Errors
of neighbouring points have common causes: some are fitted along (`headshot.fitting.reflectance`), and all
points together count as no more than `PhotometricSettings.information` independent ones.

Dimension letters: S points, I identity modes, E expressions, A albedo modes, K fields of brightness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.fitting.bounded import bounded_step
from headshot.fitting.derivatives import Surface, of_pose, of_tangents, surface_at
from headshot.fitting.landmarks import Fit, LandmarkSolver
from headshot.fitting.normal import BLOCK, Elimination, NormalEquations, solve
from headshot.fitting.photometric_settings import PhotometricSettings
from headshot.fitting.reflectance import Appearance, appearance_of
from headshot.fitting.surface import samples_of
from headshot.fitting.working_photo import WorkingPhoto, working_photo
from headshot.geometry.camera import Camera, extent_of, project_for_raster
from headshot.geometry.light import LightPrior, estimate_light, sh_basis
from headshot.geometry.raster import rasterise
from headshot.models.head_model import HeadModel
from headshot.models.topologies.mediapipe478 import OVAL

_ENOUGH = 0.4  # share of the face's skin, seen well, from which colours tell all that they can
_EXPOSED = 1.1  # log of brightness, as far as people differ; what is beyond is the exposure
_HIDDEN = 4.0  # mm behind the nearest surface from which a point is hidden


@dataclass(frozen=True, eq=False)
class PhotometricFit:
    """A head fitted to landmarks and colours.

    Attributes:
        fit: as from the landmarks.
        albedo: (A,) coefficients in standard deviations.
        light: (9, 3), head frame (`headshot.geometry.light`).
        noise: standard deviation of the colours that are explained, sRGB (0 to 1).
        explained: share of the face's skin that the model explains, in [0, 1].
        steps: Gauss-Newton steps that lowered the cost.
    """

    fit: Fit
    albedo: Array
    light: Array
    noise: float
    explained: float
    steps: int


def fit_photo(
    pixels: U8,
    landmarks: LandmarkSolver,
    model: HeadModel,
    settings: PhotometricSettings | None = None,
    weight: F32 | None = None,
    shape: Callable[[LandmarkSolver], Array] | None = None,
) -> PhotometricFit:
    """Refine a fit to landmarks by the colours of the photo.

    Args:
        pixels: (H, W, 3) uint8 sRGB.
        landmarks: the solver of the landmarks, where their fit ended; it moves on.
        model: the head model.
        settings: see `PhotometricSettings`.
        weight: (H, W) in [0, 1], how far each pixel shows skin of this face that the model can explain; the
            fit finds out by itself when None.
        shape: makes the identity (I,) that the head is to have from the fitted one: the last step settles
            all else for it. The fitted one when None.

    Raises:
        ValueError: the weight has another size than the photo.
    """
    if weight is not None and weight.shape != pixels.shape[:2]:
        raise ValueError(f"weight must have shape {pixels.shape[:2]} like the photo, got {weight.shape}")
    options = settings or PhotometricSettings()
    colours = appearance_of(model, options.fields)
    return Photometric(pixels, landmarks, model, options, weight, colours).run(shape)


class Photometric:
    """State of one fit: that of the landmarks' solver, albedo (A + K,) and light (27,)."""

    def __init__(
        self,
        pixels: U8,
        landmarks: LandmarkSolver,
        model: HeadModel,
        settings: PhotometricSettings,
        weight: F32 | None,
        looks: Appearance,
    ) -> None:
        self.solver, self.model, self.settings, self.looks = landmarks, model, settings, looks
        self.samples = samples_of(model)
        seen = landmarks.seen
        self.pixels, self.weight = pixels, weight
        usable = seen.points[np.isfinite(seen.points).all(axis=1) & (seen.confidence > 0)]
        self.size = extent_of(usable)
        self.centre = (usable.min(axis=0) + usable.max(axis=0)) / 2
        self.albedo: Array = np.zeros(self.looks.modes.shape[2])
        self.light: Array = self.looks.light.mean.copy()
        self.noise = 0.1
        self.steps = 0
        self.width = self.settings.widths[0]
        self.visible: F32 = np.ones(len(self.samples), np.float32)
        self._kept: tuple[tuple[Array, Array], Surface] | None = None

    def run(self, shape: Callable[[LandmarkSolver], Array] | None = None) -> PhotometricFit:
        s = self.settings
        for number, (width, steps, every) in enumerate(zip(s.widths, s.steps, s.every, strict=True)):
            picture = working_photo(
                self.pixels, self.centre, 1.7 * self.size, min(width / self.size, 1.0), self.weight
            )
            self.width = width
            self.look(every)
            if number == 0:
                self._loosen(picture)
                self.fit_colours(picture)
            self._measure_noise(picture)
            last = number == len(s.widths) - 1 and shape is not None
            self._descend(picture, steps - last)
        if shape is not None:
            self.solver.hold(shape(self.solver))
            self._descend(picture, 1)
        return self._result(picture)

    # --- state

    @property
    def camera(self) -> Camera:
        return self.solver.camera()

    def _surface(self) -> Surface:
        shape = self.solver.identity, self.solver.expression  # which are replaced when they change
        if self._kept is None or any(a is not b for a, b in zip(shape, self._kept[0], strict=True)):
            self._kept = shape, surface_at(self.samples, self._identity, self.solver.expression)
        return self._kept[1]

    @property
    def _identity(self) -> Array:
        return self.solver.identity[: self.samples.modes]

    def look(self, every: int = 1) -> None:
        """How well each point is seen: not hidden, and not at a grazing angle.

        Of each half of the face every so many-th counts, and stands for the others.
        """
        camera = self.camera
        vertices = self.model.shape(self._identity, self.solver.expression)
        xy, depth = project_for_raster(vertices, camera)
        low = xy.min(axis=0)
        step = float(np.ptp(xy, axis=0).max()) / 160
        columns, rows = (np.ceil(np.ptp(xy, axis=0) / step).astype(int) + 1).tolist()
        buffer = rasterise((xy - low) / step, depth, self.model.triangles, rows, columns).depth
        surface = self._surface()
        position = surface.position
        at = ((camera.project(position) - low) / step).astype(int)
        distance = -camera.to_camera(position)[:, 2]
        at = np.clip(at, 0, [columns - 1, rows - 1])
        free = distance < buffer[at[:, 1], at[:, 0]] + _HIDDEN
        towards = camera.position - position
        towards /= np.linalg.norm(towards, axis=1, keepdims=True)
        cosine = (towards * surface.normal).sum(axis=1)
        compared = np.arange(len(position)) % (len(position) // 2) % every == 0
        visible = free * compared * np.clip((cosine - 0.2) / 0.4, 0, 1) / compared.mean()
        self.visible = visible.astype(np.float32)

    def _reflectance(self, albedo: Array) -> F32:
        change = np.einsum("sca,a->sc", self.looks.modes, albedo.astype(np.float32))
        return np.maximum(self.looks.mean + change, np.float32(0.005))

    # --- evidence of the colours

    def _compare(self, picture: WorkingPhoto) -> tuple[F32, F32]:
        """Residuals (S, 3), model minus photo, in sRGB, and weights (S,) without robustness."""
        surface = self._surface()
        colour, _, trust, slope = picture.at(self.camera.project(surface.position))
        shading = sh_basis(surface.normal) @ self.light.reshape(9, 3).astype(np.float32)
        residual = (self._reflectance(self.albedo) * shading - colour) * slope[:, None]
        return residual.astype(np.float32, copy=False), trust * self.visible * self.samples.area

    def _squared(self, residual: F32) -> F32:
        """(S,) squared residuals in units of the outlier threshold."""
        return (residual**2).mean(axis=1) / np.float32(self.noise * self.settings.outlier) ** 2

    def _loosen(self, picture: WorkingPhoto) -> None:
        """Trust landmarks less, as far as there are colours to tell what they have in common."""
        if self.solver.errors is not None:
            return  # it is told apart by itself
        _, weight = self._compare(picture)
        share = self._size_share * min(float(weight.sum() / self.samples.area.sum()) / _ENOUGH, 1.0)
        inner = np.ones(len(self.solver.noise), bool)
        inner[list(OVAL)] = False  # the outline is no line of the skin, and colours end there
        self.solver.noise = self.solver.noise * np.where(inner, 1 + share * (self.settings.slack - 1), 1.0)

    @property
    def _size_share(self) -> float:
        return float(min(self.size / self.settings.small, 1.0) ** 2)

    @property
    def _gain(self) -> float:
        """Information of a mm² of skin in full view."""
        share = self._size_share * self.width / self.settings.widths[-1]
        return share * self.settings.information / float(self.samples.area.sum())

    def fit_colours(self, picture: WorkingPhoto) -> None:
        """Albedo and light for the shape as it is: alternately linear, so that few steps suffice."""
        surface = self._surface()
        colour, _, trust, _ = picture.at(self.camera.project(surface.position))
        weight = trust * self.visible * self.samples.area
        self._expose(colour, surface.normal, weight)
        self.light = estimate_light(colour, self.looks.mean, surface.normal, weight, self.looks.light).ravel()
        for _ in range(3):
            self._measure_noise(picture)
            hessian, gradient = self.equations(picture, geometry=False)
            step = solve(hessian, gradient)
            self.albedo = self.albedo + step[: len(self.albedo)]
            self.light = self.light + step[len(self.albedo) :]

    def _expose(self, colour: F32, normal: F32, weight: F32) -> None:
        """Expect as much less or more light as the photo is darker or brighter than people are.

        Else the skin would have to be darker than any, and its colours, which are linear, negative.
        """
        prior = self.looks.light
        usual = self.looks.mean * (sh_basis(normal) @ prior.mean.reshape(9, 3).astype(np.float32))
        level = np.log((colour.mean(axis=1) + 1e-3) / (np.maximum(usual.mean(axis=1), 0) + 1e-3))
        order = np.argsort(level)
        share = np.cumsum(weight[order])
        if share[-1] <= 0:
            return
        median = float(level[order][np.searchsorted(share, share[-1] / 2)])
        gain = float(np.exp(median - np.clip(median, -_EXPOSED, _EXPOSED)))
        self.looks = replace(self.looks, light=LightPrior(gain * prior.mean, prior.precision / gain**2))

    def _measure_noise(self, picture: WorkingPhoto) -> None:
        """A robust standard deviation of the residuals."""
        residual, weight = self._compare(picture)
        size = (residual**2).mean(axis=1)
        order = np.argsort(size)
        share = np.cumsum(weight[order])
        if share[-1] <= 0:
            return
        median = float(size[order][np.searchsorted(share, share[-1] / 2)])
        # The median of a mean of three squares (chi-squared with 3 degrees of freedom) is 0.79 of its mean.
        self.noise = max(float(np.sqrt(median / 0.79)), self.settings.least_noise)

    def cost(self, picture: WorkingPhoto) -> float:
        """Half the squared, robust residuals of colours, landmarks and priors."""
        residual, weight = self._compare(picture)
        u = self._squared(residual)
        c = self.settings.outlier
        colours = self._gain * float(weight @ (u / (1 + u))) * c**2
        away = self.light - self.looks.light.mean
        prior = float(self.albedo @ self.albedo + away @ self.looks.light.precision @ away)
        return 0.5 * (colours + prior) + self.solver.cost()

    def equations(self, picture: WorkingPhoto, *, geometry: bool = True) -> tuple[Array, Array]:
        """Hessian and gradient of the colours and the priors of albedo and light.

        Parameters: (pose 7, identity I, expression E,) albedo and fields A + K, light 27.
        """
        surface, light = self._surface(), self.light.reshape(9, 3).astype(np.float32)
        colour, slopes, trust, slope = picture.at(self.camera.project(surface.position))
        basis, reflect = sh_basis(surface.normal), self._reflectance(self.albedo)
        shading = (basis @ light).astype(np.float32, copy=False)
        residual = ((reflect * shading - colour) * slope[:, None]).astype(np.float32, copy=False)
        weight = trust * self.visible * self.samples.area / (1 + self._squared(residual)) ** 2
        # Each of the three colours is a third of a measurement.
        root = np.sqrt(weight * np.float32(self._gain / 3)) / np.float32(self.noise)
        scale = (root * slope).astype(np.float32, copy=False)[:, None]
        residual *= root[:, None]
        first = second = None
        if geometry:
            pose, position = of_pose(surface.position, slopes * scale[..., None], self.camera)
            tangents = of_tangents(surface, reflect * scale, light)
            first, second = pose, np.concatenate([position, -tangents[0], -tangents[1]], axis=-1)
        shading, reflect = shading * scale, reflect * scale
        a, offset = len(self.albedo), 7 + self.samples.basis.shape[2] if geometry else 0
        size = offset + a + 27
        sums = NormalEquations(size)
        used = np.flatnonzero(root > 1e-3 * root.max())
        for use in np.array_split(used, max(1, -(-3 * len(used) // BLOCK))):
            jacobian = np.zeros((len(use), 3, size), np.float32)
            if first is not None and second is not None:
                jacobian[..., :7] = first[use]
                slopes_of_shape = self.samples.derivatives(self._identity, self.solver.expression, use)
                np.matmul(second[use], slopes_of_shape, out=jacobian[..., 7:offset])
            coloured = jacobian[..., offset : offset + a]
            np.multiply(self.looks.modes[use], -shading[use, :, None], out=coloured)
            for c in range(3):
                jacobian[:, c, offset + a + c :: 3] = -basis[use] * reflect[use, c, None]
            sums.add(jacobian.reshape(3 * len(use), size).T, residual[use].ravel())
        hessian, gradient = sums.result()
        tail = slice(offset, offset + a)
        hessian[tail, tail] += np.eye(a)
        gradient[tail] -= self.albedo
        tail = slice(offset + a, size)
        hessian[tail, tail] += self.looks.light.precision
        gradient[tail] += self.looks.light.precision @ (self.looks.light.mean - self.light)
        return hessian, gradient

    # --- steps

    def _descend(self, picture: WorkingPhoto, steps: int) -> None:
        cost = self.cost(picture)
        for _ in range(steps):
            before = self.state()
            step = self._step(picture)
            for _ in range(3):
                self.move(step)
                now = self.cost(picture)
                if now < cost:
                    break
                self.restore(before)
                step = step / 3
            else:
                return
            self.steps += 1
            gain, cost = cost - now, now
            if gain < 1e-3 * cost:
                return

    def _step(self, picture: WorkingPhoto) -> Array:
        """A step of all parameters: (pose, identity and nuisance, expression, albedo, light)."""
        colour, downhill = self.equations(picture)
        residual, jacobian = self.solver.linearise()
        hessian, gradient = self.solver.normal(residual, jacobian, self.solver.robust(residual))
        hessian[np.diag_indices(len(hessian))] += 1e-9 * np.trace(hessian) / len(hessian)
        modes, expressions = self.samples.modes, self.solver.expressions
        g = 7 + modes + expressions
        reduced = Elimination(colour, downhill, g)  # without albedo and light
        n = len(gradient)
        place = np.concatenate([np.arange(7 + modes), np.arange(n - expressions, n)])
        hessian[np.ix_(place, place)] += reduced.matrix
        gradient[place] += reduced.right
        geometry = bounded_step(hessian, gradient, self.solver.expression, n - expressions)
        return np.concatenate([geometry, reduced.complete(geometry[place])[g:]])

    def move(self, step: Array) -> None:
        a = len(self.albedo)
        self.solver.move(step[: -a - 27])
        self.albedo = self.albedo + step[-a - 27 : -27]
        self.light = self.light + step[-27:]

    def state(self) -> tuple[Array, Array, Array, float, Array, Array, Array]:
        s = self.solver
        return (
            s.identity, s.expression, s.rotation, s.focal, s.translation.copy(), self.albedo, self.light,
        )  # fmt: skip

    def restore(self, state: tuple[Array, Array, Array, float, Array, Array, Array]) -> None:
        s = self.solver
        s.identity, s.expression, s.rotation, s.focal, s.translation, self.albedo, self.light = state

    def _result(self, picture: WorkingPhoto) -> PhotometricFit:
        residual, weight = self._compare(picture)
        explained = float(weight @ (1 / (1 + self._squared(residual)) ** 2))
        fit = self.solver.result(self.steps)
        return PhotometricFit(
            fit,
            self.albedo[: self.looks.albedo],
            self.light.reshape(9, 3),
            self.noise,
            explained / float(self.samples.area.sum()),
            self.steps,
        )
