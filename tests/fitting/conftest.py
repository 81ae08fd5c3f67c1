"""The head model at its landmarks, photos as the networks see them, and synthetic heads in pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

from headshot.arrays import U8, Array
from headshot.fitting.initialise import LandmarkObservation
from headshot.fitting.parameters import Layout, PersonState, ViewState
from headshot.fitting.working_photo import WorkingPhoto
from headshot.geometry.align import similarity
from headshot.geometry.camera import Camera, project_for_raster, rotation_from_angles
from headshot.geometry.light import shade
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.image.photo import Photo, read_photo
from headshot.models.albedo import load_albedo
from headshot.models.head_model import HeadModel, PointModel, load_head_model
from headshot.perception.detection.detect import detect_faces
from headshot.perception.faces import locate_faces
from headshot.perception.fallback import FallbackSettings
from headshot.perception.landmarks.mediapipe import LandmarkSettings
from headshot.perception.observe import FaceObservation, observe

CHANGES: dict[str, Callable[[U8], U8]] = {
    "mirrored": lambda pixels: pixels[:, ::-1],
    "small": lambda pixels: pixels[::2, ::2],
    "grey": lambda pixels: np.repeat(pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2),
    "bordered": lambda pixels: np.where(np.arange(pixels.shape[1])[:, None] < 100, 0, pixels).astype(
        np.uint8
    ),
    "dim": lambda pixels: srgb_bytes(0.1 * TO_LINEAR[pixels]),
}
"""What can be done to a photo."""
LANDMARK_ERROR = 3.0
"""Mean error of landmarks in portraits, mm."""
CAMERA = Camera(
    400, 400, 1600.0, (200.0, 200.0), rotation_from_angles(15, 4, -3), np.array([0.0, 20.0, -900])
)
IN_HOUSE = FallbackSettings(check_yaw=0, prefer_yaw=0)
"""Every face gets its landmarks from the in-house network."""


@pytest.fixture(scope="session")
def head() -> HeadModel:
    """The bundled head model."""
    return load_head_model("low")


@pytest.fixture(scope="session")
def points(head: HeadModel) -> PointModel:
    """It at MediaPipe's points."""
    return head.at(head.landmarks["mediapipe478"])


@pytest.fixture(scope="session")
def person(points: PointModel) -> tuple[Array, Array, LandmarkObservation]:
    """Coefficients, exact points in `CAMERA`, and an observation of them that errs like smooth shape."""
    rng = np.random.default_rng(5)
    identity = rng.normal(size=len(points.identity))
    shape = points.positions(identity, np.zeros(52))
    wrong = np.tensordot(rng.normal(size=20), points.identity[:20], 1)
    seen = LandmarkObservation(
        CAMERA.project(shape + wrong), np.ones(len(shape)), np.zeros(52), 400, 400, CAMERA.focal
    )
    return identity, CAMERA.project(shape), seen


@pytest.fixture(scope="session")
def ramp() -> Callable[[WorkingPhoto], WorkingPhoto]:
    """Makes a picture whose derivatives are exact of a photo: interpolation between pixels has kinks."""

    def of(photo: WorkingPhoto) -> WorkingPhoto:
        values = photo.values.copy()
        rows, columns = np.mgrid[: values.shape[0], : values.shape[1]] + 0.5
        for c, (across, down) in enumerate([(0.002, 0.003), (-0.001, 0.002), (0.003, -0.002)]):
            values[..., c] = 0.3 + across * columns + down * rows
            values[..., 3 + c], values[..., 6 + c] = across, down
        values[..., 9:] = 1
        return replace(photo, values=values)

    return of


def observation(photo: Photo, fallback: FallbackSettings) -> FaceObservation:
    """The largest face of a photo, as the networks see it."""
    faces = detect_faces(photo.pixels)
    ((face, landmarks),) = locate_faces(photo, faces, [0], LandmarkSettings(), fallback)
    return observe(photo, face, landmarks)


@pytest.fixture(scope="session")
def observed(photos: Path) -> Callable[..., FaceObservation]:
    """The face of a photo of the repository by its name, as it is or changed."""

    @lru_cache
    def seen(name: str, *, in_house: bool = False, change: str = "") -> FaceObservation:
        photo = read_photo(photos / f"{name}.jpg")
        if change:
            photo = Photo(np.ascontiguousarray(CHANGES[change](photo.pixels)), change)
        return observation(photo, IN_HOUSE if in_house else FallbackSettings())

    return seen


Slope = Callable[[Callable[[PersonState, ViewState], float], PersonState, ViewState, int, float], float]


@pytest.fixture(scope="session")
def downhill() -> Slope:
    """Of half a cost: minus its slope along an entry of the local vector, by central differences."""

    def slope(
        cost: Callable[[PersonState, ViewState], float],
        person: PersonState,
        view: ViewState,
        entry: int,
        size: float,
    ) -> float:
        layout, ends = Layout.of(person, view), []
        for sign in (-size, size):
            step = np.zeros(layout.size)
            step[entry] = sign
            first = layout.person.stop
            ends.append(cost(person.moved(step[:first]), view.moved(step[first:])) / 2)
        return (ends[0] - ends[1]) / (2 * size)

    return slope


class Portrait:
    """A random head of the model, its picture, and landmarks that err in common."""

    def __init__(
        self, model: HeadModel, points: PointModel, seed: int, *, photo: int, yaw: float, light: float
    ) -> None:
        """Make one.

        Args:
            model, points: the head model, whole and at the landmarks.
            seed: of the person.
            photo: number of the photo, in each of which landmarks err otherwise.
            yaw: of the head, degrees.
            light: from the left (1) or from the right (-1).
        """
        rng = np.random.default_rng(seed)
        self.model = model
        self.identity: Array = rng.normal(size=100) * (np.arange(100) < 30)
        self.expression: Array = np.zeros(52)
        self.albedo: Array = rng.normal(size=len(load_albedo("low").modes)) * 0.7
        self.light: Array = np.zeros((9, 3))
        self.light[:4] = np.array([0.75, 0.1, 0.25, 0.28 * light])[:, None]  # from above and in front as well
        turn, translation = rotation_from_angles(yaw, 3, -4), np.array([5.0, -4.0, -900.0])
        self.camera = Camera(360, 360, 1500.0, (180, 180), turn, translation)
        self.vertices = model.shape(self.identity, self.expression)
        self.pixels = self._picture()
        errors = np.random.default_rng([seed, photo]) if photo else rng
        wrong = np.tensordot(errors.normal(size=30), points.identity[:30], 1)
        wrong *= LANDMARK_ERROR / np.linalg.norm(wrong, axis=1).mean()
        seen = self.camera.project(points.positions(self.identity, self.expression) + wrong)
        self.seen = LandmarkObservation(
            seen, np.ones(len(seen)), self.expression, 360, 360, self.camera.focal
        )

    def _picture(self) -> U8:
        """The head in its colours and light, from the project's own rasteriser, 2 x 2 samples a pixel."""
        camera = self.camera.resized(2)
        xy, depth = project_for_raster(self.vertices, camera)
        triangles = self.model.triangles
        raster = rasterise(xy, depth, triangles, camera.height, camera.width)
        albedo = interpolate(raster, load_albedo("low").colours(self.albedo), triangles)
        normals = interpolate(raster, vertex_normals(self.vertices, triangles), triangles)
        normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
        linear = np.where((raster.triangle >= 0)[..., None], shade(albedo, normals, self.light), 0.2)
        return srgb_bytes(linear.reshape(360, 2, 360, 2, 3).mean(axis=(1, 3)))

    def error(self, identity: Array) -> float:
        """Mean distance of the neutral faces, mm, without position, size and rotation."""
        face = self.model.regions["face"] > 0.5
        one, two = (self.model.neutral(a)[face].astype(float) for a in (identity, self.identity))
        return float(np.linalg.norm(similarity(one, two)(one) - two, axis=1).mean())


@pytest.fixture(scope="session")
def portrait(head: HeadModel, points: PointModel) -> Callable[..., Portrait]:
    """A synthetic portrait of a person by a seed."""

    @lru_cache
    def made(seed: int, *, photo: int = 0, yaw: float = 12.0, light: float = 1.0) -> Portrait:
        return Portrait(head, points, seed, photo=photo, yaw=yaw, light=light)

    return made
