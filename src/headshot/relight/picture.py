"""Pictures of heads in a given light, from the camera's rays to sRGB.

    base colour x (light of the lamps, with shadows, and reflected once; spread below the skin) + highlights

as in physically based renderers, with one reflection between surfaces, and lamps in the place of all
directions. Dimension letters: V vertices, F triangles, H x W picture, N samples on the head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, U8
from headshot.checked import Checked
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.cards import Cards
from headshot.geometry.environment import Environment
from headshot.geometry.raster import Raster, interpolate, rasterise, vertex_normals
from headshot.geometry.raster.blend import draw_cards
from headshot.geometry.rays import BoundingVolumes, build
from headshot.image.colour import TO_LINEAR, TO_SRGB
from headshot.models.head_model import HeadModel
from headshot.models.protocol import FaceModel
from headshot.relight.bounce import bounced
from headshot.relight.reflect import LIFT, Points, gather
from headshot.relight.spread import spread
from headshot.render import EYES, WET, base_colour, resolve

# Reflectance at normal incidence: skin's index of refraction is 1.4 (Weyrich et al., "Analysis of Human Faces
# using a Measurement-Based Skin Reflectance Model", SIGGRAPH 2006), that of wet surfaces about 1.35.
SKIN_F0, WET_F0 = 0.028, 0.022
# Roughness by region, of the order of Weyrich et al.'s figure 13: nose and forehead shine, lips are wet.
ROUGHNESS = {"forehead": 0.40, "nose": 0.36, "lips": 0.33}
SKIN_ROUGHNESS, EYE_ROUGHNESS, WET_ROUGHNESS = 0.50, 0.06, 0.22


@dataclass(frozen=True)
class RelightSettings(Checked):
    """What is computed of the light.

    Attributes:
        supersample: samples per pixel and axis.
        bounce: light that one part of the head reflects to another.
        spread: light that spreads below the skin.
        highlights: what shines.
        shadows: cast shadows.
        threads: how many compute.
    """

    supersample: int = 2
    bounce: bool = True
    spread: bool = True
    highlights: bool = True
    shadows: bool = True
    threads: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.supersample < 1 or self.threads < 1:
            raise ValueError(f"supersample and threads must be at least 1, got {self}")


def relit(
    vertices: ArrayLike,
    model: FaceModel,
    camera: Camera,
    light: Environment,
    *,
    texture: U8 | None = None,
    colours: U8 | None = None,
    background: U8,
    settings: RelightSettings | None = None,
    cards: Sequence[Cards] = (),
) -> U8:
    """Picture (H, W, 3) uint8 sRGB of a head in a light.

    Args:
        vertices: (V, 3) of the model's topology, mm, head frame.
        model: gives triangles, parts and texture coordinates.
        camera: its ``width`` and ``height`` are those of the picture.
        light: around the head, in its frame.
        texture: (T, T, 3) uint8 sRGB base colour, without the light of a photo; clay without both.
        colours: (V, 3) uint8 sRGB of the vertices, in the place of a texture.
        background: (H, W, 3) uint8 picture behind the head.
        settings: defaults to `RelightSettings()`.
        cards: hair. It gets light and the head's shadow, and casts none of its own.

    Raises:
        ValueError: shapes do not match.
    """
    options = settings or RelightSettings()
    points = np.asarray(vertices, np.float32)
    size = (camera.height, camera.width, 3)
    if background.shape != size or background.dtype != np.uint8:
        raise ValueError(f"background must be uint8 of shape {size}, got {background.shape}")
    s = options.supersample
    xy, depth = project_for_raster(points, camera)
    raster = rasterise(xy * np.float32(s), depth, model.triangles, camera.height * s, camera.width * s)
    base = base_colour(raster, model, texture, colours)
    # Without shadows there is nothing in the way: a triangle far behind.
    volumes = (
        build(points, model.triangles) if options.shadows else build(np.eye(3) * 1e-3 + 1e6, [[0, 1, 2]])
    )
    normals = vertex_normals(points, model.triangles)
    samples = _samples(raster, points, normals, model, camera, options)
    lit, shine = gather(samples, light, volumes, s * s, options.threads)
    seen = raster.triangle >= 0
    irradiance, gleam = np.zeros_like(base), np.zeros_like(base)
    irradiance[seen], gleam[seen] = lit, shine
    if options.bounce:
        other = _bounce(points, normals, model, light, volumes, _vertex_base(raster, base, model), options)
        irradiance += interpolate(raster, other, model.triangles)
    if options.spread:
        middle = float(np.median(depth))
        skin = (
            (raster.triangle < model.parts["skin"][1]).astype(np.float32) if "skin" in model.parts else seen
        )
        irradiance = spread(irradiance, raster.depth, camera.focal * s / middle, np.float32(1) * skin)
    colour = base * irradiance + gleam
    coverage = seen.astype(np.float32)
    colour[~seen] = 0
    for hair in cards:
        xy, depth = project_for_raster(hair.vertices, camera)
        shaded = _lit_cards(hair, light, volumes, options)
        draw_cards(hair, xy * np.float32(s), depth, shaded, raster.depth, colour, coverage)
    out = np.empty(size, np.uint8)
    behind = np.ascontiguousarray(background)
    resolve(coverage, np.ascontiguousarray(colour), s, np.float32(1), behind, TO_LINEAR, TO_SRGB, out)
    return out


def _samples(
    raster: Raster, points: F32, normals: F32, model: FaceModel, camera: Camera, options: RelightSettings
) -> Points:
    """The covered samples, in the order of the picture's rows."""
    seen = raster.triangle >= 0
    corners, weights = model.triangles[raster.triangle[seen]], raster.barycentric[seen]
    position = (points[corners] * weights[:, :, None]).sum(axis=1)
    normal = (normals[corners] * weights[:, :, None]).sum(axis=1)
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-6)
    # Shadow rays start on the round surface that normals show rather than on flat triangles, which would
    # shadow themselves (Hanika, "Hacking the Shadow Terminator", Ray Tracing Gems II, 2021).
    below = np.minimum(((position[:, None] - points[corners]) * normals[corners]).sum(axis=2), 0)
    start = position - (weights[:, :, None] * below[:, :, None] * normals[corners]).sum(axis=1)
    start += np.float32(LIFT) * normal
    eye = -(camera.rotation.T @ camera.translation).astype(np.float32)
    view = eye - position
    view /= np.linalg.norm(view, axis=1, keepdims=True)
    roughness, reflectance = _surface(model)
    shine = (roughness[corners] * weights).sum(axis=1), (reflectance[corners] * weights).sum(axis=1)
    y, x = np.nonzero(seen)
    turn = (y % options.supersample) * options.supersample + x % options.supersample
    f0 = shine[1] if options.highlights else np.zeros_like(shine[1])
    return Points(start, normal, view, shine[0], f0, turn.astype(np.int32))


def _surface(model: FaceModel) -> tuple[F32, F32]:
    """Roughness and reflectance (V,) of each vertex."""
    roughness = np.full(len(model.mean), SKIN_ROUGHNESS, np.float32)
    reflectance = np.full(len(model.mean), SKIN_F0, np.float32)
    if isinstance(model, HeadModel):
        for name, value in ROUGHNESS.items():
            roughness += model.regions[name] * np.float32(value - SKIN_ROUGHNESS)
    for names, rough in ((EYES, EYE_ROUGHNESS), ((*WET, "mouth"), WET_ROUGHNESS)):
        for name in names:
            if name in model.parts:
                own = np.unique(model.triangles[slice(*model.parts[name])])
                roughness[own], reflectance[own] = rough, WET_F0
    return roughness, reflectance


def _vertex_base(raster: Raster, base: F32, model: FaceModel) -> F32:
    """(V, 3) the base colour of what is seen, on average: what is reflected between surfaces is soft."""
    seen = raster.triangle >= 0
    mean = base[seen].mean(axis=0) if seen.any() else np.full(3, 0.3, np.float32)
    return np.tile(mean.astype(np.float32), (len(model.mean), 1))


def _bounce(
    points: F32,
    normals: F32,
    model: FaceModel,
    light: Environment,
    volumes: BoundingVolumes,
    base: F32,
    options: RelightSettings,
) -> F32:
    start = points + np.float32(LIFT) * normals
    lit = _irradiance(start, normals, light, volumes, options)
    return bounced(start, normals, model.triangles, lit * base, volumes, options.threads)


def _irradiance(
    start: F32, normals: F32, light: Environment, volumes: BoundingVolumes, options: RelightSettings
) -> F32:
    """(N, 3) by all lamps, of points without highlights."""
    count = len(start)
    none = np.zeros(count, np.float32)
    turn: I32 = np.zeros(count, np.int32)
    bare = Points(start, normals, normals, none + np.float32(1), none, turn)
    return gather(bare, light, volumes, 1, options.threads)[0]


def _lit_cards(hair: Cards, light: Environment, volumes: BoundingVolumes, options: RelightSettings) -> F32:
    """(P, 3) colours of cards' vertices."""
    normals = np.asarray(hair.normals, np.float32)
    lit = _irradiance(hair.vertices + np.float32(1) * normals, normals, light, volumes, options)
    shaded: F32 = np.array(hair.colour, np.float32) * hair.tint * lit
    return shaded
