"""Synthetic heads with exact truth: any shape, pose, expression and light, in the colours of real photos.

Shapes are drawn from the head model's prior and have nothing to do with the photo that gives the colours, so
that only the geometry in the picture shows the shape; or the photo's own head, as the fit has it, is turned.
What the picture shows of a portrait's light is divided out by the fit's explanation of it and multiplied by
that of the new light (a ratio image; Wen, Liu and Huang, "Face relighting with radiance environment maps",
CVPR 2003). Heads turned far from their portrait get hair of their own, a displaced scalp, and other
surroundings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, U8, Array
from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.geometry.light import sh_basis
from headshot.geometry.raster import interpolate, rasterise, sample, vertex_normals
from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.image.resample import warp
from headshot.learn.data.portraits import AROUND, AROUND_SIDE, TEXELS, Portrait, outline_vertices
from headshot.learn.data.training_crops import (
    MARGIN,
    SIDE,
    TrainingCrop,
    head_labels,
    into_crop,
    light_units,
    upright_crop_map,
)  # fmt: skip
from headshot.models.albedo import load_albedo
from headshot.models.arkit import ARKIT52
from headshot.models.contour import landmarks68
from headshot.models.head_model import load_head_model

SAMPLES = 2  # a pixel and axis
WIDEST = 95.0  # degrees of yaw
MATCHING = 25.0  # degrees between the portrait's pose and the new one up to which the portrait's hair fits
GRID = 24  # cells along the sides of the bent surroundings
REACH = 8.0  # pixels of ``Portrait.around`` over which bending fades
LEAST_LIGHT, MOST_RATIO = 0.06, 4.0  # of shading; of a new colour over the old one

# Faces that people make: ARKit weights without their sides.
MOODS: tuple[dict[str, float], ...] = (
    {},
    {"mouthSmile": 0.7, "cheekSquint": 0.4, "mouthUpperUp": 0.3},
    {"mouthSmile": 0.6, "jawOpen": 0.3, "mouthUpperUp": 0.4, "mouthLowerDown": 0.3},
    {"jawOpen": 0.7, "browInnerUp": 0.6, "browOuterUp": 0.6, "eyeWide": 0.5},
    {"browDown": 0.7, "mouthFrown": 0.5, "mouthPress": 0.3},
    {"mouthPucker": 0.7, "mouthFunnel": 0.2},
    {"eyeBlink": 0.95, "mouthSmile": 0.2},
    {"jawLeft": 0.5, "mouthLeft": 0.5, "browOuterUp": 0.4},
    {"jawOpen": 0.8, "mouthStretch": 0.5, "eyeSquint": 0.6, "browDown": 0.5},
    {"noseSneer": 0.7, "browDown": 0.5, "mouthUpperUp": 0.5},
    {"eyeLookDown": 0.7, "eyeBlink": 0.4},
)


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is drawn: a head (V, 3) in head frame and mm, its camera, the map of the crop, and colours."""

    vertices: F32
    camera: Camera
    affine: Array
    portrait: Portrait
    ratio: F32
    hair: F32
    turned: bool


class HeadMaker:
    """Makes training crops of synthetic heads; the same random generator gives the same crop."""

    def __init__(self, portraits: Sequence[Portrait]) -> None:
        self.portraits = portraits
        self.model, self.albedo = load_head_model("low"), load_albedo("low")
        # Flat and in a row: as the models keep them every product would copy its basis first.
        self.flat_modes = _flat(self.albedo.modes)
        self.identity, self.expressions = _flat(self.model.identity), _flat(self.model.expression)
        correction = np.moveaxis(self.model.correction, 1, 0)
        self.correction = _flat(np.ascontiguousarray(correction))  # (I, K N 3)
        self.yaws = np.array([p.yaw for p in portraits])
        self.spread = np.linalg.cholesky(np.linalg.inv(self.albedo.light_precision))
        self.each = np.arange(3 * len(self.model.triangles), dtype=np.int32).reshape(-1, 3)
        self.uv = (self.model.uv[self.model.triangles_uv] * TEXELS).reshape(-1, 2).astype(np.float32)
        self.own = [self.albedo.mean + _product(p.albedo, self.flat_modes) for p in portraits]
        self.before = [
            self._shaded(colours, self._shape(p.identity, p.expression), p.light)
            for p, colours in zip(portraits, self.own, strict=True)
        ]
        covered = self.model.regions["scalp"] + self.model.regions["neck"]
        self.bare = ~(covered > 0.6)[self.model.triangles].all(axis=1)

    def make(self, random: np.random.Generator, *, own: bool = False) -> TrainingCrop:
        """One training crop; with ``own`` of the portrait's own shape, as the fit has it, turned."""
        model = self.model
        yaw, pitch = _pose(random)
        which = self._portrait(yaw, random)
        portrait = self.portraits[which]
        identity = random.normal(size=len(model.identity)) * random.choice([0.8, 1.0, 1.2])
        if own:
            identity = portrait.identity.astype(float)
        expression = self._expression(portrait, random)
        vertices = self._shape(identity, expression)
        camera = _camera(yaw, pitch, random)
        dense = model.landmarks["mediapipe478"].on(vertices, model.triangles)
        points = np.concatenate([camera.project(dense), camera.project(landmarks68(model, vertices, camera))])
        affine = upright_crop_map(points[:478], camera.angles[2])
        light, albedo = self._appearance(portrait, random)
        turned = abs(yaw - portrait.yaw) > MATCHING
        ratio = self._ratio(which, vertices, light, albedo)
        shown: F32 = vertices
        hair: F32 = np.zeros(len(vertices), np.float32)
        if turned and random.random() < 0.9:
            shown, hair = self._hair(vertices, random)
        pixels = self._draw(_Scene(shown, camera, affine, portrait, ratio, hair, turned), random)
        labels = head_labels(camera, points, identity, expression, affine)
        labels |= {"light": light_units(light), "albedo": albedo.astype(np.float32)}
        apart = bool(random.random() < 0.03)
        kind, name = ("photo", portrait.name) if own else ("synthetic", f"synthetic/{yaw:.0f}")
        return TrainingCrop(pixels, kind, name, "", apart and not own, labels)

    def _portrait(self, yaw: float, random: np.random.Generator) -> int:
        """One of some drawn at random: the one whose own pose is nearest to the new one."""
        drawn = random.integers(len(self.portraits), size=8)
        return int(drawn[np.abs(self.yaws[drawn] - yaw).argmin()])

    def _expression(self, portrait: Portrait, random: np.random.Generator) -> Array:
        kind = random.random()
        if kind < 0.5:
            own = portrait.expression.astype(float)
        elif kind < 0.7:
            own = self.portraits[int(random.integers(len(self.portraits)))].expression.astype(float)
        else:
            mood = MOODS[int(random.integers(len(MOODS)))]
            own = np.zeros(len(ARKIT52))
            for k, name in enumerate(ARKIT52):
                stem = name.removesuffix("Left").removesuffix("Right")
                own[k] = mood.get(name, mood.get(stem, 0.0))
            if random.random() < 0.5:
                own += random.uniform(0, 0.7, len(own)) * (random.random(len(own)) < 0.08)
        own[ARKIT52.index("tongueOut")] = 0
        return np.clip(own * random.uniform(0.7, 1.25, len(own)), 0, 1)

    def _appearance(self, portrait: Portrait, random: np.random.Generator) -> tuple[Array, Array]:
        """Light (9, 3) and albedo (A,)."""
        albedo = portrait.albedo.astype(float)
        if random.random() < 0.3:
            albedo = np.clip(albedo + random.normal(0, 0.6, len(albedo)), -3, 3)
        light = portrait.light.astype(float)
        if random.random() < 0.6:
            strength = float(random.choice([1.0, 1.6, 2.4]))
            drawn = self.albedo.light_mean + strength * self.spread @ random.normal(size=27)
            light = drawn.reshape(9, 3)
            if random.random() < 0.4:  # a lamp or the sun from one side, in the place of light from around
                side = np.array([random.uniform(-1, 1), random.uniform(-0.3, 1), random.uniform(-0.2, 1)])
                lamp = sh_basis(side / np.linalg.norm(side)) * random.uniform(0.15, 0.5)
                light = light * random.uniform(0.5, 0.9) + lamp[:, None] * random.normal(1, 0.08, 3)
        return light, albedo

    def _ratio(self, which: int, vertices: F32, light: Array, albedo: Array) -> F32:
        """(V, 3) colour in new light over the one that the fit expects in the portrait."""
        colours = self.own[which]
        if (albedo != self.portraits[which].albedo).any():
            colours = self.albedo.mean + _product(albedo, self.flat_modes)
        after = self._shaded(colours, vertices, light)
        return np.clip(after / self.before[which], 1 / MOST_RATIO, MOST_RATIO).astype(np.float32)

    def _shaded(self, colours: F32, vertices: F32, light: Array | F32) -> F32:
        normals = vertex_normals(vertices, self.model.triangles)
        shading = np.maximum(sh_basis(normals) @ light.astype(np.float32), np.float32(LEAST_LIGHT))
        return np.clip(colours, 0.01, 1) * shading

    def _shape(self, identity: Array | F32, expression: Array | F32) -> F32:
        """As `HeadModel.shape`."""
        model = self.model
        out = model.mean + _product(identity, self.identity) + _product(expression, self.expressions)
        change = identity.astype(np.float32) @ self.correction
        change = expression[model.corrected].astype(np.float32) @ change.reshape(len(model.corrected), -1)
        out[model.correction_vertices] += change.reshape(-1, 3)
        return out

    def _hair(self, vertices: F32, random: np.random.Generator) -> tuple[F32, F32]:
        """Vertices with a displaced scalp, and how much hair (V,) there is at each."""
        model = self.model
        scalp = model.regions["scalp"].astype(np.float64)
        if random.random() < 0.35:  # over the ears
            scalp = np.maximum(scalp, 0.8 * model.regions["ears"])
        if random.random() < 0.3:  # down the neck
            scalp = np.maximum(scalp, 0.8 * model.regions["neck"] * (model.mean[:, 2] < -30))
        wave = random.uniform(-1, 1, (4, 3)) / random.uniform(20, 70, (4, 1))
        rough = np.sin(model.mean @ wave.T * 6.28 + random.uniform(0, 6.28, 4)).mean(axis=1)
        edge = np.clip((scalp + 0.12 * rough - random.uniform(0.25, 0.55)) / 0.3, 0, 1)
        thick = float(random.choice([2.0, 8.0, 20.0, 35.0])) * random.uniform(0.6, 1.3)
        normals = vertex_normals(vertices, model.triangles)
        moved = vertices + (edge * thick * (1 + 0.5 * rough))[:, None] * normals
        return moved.astype(np.float32), edge.astype(np.float32)

    def _draw(self, scene: _Scene, random: np.random.Generator) -> U8:
        """The picture (SIDE, SIDE, 3) uint8."""
        model, s = self.model, SAMPLES
        size = SIDE * s
        linear = self._surroundings(scene, random).repeat(s, axis=0).repeat(s, axis=1)
        xy = into_crop(scene.camera.project(scene.vertices), scene.affine) * np.float32(s)
        depth = -scene.camera.to_camera(scene.vertices)[:, 2].astype(np.float32)
        drawn = np.ones(len(model.triangles), bool) if scene.turned else self.bare
        triangles = np.ascontiguousarray(model.triangles[drawn])
        raster = rasterise(np.ascontiguousarray(xy), depth, triangles, size, size)
        covered = raster.triangle >= 0
        uv = np.ascontiguousarray(self.uv.reshape(-1, 3, 2)[drawn].reshape(-1, 2))
        at = interpolate(raster, uv, self.each[: len(triangles)])[covered]
        fields = np.concatenate([scene.ratio, scene.hair[:, None], model.mean], axis=1).astype(np.float32)
        seen = interpolate(raster, fields, triangles)[covered]
        colour = sample(TO_LINEAR[scene.portrait.texture], at) * seen[:, :3]
        if scene.hair.any():
            tint = _hair_colour(random)
            phase = seen[:, 4:] @ random.uniform(-1.5, 1.5, (3, 3)).astype(np.float32)
            strands = np.float32(0.75) + np.float32(0.35) * np.sin(phase).prod(axis=1)
            mix = np.clip((seen[:, 3:4] - 0.3) / 0.3 + 0.4 * np.sin(phase[:, :1]) * (seen[:, 3:4] > 0), 0, 1)
            colour += mix * (tint * strands[:, None] * seen[:, :3] ** np.float32(0.5) - colour)
        linear[covered] = colour
        small = linear.reshape(SIDE, s, SIDE, s, 3).mean(axis=(1, 3))
        small = small * random.uniform(0.75, 1.25) * random.normal(1, [0.04, 0.01, 0.05])
        encoded = srgb_bytes(small).astype(float)
        noisy = encoded + random.normal(0, random.uniform(0, 4.0), encoded.shape)
        return np.clip(noisy + 0.5, 0, 255).astype(np.uint8)

    def _surroundings(self, scene: _Scene, random: np.random.Generator) -> F32:
        """What stands behind a head (SIDE, SIDE, 3), linear: its portrait's photo, bent, or another's."""
        if not scene.turned:
            return TO_LINEAR[_bent(scene)]
        other = self.portraits[int(random.integers(len(self.portraits)))]
        side = AROUND_SIDE * random.uniform(0.15, 0.9)
        corner = random.uniform(0, AROUND_SIDE - side, 2)
        if side > 0.35 * AROUND_SIDE:  # a large piece would show the other's face: begin beside it
            corner[0] = float(random.choice([-0.55 * side, AROUND_SIDE - 0.45 * side]))
        affine = np.column_stack([np.eye(2) * side / SIDE, corner])
        return TO_LINEAR[warp(other.around, affine[None], (SIDE, SIDE), clamp=True)[0]]


def _flat(basis: F32) -> F32:
    return np.ascontiguousarray(basis).reshape(len(basis), -1)


def _product(coefficients: Array | F32, flat: F32) -> F32:
    return (coefficients.astype(np.float32) @ flat).reshape(-1, 3)


def _bent(scene: _Scene) -> U8:
    """The portrait's photo with the outline of its face moved to that of the new one (SIDE, SIDE, 3)."""
    camera, portrait = scene.camera, scene.portrait
    zoom = AROUND_SIDE / SIDE * MARGIN / AROUND  # crop to surroundings, both laid around the face
    new = into_crop(camera.project(scene.vertices[outline_vertices()]), scene.affine) - SIDE / 2
    new = new * zoom + AROUND_SIDE / 2
    nodes = (np.linspace(0, SIDE, GRID + 1) - SIDE / 2) * zoom + AROUND_SIDE / 2
    x, y = np.meshgrid(nodes, nodes)
    places = np.stack([x.ravel(), y.ravel()], axis=1)
    gap = ((places[:, None] - new[None]) ** 2).sum(axis=2)
    near = np.exp(-0.5 / REACH**2 * gap) + 1e-9
    bent = places + near @ (portrait.outline - new) / near.sum(axis=1, keepdims=True)
    field = bent.reshape(GRID + 1, GRID + 1, 2).astype(np.float32)
    at = (np.arange(SIDE, dtype=np.float32) + 0.5) * GRID / SIDE + 0.5
    gx, gy = np.meshgrid(at, at)
    fine = sample(field, np.stack([gx.ravel(), gy.ravel()], axis=1))
    colour = sample(portrait.around, fine)
    return (colour * 255 + 0.5).astype(np.uint8).reshape(SIDE, SIDE, 3)


def _pose(random: np.random.Generator) -> tuple[float, float]:
    """Yaw and pitch, degrees: half as in photos of people, half from all sides."""
    yaw = random.normal(0, 25) if random.random() < 0.45 else random.uniform(-WIDEST, WIDEST)
    pitch = random.normal(-3, 11) if random.random() < 0.85 else random.uniform(-40, 40)
    return float(np.clip(yaw, -WIDEST, WIDEST)), float(pitch)


def _camera(yaw: float, pitch: float, random: np.random.Generator) -> Camera:
    """A camera of 1,000 pixels' focal length at a random distance, the head anywhere in its picture."""
    rotation = rotation_from_angles(yaw, pitch, float(random.normal(0, 12)))
    distance = float(np.clip(np.exp(random.normal(np.log(900), 0.45)), 330, 4000))
    aside = random.uniform(-0.3, 0.3, 2) * distance
    middle = rotation @ np.array([0.0, -30.0, -20.0])
    translation = np.array([aside[0], aside[1], -distance]) - middle
    return Camera(1000, 1000, 1000.0, (500.0, 500.0), rotation, translation)


def _hair_colour(random: np.random.Generator) -> F32:
    """Linear RGB: black to blond, red, grey."""
    dark = np.exp(random.uniform(np.log(0.008), np.log(0.35)))
    tint = np.array([1.0, 0.62, 0.36]) ** random.uniform(0, 1.2)
    return (dark * tint).astype(np.float32)
