"""A small synthetic head with every feature that the writers must handle, and a real one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from headshot.estimate import Estimate, PersonParameters, PhotoInfo, ViewParameters
from headshot.export.asset import HeadAsset, MorphTarget, mesh_asset
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.image.photo import Photo
from headshot.models.arkit import ARKIT52
from headshot.models.correspondence import Correspondence
from headshot.models.head_model import HeadModel
from headshot.perception.detection.detect import Face
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.perception.observe import FaceObservation
from headshot.pipeline import reconstruct
from headshot.quality import Quality
from headshot.results import Head
from headshot.settings import Settings
from headshot.texture import Texture

AROUND, UP = 24, 16


def _ball(centre: tuple[float, float, float], radius: float) -> tuple[np.ndarray, np.ndarray]:
    """An octahedron: vertices (6, 3) and triangles (8, 3), counter-clockwise from outside."""
    corners = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], float)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return corners * radius + centre, np.array(faces)


def synthetic_model() -> HeadModel:
    """A tube of skin whose texture has a seam, and balls for eyes, mouth, teeth and tongue."""
    angle = 2 * np.pi * np.arange(AROUND) / AROUND
    height = np.linspace(-120, 100, UP)
    width = 70 * np.sqrt(1 - (height / 160) ** 2)
    skin = np.stack(
        [
            (width[:, None] * np.sin(angle)).ravel(),
            np.repeat(height, AROUND),
            (width[:, None] * np.cos(angle)).ravel(),
        ],
        axis=1,
    )
    u, v = np.meshgrid(np.linspace(0, 1, AROUND + 1), np.linspace(1, 0.2, UP))
    uv = [np.stack([u.ravel(), v.ravel()], axis=1)]
    row, column = (a.ravel() for a in np.mgrid[: UP - 1, :AROUND])
    right = (column + 1) % AROUND
    a, b = row * AROUND + column, row * AROUND + right
    c, d = a + AROUND, b + AROUND
    triangles = [np.stack([[a, b, d], [a, d, c]]).transpose(2, 0, 1).reshape(-1, 3)]
    a, b = row * (AROUND + 1) + column, row * (AROUND + 1) + column + 1
    c, d = a + AROUND + 1, b + AROUND + 1
    triangles_uv = [np.stack([[a, b, d], [a, d, c]]).transpose(2, 0, 1).reshape(-1, 3)]
    vertices = [skin]
    parts = {"skin": (0, len(triangles[0]))}
    balls = {
        "mouth": ((0.0, -60.0, 50.0), 14.0),
        "eye_left": ((30.0, 0.0, 55.0), 12.0),
        "eye_right": ((-30.0, 0.0, 55.0), 12.0),
        "teeth_upper": ((0.0, -57.0, 52.0), 5.0),
        "teeth_lower": ((0.0, -64.0, 52.0), 5.0),
        "tongue": ((0.0, -61.0, 50.0), 4.0),
    }
    for i, (name, (centre, radius)) in enumerate(balls.items()):
        points, faces = _ball(centre, radius)
        first = parts[list(parts)[-1]][1]
        parts[name] = (first, first + len(faces))
        triangles.append(faces + sum(map(len, vertices)))
        triangles_uv.append(faces + sum(map(len, uv)))
        uv.append(np.stack([0.1 + 0.1 * i + 0.0005 * points[:, 0], 0.1 + 0.0005 * points[:, 1]], axis=1))
        vertices.append(points)
    mean = np.concatenate(vertices).astype(np.float32)
    rng = np.random.default_rng(5)
    identity = rng.normal(0, 1, (4, *mean.shape)).astype(np.float32)
    expression = np.zeros((52, *mean.shape), np.float32)
    for e in range(52):
        # Bumps of different width, so that some are stored sparsely and others are not; one moves the
        # eyes; the last moves nothing at all.
        distance = np.linalg.norm(mean - mean[rng.integers(len(skin))], axis=1)
        bump = np.clip(1 - distance / (15 + 6 * e), 0, None)
        expression[e] = bump[:, None] * rng.normal(0, 6, 3)
    expression[ARKIT52.index("tongueOut")] = 0
    corrected = np.array([ARKIT52.index("eyeBlinkLeft"), ARKIT52.index("eyeBlinkRight")], np.int32)
    touched = np.arange(100, 140, dtype=np.int32)
    faces = np.concatenate(triangles).astype(np.int32)
    points = Correspondence(
        rng.integers(0, parts["skin"][1], 68).astype(np.int32), np.full((68, 3), 1 / 3, np.float32)
    )
    cheeks = Correspondence(np.repeat(points.triangle[:17], 3), np.full((51, 3), 1 / 3, np.float32))
    return HeadModel(
        resolution="low",
        mean=mean,
        identity=identity,
        expression=expression,
        expression_names=ARKIT52,
        corrected=corrected,
        correction_vertices=touched,
        correction=rng.normal(0, 0.3, (2, 4, len(touched), 3)).astype(np.float32),
        triangles=faces,
        uv=np.concatenate(uv).astype(np.float32),
        triangles_uv=np.concatenate(triangles_uv).astype(np.int32),
        parts=parts,
        regions={"face": np.ones(len(mean), np.float32)},
        landmarks={"ibug68": points, "contour": cheeks},
        mirror=np.arange(len(mean), dtype=np.int32),
    )


@pytest.fixture(scope="session")
def head() -> Head:
    """A synthetic head: seconds faster than a real one, and harder on the writers."""
    model = synthetic_model()
    rng = np.random.default_rng(3)
    identity = rng.normal(size=4)
    expression = np.round(rng.uniform(0, 0.6, 52), 3)
    pixels = rng.integers(0, 255, (300, 240, 3), dtype=np.uint8)
    camera = Camera(
        240, 300, 400.0, (120.0, 150.0), rotation_from_angles(12, -4, 3), np.array([5, 3, -700.0])
    )
    size = 64
    ramp = np.linspace(0, 255, size)
    texture = np.stack([*np.meshgrid(ramp, ramp), np.full((size, size), 90.0)], axis=-1).astype(np.uint8)
    view = ViewParameters(
        photo=PhotoInfo("Ann O'Neill (é).jpg", 240, 300, 1, 35.0),
        camera=camera,
        expression=expression,
        light=None,
        box=np.array([60.0, 70.0, 180.0, 220.0]),
        points=np.full((5, 2), 100.0),
        score=0.98,
        landmarks=rng.uniform(60, 200, (478, 2)),
        presence=0.97,
        network="mediapipe",
    )
    estimate = Estimate("low", PersonParameters(identity, None, 1.05, 0.04), (view,), "none", "accurate")
    quality = Quality(0.8, {"presence": 0.97, "yaw": 12.0}, ("the head is turned: see for yourself",))
    observation = FaceObservation(
        Photo(pixels, view.photo.name, focal_35mm=35.0),
        Face(view.box, view.points, view.score),
        Landmarks(view.landmarks, np.zeros(478), view.presence, np.zeros(52, np.float32)),
    )
    return Head(
        model,
        estimate,
        expression,
        Texture(texture, np.ones((size, size), np.float32), np.zeros((size, size), np.uint8), 0.8),
        quality,
        observations=(observation,),
        timings={"read": 0.01, "fit": 0.02},
    )


@pytest.fixture(scope="session")
def bare(head: Head) -> Head:
    """The synthetic head without a texture."""
    return replace(head, texture=None)


@pytest.fixture(scope="session")
def astronaut(photos: Path) -> Head:
    """The real head in a real photo, without hair, which some tests give it."""
    return reconstruct(photos / "astronaut.jpg", settings=Settings(hair="none"))


@pytest.fixture
def square() -> HeadAsset:
    """A square of two triangles without texture, colours or expressions; lengths are millimetres."""
    vertices = np.array([[0, 0, 0], [10, 0, 0], [10, 20, 0], [0, 20, 5]], np.float32)
    return mesh_asset(vertices, np.array([[0, 1, 2], [0, 2, 3]], np.int32), "A model. Terms.")


@pytest.fixture
def textured_square(square: HeadAsset) -> HeadAsset:
    """The square with a texture that has a seam at vertex 0, colours of vertices, and an expression."""
    return replace(
        square,
        uv=np.array([[0, 1], [1, 1], [1, 0], [0, 0], [0.5, 0.5]], np.float32),
        triangles_uv=np.array([[0, 1, 2], [4, 2, 3]], np.int32),
        texture=np.zeros((8, 8, 3), np.uint8),
        colours=np.full((4, 3), 128, np.uint8),
        morphs=(MorphTarget("smile", np.full((4, 3), 2, np.float32), 0.25),),
    )
