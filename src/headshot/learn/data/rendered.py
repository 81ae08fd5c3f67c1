"""Faces with known shape: heads of the head model in random light, as crops like those of photos.

MeshNet+ learns depth from them, and to separate light from skin, which photos do not show. Every face is a
`Faces` entry with its true shape at the template's vertices; item k depends on k and the seed alone.
Landmarks are what the landmark network would report, by the noise model (`headshot.fitting.landmark_noise`).
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from headshot.arrays import F32, U8, Array, Mask
from headshot.errors import HeadshotError
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.learn.data.faces import Faces, camera_of, checked, join
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
from headshot.models.albedo import AlbedoModel, load_albedo
from headshot.models.head_model import HeadModel, PointModel, load_head_model
from headshot.perception.segmentation import CLASSES, crop_of
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

LEVEL = 5  # of the template at whose 2,113 vertices truth is stored
_JITTER = 0.8  # mm: errors of single landmarks beside those that they have in common


@dataclass(frozen=True, eq=False)
class Rendered:
    """Faces with known shape.

    Attributes:
        faces: as of photos.
        truth: (N, V, 3) mm, the true shape at the template's vertices, in the frame of the fitted camera. Its
            scale about the camera, which no picture shows, is the one nearest to the template.
        neutral: (N, V, 3) mm, the same head without expression, laid on the mean head.
        albedo: (N, V, 3) linear reflectance, NaN where it is unknown.
        light: (N, 9, 3), the same.
    """

    faces: Faces
    truth: F32
    neutral: F32
    albedo: F32
    light: F32

    def __len__(self) -> int:
        return len(self.faces)

    def select(self, rows: Mask | slice) -> Rendered:
        """Some of them."""
        rest = (getattr(self, f.name)[rows] for f in fields(self)[1:])
        return Rendered(self.faces.select(rows), *rest)


def join_rendered(sets: list[Rendered]) -> Rendered:
    """Several sets as one."""
    rest = (np.concatenate([getattr(s, f.name) for s in sets]) for f in fields(Rendered)[1:])
    return Rendered(join([s.faces for s in sets]), *rest)


def render_faces(
    count: int, size: int, template: Template, seed: int = 0, cache: Path | None = None
) -> Rendered:
    """So many faces in crops of ``size`` pixels; every tenth is held out.

    Args:
        count: of faces.
        size: S of the crops, pixels.
        template: at whose vertices shapes are stored.
        seed: of everything random.
        cache: .npz file, read if it exists, else written.
    """
    if cache is not None and cache.is_file():
        return read_rendered(cache, size)
    model, albedo = load_head_model("low"), load_albedo("low")
    points = model.at(model.landmarks["mediapipe478"])
    topology = Topology(model.triangles, len(model.mean))
    found = join_rendered(
        [
            _one(model, albedo, points, topology, template, size, np.random.default_rng([seed, k]))
            for k in range(count)
        ]
    )
    found.faces.held_out[::10] = True
    if cache is not None:
        store_rendered(found, cache)
    return found


def store_rendered(known: Rendered, file: Path) -> None:
    """Write faces with known shape, complete or not at all."""
    content = {f.name: getattr(known.faces, f.name) for f in fields(Faces)}
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f".{file.name}.part.npz")
    np.savez(draft, **content, **{f.name: getattr(known, f.name) for f in fields(Rendered)[1:]})
    draft.replace(file)


def read_rendered(file: Path, size: int) -> Rendered:
    """What `store_rendered` wrote.

    Raises:
        HeadshotError: it is not readable, or has crops of another size.
    """
    with reading(file, "a file of heads", HeadshotError, "delete it"), open_arrays(file, None) as archive:
        faces = checked(Faces(*(archive[f.name] for f in fields(Faces))), size)
        return Rendered(faces, *(archive[f.name] for f in fields(Rendered)[1:]))


def _one(
    model: HeadModel, albedo: AlbedoModel, points: PointModel, topology: Topology, template: Template,
    size: int, random: np.random.Generator,
) -> Rendered:  # fmt: skip
    identity = random.standard_normal(len(model.identity))
    expression = random.uniform(0, 1, len(model.expression)) ** 3 * (
        random.random(len(model.expression)) < 0.12
    )
    vertices = model.shape(identity, expression).astype(np.float64)
    yaw, pitch, roll = random.normal(0, (20, 7, 4))
    rotation = rotation_from_angles(yaw, pitch, roll)
    distance = random.uniform(450, 1500)
    camera = Camera(size, size, size * distance / 300, (size / 2, size / 2), rotation,
                    np.array([0, 0, -distance]))  # fmt: skip
    landmarks = camera.project(_reported(points, identity, expression, rotation, random))
    affine = crop_of(landmarks).pixel_map(size)
    inverse = np.linalg.inv(affine[:, :2])
    crop_points = (landmarks - affine[:, 2]) @ inverse.T
    seen = in_crop(camera, affine)
    colours = np.clip(albedo.colours(random.standard_normal(len(albedo.modes))), 0.01, 1)
    factor = np.linalg.cholesky(np.linalg.inv(albedo.light_precision))
    light = (albedo.light_mean + factor @ random.standard_normal(27)).reshape(9, 3)
    pixels, covered = _picture(model, (colours, light), topology, vertices, seen, size, random)
    fitted = camera_of(crop_points, size)
    labels = np.where(covered, CLASSES.index("skin"), CLASSES.index("background")).astype(np.uint8)
    face = Faces(
        pixels[None], labels[None], crop_points[None].astype(np.float32),
        np.array([fitted.focal], np.float32), fitted.rotation[None].astype(np.float32),
        fitted.translation[None].astype(np.float32), np.array([False]),
    )  # fmt: skip
    count = template.counts[LEVEL]
    truth = in_fitted_camera(
        seen.to_camera(template.carried(vertices, model)[:count]), seen, fitted, template
    )
    neutral = template.carried(model.neutral(identity), model)[:count]
    painted = template.carried(colours, model)[:count]
    return Rendered(face, truth[None], neutral[None], painted[None], light[None].astype(np.float32))


def _reported(
    points: PointModel, identity: Array, expression: Array, rotation: Array, random: np.random.Generator
) -> Array:
    """What the landmark network would report of a head (L, 3), head frame."""
    reported = load_landmark_noise().at(points, rotation)
    known = np.concatenate([identity, random.standard_normal(reported.nuisance)])
    exact = reported.model.positions(known, expression).astype(np.float64)
    return exact + _JITTER * random.standard_normal(exact.shape)


def in_fitted_camera(true: Array, seen: Camera, fitted: Camera, template: Template) -> F32:
    """Points of the true head, in the frame of the template as the fitted camera sees it.

    Args:
        true: (V, 3) at the template's first vertices, in the frame of the true camera.
        seen: the true camera of the crop.
        fitted: the camera that was found.
        template: the template.
    """
    # The fitted camera has another focal length. The head is moved along the axis until it has its
    # size there, with its relief unchanged, and each point slides sideways onto its own pixel.
    depth = true[:, 2] + true[:, 2].mean() * (fitted.focal / seen.focal - 1)
    slide = np.array(fitted.centre) - seen.centre
    out = np.column_stack([true[:, :2] * (seen.focal / fitted.focal * depth / true[:, 2])[:, None], depth])
    out[:, 0] += slide[0] * depth / fitted.focal
    out[:, 1] -= slide[1] * depth / fitted.focal
    mean = fitted.to_camera(template.vertices[: len(true)])
    out *= float((out * mean).sum() / (out * out).sum())
    return ((out - fitted.translation) @ fitted.rotation).astype(np.float32)


def in_crop(camera: Camera, affine: Array) -> Camera:
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


def in_photo(crop: Camera, affine: Array, width: int, height: int) -> Camera:
    """A camera of a crop as one of the photo of ``width`` x ``height`` pixels: the reverse of `in_crop`."""
    scale = float(np.sqrt(np.linalg.det(affine[:, :2])))
    around = np.eye(3)
    around[:2, :2] = (affine[:, :2] / scale).T
    x, y = affine[:, :2] @ np.array(crop.centre) + affine[:, 2]
    return Camera(
        width, height, crop.focal * scale, (float(x), float(y)), around @ crop.rotation,
        around @ crop.translation,
    )  # fmt: skip


def _picture(
    model: HeadModel, appearance: tuple[F32, Array], topology: Topology, vertices: Array, camera: Camera,
    size: int, random: np.random.Generator,
) -> tuple[U8, Mask]:  # fmt: skip
    """Pixels (S, S, 3) of a head with colours (V, 3) in a light (9, 3), and where its face is (S, S)."""
    colours, light = appearance
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
