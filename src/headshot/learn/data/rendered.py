"""Faces with known shape: heads of the head model in random light, as crops like those of photos.

They teach MeshNet+ depth, which photos cannot. Every face is a `Faces` entry with its true shape at the
template's vertices; item k depends on k and the seed alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from headshot.albedo import AlbedoModel, load_albedo
from headshot.camera import Camera, rotation_from_angles
from headshot.head_model import HeadModel, load_head_model
from headshot.learn.data.faces import Faces, camera_of, join
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    SphericalHarmonics,
    Topology,
    VertexColours,
    to_srgb,
)
from headshot.learn.template import Template
from headshot.segment import CLASSES, crop_frame, crop_map

F32 = NDArray[np.float32]
Array = NDArray[np.float64]

_JITTER = 0.006  # of landmarks, in extents of the face: about the error of our network's


@dataclass(frozen=True, eq=False)
class Rendered:
    """Rendered faces.

    Attributes:
        faces: as of photos; labels are "skin" or "background".
        truth: (N, V, 3) mm, the true shape at the template's vertices, in the frame of the fitted camera. Its
            scale about the camera, which no picture shows, is the one nearest to the template.
    """

    faces: Faces
    truth: F32


def render_faces(count: int, size: int, template: Template, seed: int = 0) -> Rendered:
    """So many faces in crops of ``size`` pixels; every tenth is held out."""
    model, albedo = load_head_model("low"), load_albedo("low")
    topology = Topology(model.triangles, len(model.mean))
    rows, truths = [], []
    for k in range(count):
        face, truth = _one(model, albedo, topology, template, size, np.random.default_rng([seed, k]))
        rows.append(face)
        truths.append(truth)
    faces = join(rows)
    faces.held_out[::10] = True
    return Rendered(faces, np.stack(truths))


def _one(
    model: HeadModel, albedo: AlbedoModel, topology: Topology, template: Template, size: int,
    random: np.random.Generator,
) -> tuple[Faces, F32]:  # fmt: skip
    identity = 0.9 * random.standard_normal(len(model.identity))
    expression = random.uniform(0, 1, len(model.expression)) ** 3 * (
        random.random(len(model.expression)) < 0.12
    )
    vertices = model.shape(identity, expression).astype(np.float64)
    yaw, pitch, roll = random.normal(0, (18, 7, 4))
    rotation = rotation_from_angles(yaw, pitch, roll)
    distance = random.uniform(450, 1500)
    camera = Camera(size, size, size * distance / 300, (size / 2, size / 2), rotation,
                    np.array([0, 0, -distance]))  # fmt: skip
    landmarks = camera.project(model.landmarks["mediapipe478"].on(vertices, model.triangles))
    extent = float(np.ptp(landmarks, axis=0).max())
    landmarks += _JITTER * extent * random.standard_normal(landmarks.shape)
    affine = crop_map(crop_frame(landmarks), size)
    inverse = np.linalg.inv(affine[:, :2])
    points = (landmarks - affine[:, 2]) @ inverse.T
    seen = _in_crop(camera, affine)
    pixels, covered = _picture(model, albedo, topology, vertices, seen, size, random)
    fitted = camera_of(points, size)
    labels = np.where(covered, CLASSES.index("skin"), CLASSES.index("background")).astype(np.uint8)
    face = Faces(
        pixels[None], labels[None], points[None].astype(np.float32), np.array([fitted.focal], np.float32),
        fitted.rotation[None].astype(np.float32), fitted.translation[None].astype(np.float32),
        np.array([False]),
    )  # fmt: skip
    true = seen.to_camera(template.carried(vertices, model))
    # The fitted camera has another focal length. The head is moved along the axis until it has its
    # size there, with its relief unchanged, and each point slides sideways onto its own pixel.
    depth = true[:, 2] + true[:, 2].mean() * (fitted.focal / seen.focal - 1)
    slide = np.array(fitted.centre) - seen.centre
    true[:, :2] *= (seen.focal / fitted.focal * depth / true[:, 2])[:, None]
    true[:, 0] += slide[0] * depth / fitted.focal
    true[:, 1] -= slide[1] * depth / fitted.focal
    true[:, 2] = depth
    mean = fitted.to_camera(template.vertices)
    true *= float((true * mean).sum() / (true * true).sum())
    return face, ((true - fitted.translation) @ fitted.rotation).astype(np.float32)


def _in_crop(camera: Camera, affine: Array) -> Camera:
    """The same camera with the pixels of a crop, whose turn becomes one of the camera."""
    scale = float(np.sqrt(np.linalg.det(affine[:, :2])))
    turn = affine[:, :2] / scale  # crop to photo, y down
    inverse = np.linalg.inv(affine[:, :2])
    centre = inverse @ (np.array(camera.centre) - affine[:, 2])
    # y points up in the camera frame: the turn has the other sense there.
    around = np.eye(3)
    around[:2, :2] = turn
    return Camera(
        camera.width, camera.height, camera.focal / scale, (float(centre[0]), float(centre[1])),
        around @ camera.rotation, around @ camera.translation,
    )  # fmt: skip


def _picture(
    model: HeadModel, albedo: AlbedoModel, topology: Topology, vertices: Array, camera: Camera, size: int,
    random: np.random.Generator,
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:  # fmt: skip
    """Pixels (S, S, 3) of a head in random colours and light, and where its face is (S, S)."""
    colours = np.clip(albedo.colours(random.standard_normal(len(albedo.modes))), 0.01, 1)
    factor = np.linalg.cholesky(np.linalg.inv(albedo.light_precision))
    light = (albedo.light_mean + factor @ random.standard_normal(27)).reshape(9, 3)
    renderer = MeshRenderer(
        PerspectiveCameras.from_cameras([camera], dtype=torch.float32),
        SphericalHarmonics(torch.tensor(light, dtype=torch.float32)),
        RendererSettings(size=size, background=0.0),
    )
    region = model.regions["face"].copy()
    region[model.part_triangles("eye_left", "eye_right")] = 1
    values = np.concatenate([colours, region[:, None]], axis=1).astype(np.float32)
    mesh = Meshes(torch.tensor(vertices, dtype=torch.float32)[None], topology)
    with torch.no_grad():
        out = renderer(mesh.with_textures(VertexColours(torch.tensor(values[None, :, :3]))))
        flat = MeshRenderer(renderer.cameras, None, renderer.settings)
        face = flat(mesh.with_textures(VertexColours(torch.tensor(values[None, :, 3:].repeat(3, 2)))))
    tiles = random.uniform(0, 1, 3) + 0.1 * random.standard_normal((-(-size // 8), -(-size // 8), 3))
    behind = np.kron(tiles, np.ones((8, 8, 1)))[:size, :size]
    alpha = out.silhouette[0].numpy()[..., None]
    front = to_srgb(out.foreground[0].clamp(0, 1)).numpy()
    picture = front + (1 - alpha) * behind + 0.01 * random.standard_normal((size, size, 3))
    return (np.clip(picture, 0, 1) * 255 + 0.5).astype(np.uint8), face.rgb[0, ..., 0].numpy() > 0.4
