"""Pictures of heads: a small software renderer for previews.

Clay (no texture) or textured, antialiased by supersampling, on a plain backdrop or over the photo. Light and
shading are computed in linear light; only the finished picture is encoded as sRGB. Directions are in the
camera frame, so the light stays with the viewer when the head turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, I32, U8
from headshot.checked import Checked
from headshot.geometry.camera import Camera, project_for_raster, rotation_from_angles
from headshot.geometry.cards import Cards
from headshot.geometry.raster import Raster, interpolate, rasterise, vertex_normals
from headshot.geometry.raster.blend import draw_cards
from headshot.image.colour import LINEAR_STEPS, TO_LINEAR, TO_SRGB
from headshot.kernels import njit
from headshot.models.protocol import FaceModel

# Diffuse clay colours, linear light.
CLAY = {
    "skin": (0.56, 0.50, 0.46),
    "mouth": (0.16, 0.09, 0.08),
    "eye_left": (0.66, 0.65, 0.64),
    "eye_right": (0.66, 0.65, 0.64),
    "teeth_upper": (0.60, 0.57, 0.52),
    "teeth_lower": (0.60, 0.57, 0.52),
    "teeth": (0.60, 0.57, 0.52),
    "tongue": (0.36, 0.22, 0.20),
}
EYES = ("eye_left", "eye_right")
WET = ("tongue", "teeth_upper", "teeth_lower", "teeth")

# Two soft lights: direction towards the light (camera frame), strength, how far it wraps around (0..1).
_KEY = (-0.45, 0.55, 0.70, 0.74, 0.25)
_FILL = (0.80, 0.05, 0.60, 0.20, 0.50)
_SKY, _GROUND = 0.34, 0.16  # ambient from above and below
_FRONTAL = 0.85  # light on a surface that faces the viewer
_GLEAM, _GLEAM_SHARPNESS = 0.05, 10.0  # of hair
_LENS = 34.0  # millimetres over which creases are darkened by ambient occlusion


@dataclass(frozen=True)
class RenderSettings(Checked):
    """How a picture is made.

    Attributes:
        supersample: samples per pixel and axis.
        lighting: 0 shows the texture as it is, 1 lights it like clay. Photos carry their own light, so a
            little is enough to make the shape readable. Clay is always fully lit.
        opacity: of the head over the background, 0 to 1.
        backdrop: sRGB colour behind the head when no background is given.
    """

    supersample: int = 2
    lighting: float = 0.35
    opacity: float = 1.0
    backdrop: tuple[int, int, int] = (238, 238, 240)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.supersample < 1:
            raise ValueError(f"supersample must be at least 1, got {self.supersample}")


@njit(cache=True, nogil=True, error_model="numpy")
def _look_up(
    triangle: I32, barycentric: F32, uv: F32, triangles_uv: I32, texture: U8, decode: F32, out: F32
) -> None:
    """Bilinear texture colours, linear light, of every covered pixel."""
    rows, columns = texture.shape[0], texture.shape[1]
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            u, v = np.float32(0), np.float32(0)
            for corner in range(3):
                u += barycentric[y, x, corner] * uv[triangles_uv[t, corner], 0]
                v += barycentric[y, x, corner] * uv[triangles_uv[t, corner], 1]
            u = min(max(u * columns - np.float32(0.5), np.float32(0)), np.float32(columns - 1))
            v = min(max(v * rows - np.float32(0.5), np.float32(0)), np.float32(rows - 1))
            c0, r0 = int(u), int(v)
            c1, r1 = min(c0 + 1, columns - 1), min(r0 + 1, rows - 1)
            fu, fv = u - np.float32(c0), v - np.float32(r0)
            for c in range(3):
                upper = (1 - fu) * decode[texture[r0, c0, c]] + fu * decode[texture[r0, c1, c]]
                lower = (1 - fu) * decode[texture[r1, c0, c]] + fu * decode[texture[r1, c1, c]]
                out[y, x, c] = (1 - fv) * upper + fv * lower


def _rings(radius: float) -> tuple[I32, F32]:
    """Offsets (16, N, 2) in samples on three circles, one of each opposite pair, and radii (N,) in mm.

    Each of the 16 sets is turned and scaled a little, for the pixels of a 4 x 4 tile: what would be ghosts of
    nearby edges becomes noise that averaging over a tile removes.
    """
    turn = np.arange(16)[:, None] * 7 % 16 / 16
    share = np.repeat([1.0, 0.25, 0.0625], 6)
    angle = np.pi * (np.tile(np.arange(6), 3) + turn) / 6
    reach = radius * share * (0.75 + 0.5 * (np.arange(16)[:, None] * 3 % 16 / 16))
    offsets = np.stack([reach * np.cos(angle), reach * np.sin(angle)], axis=-1)
    return np.round(offsets).astype(np.int32), (_LENS * share).astype(np.float32)


@njit(cache=True, nogil=True, error_model="numpy")
def _occlusion(depth: F32, stride: int, offsets: I32, radii: F32, out: F32) -> None:
    """Ambient light (H, W) in [0, 1] that reaches every ``stride``-th sample, from the depth buffer alone.

    Depths at opposite sides of a point are compared with its own: where both lie in front, on average, the
    surface is hollow. Pairs cancel the slope, so that only curvature darkens.
    """
    height, width = depth.shape
    count = offsets.shape[1]
    rough = np.ones_like(out)
    for y in range(out.shape[0]):
        cy = y * stride + stride // 2
        for x in range(out.shape[1]):
            cx = x * stride + stride // 2
            centre = depth[cy, cx]
            if not centre < np.inf:
                continue
            tile = (y % 4) * 4 + x % 4
            hidden = np.float32(0)
            for n in range(count):
                dx, dy = offsets[tile, n, 0], offsets[tile, n, 1]
                xa, ya, xb, yb = cx + dx, cy + dy, cx - dx, cy - dy
                if min(xa, xb, ya, yb) < 0 or max(xa, xb) >= width or max(ya, yb) >= height:
                    continue
                da, db = centre - depth[ya, xa], centre - depth[yb, xb]
                rise = (da + db) / radii[n] - np.float32(0.02)
                if rise > 0 and max(abs(da), abs(db)) < 60:  # farther steps are other surfaces
                    hidden += min(rise, np.float32(1.2))
            rough[y, x] = 1 / (1 + 3 * hidden / count)
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            total, seen = np.float32(0), np.float32(1e-9)
            here = depth[y * stride + stride // 2, x * stride + stride // 2]
            for j in range(max(y - 2, 0), min(y + 2, out.shape[0])):
                for i in range(max(x - 2, 0), min(x + 2, out.shape[1])):
                    if abs(depth[j * stride + stride // 2, i * stride + stride // 2] - here) < 10:
                        total += rough[j, i]
                        seen += 1
            out[y, x] = total / seen


@njit(cache=True, nogil=True, error_model="numpy")
def _shade(
    triangle: I32, surface: F32, occlusion: F32, material: F32, lights: F32, lighting: float, colour: F32
) -> None:
    """Light the colours (H, W, 3) in place and add highlights.

    Args:
        triangle: (H, W) index buffer.
        surface: (H, W, 6) normals and positions in the camera frame.
        occlusion: (H / stride, W / stride) share of ambient light.
        material: (F, 2) strength and sharpness of each triangle's highlight.
        lights: (K, 5) unit direction, strength, wrap; the first makes the highlights.
        lighting: see `RenderSettings`.
        colour: (H, W, 3) diffuse colours, linear light.
    """
    stride = triangle.shape[0] // occlusion.shape[0]
    one = np.float32(1)
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            t = triangle[y, x]
            if t < 0:
                continue
            nx, ny, nz = surface[y, x, 0], surface[y, x, 1], surface[y, x, 2]
            scale = one / max(np.sqrt(nx * nx + ny * ny + nz * nz), np.float32(1e-9))
            nx, ny, nz = nx * scale, ny * scale, nz * scale
            light = np.float32(_GROUND) + np.float32(_SKY - _GROUND) * np.float32(0.5) * (one + ny)
            for k in range(lights.shape[0]):
                cosine = nx * lights[k, 0] + ny * lights[k, 1] + nz * lights[k, 2] + lights[k, 4]
                if cosine > 0:
                    light += lights[k, 3] * cosine / (one + lights[k, 4])
            reach = occlusion[y // stride, x // stride]
            shine = np.float32(0)
            if material[t, 0] > 0 and lighting > 0:
                # Blinn's half vector with a Gaussian lobe.
                vx, vy, vz = surface[y, x, 3], surface[y, x, 4], surface[y, x, 5]
                scale = one / max(np.sqrt(vx * vx + vy * vy + vz * vz), np.float32(1e-9))
                hx, hy, hz = lights[0, 0] - vx * scale, lights[0, 1] - vy * scale, lights[0, 2] - vz * scale
                half = (nx * hx + ny * hy + nz * hz) / np.sqrt(hx * hx + hy * hy + hz * hz)
                shine = reach * lights[0, 3] * material[t, 0] * np.exp(material[t, 1] * (half - one))
            # A texture keeps its own brightness where it faces the viewer under these lights.
            factor = light * reach
            if lighting < 1:
                factor = one - lighting + lighting * factor / np.float32(_FRONTAL)
            for c in range(3):
                colour[y, x, c] = colour[y, x, c] * factor + shine


@njit(cache=True, nogil=True, error_model="numpy")
def _fill(triangle: I32, palette: F32, out: F32) -> None:
    """Paint every covered pixel with its triangle's colour (F, 3)."""
    for y in range(triangle.shape[0]):
        for x in range(triangle.shape[1]):
            if triangle[y, x] >= 0:
                for c in range(3):
                    out[y, x, c] = palette[triangle[y, x], c]


@njit(cache=True, nogil=True, error_model="numpy")
def resolve(
    coverage: F32, colour: F32, s: int, opacity: float, behind: U8, decode: F32, encode: U8, out: U8
) -> None:
    """Average s x s samples in linear light over the background and encode."""
    share = np.float32(opacity / (s * s))
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            red, green, blue, covered = np.float32(0), np.float32(0), np.float32(0), np.float32(0)
            for j in range(y * s, y * s + s):
                for i in range(x * s, x * s + s):
                    if coverage[j, i] > 0:
                        covered += coverage[j, i]
                        red += min(colour[j, i, 0], np.float32(1))
                        green += min(colour[j, i, 1], np.float32(1))
                        blue += min(colour[j, i, 2], np.float32(1))
            if covered == 0:
                for c in range(3):
                    out[y, x, c] = behind[y, x, c]
                continue
            rest = 1 - covered * share
            for c, value in ((0, red), (1, green), (2, blue)):
                mixed = value * share + rest * decode[behind[y, x, c]]
                out[y, x, c] = encode[int(min(max(mixed, 0.0), 1.0) * (LINEAR_STEPS - 1) + 0.5)]


def view_camera(vertices: ArrayLike, yaw: float, pitch: float = 0.0, size: int = 300) -> Camera:
    """A camera for a square picture that shows the whole head from the given side.

    Args:
        vertices: (V, 3) the head, mm, head frame.
        yaw, pitch: pose of the head in the picture, degrees, as in `Camera.angles`.
        size: width and height of the picture, pixels.

    The scale depends on the head but not on the side, so that views next to each other match.
    """
    points = np.asarray(vertices, dtype=np.float64)
    low, high = points.min(axis=0), points.max(axis=0)
    centre = (low + high) / 2
    radius = float(np.sqrt(((points - centre) ** 2).sum(axis=1).max()))
    rotation = rotation_from_angles(yaw, pitch, 0.0)
    # Portrait distance: about eight times the head's radius, a natural perspective.
    distance = 8.0 * radius
    focal = 0.49 * size * distance / radius
    return Camera(size, size, focal, (size / 2, size / 2), rotation, -rotation @ centre - [0, 0, distance])


def _palette(model: FaceModel) -> F32:
    """Clay colour (F, 3) of each triangle."""
    out = np.empty((len(model.triangles), 3), np.float32)
    out[:] = CLAY["skin"]
    for name, (first, last) in model.parts.items():
        out[first:last] = CLAY.get(name, CLAY["skin"])
    return out


def _material(model: FaceModel, textured: bool) -> F32:
    """Strength and sharpness (F, 2) of the highlight of each triangle."""
    out = np.empty((len(model.triangles), 2), np.float32)
    out[:] = (0.0, 1.0) if textured else (0.07, 14.0)
    for names, value in ((EYES, (0.9, 90.0)), (WET, (0.12, 30.0))):
        for name in names:
            if name in model.parts:
                out[slice(*model.parts[name])] = value
    return out


def _lit(cards: Cards, camera: Camera, lights: F32, lighting: float) -> F32:
    """(P, 3) colours of cards' vertices in the light, linear: as `_shade` lights textures, and with a
    gleam."""
    normal = cards.normals @ camera.rotation.T.astype(np.float32)
    light = np.float32(_GROUND) + np.float32(_SKY - _GROUND) * 0.5 * (1 + normal[:, 1])
    for x, y, z, strength, wrap in lights:
        light = light + strength * np.maximum(normal @ np.array([x, y, z]) + wrap, 0) / (1 + wrap)
    factor = 1 - lighting + lighting * light / _FRONTAL
    half = lights[0, :3] + np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half)
    gleam = _GLEAM * lighting * np.maximum(normal @ half, 0) ** _GLEAM_SHARPNESS
    colour = np.array(cards.colour, np.float32) * cards.tint
    lit: F32 = (colour * factor[:, None] + gleam[:, None] * cards.tint.mean(1, keepdims=True)).astype(
        np.float32
    )
    return lit


def base_colour(raster: Raster, model: FaceModel, texture: U8 | None, colours: U8 | None) -> F32:
    """Colours (H, W, 3), linear, of what a raster shows, before any light; clay without texture and colours.

    Args:
        raster: of the model's triangles.
        model: gives triangles, parts and texture coordinates.
        texture: (T, T, 3) uint8 sRGB in the model's layout.
        colours: (V, 3) uint8 sRGB of the vertices, in the place of a texture.

    Raises:
        ValueError: a texture, and a model without texture coordinates.
    """
    colour = np.zeros((*raster.triangle.shape, 3), np.float32)
    if colours is not None:
        colour[:] = interpolate(raster, TO_LINEAR[colours], model.triangles)
    elif texture is None:
        _fill(raster.triangle, _palette(model), colour)
    else:
        if model.uv is None or model.triangles_uv is None:
            raise ValueError(f"{model.id} has no texture coordinates, which a texture needs")
        _look_up(
            raster.triangle,
            raster.barycentric,
            model.uv,
            model.triangles_uv,
            np.ascontiguousarray(texture),
            TO_LINEAR,
            colour,
        )
    return colour


def render(
    vertices: ArrayLike,
    model: FaceModel,
    camera: Camera,
    *,
    texture: U8 | None = None,
    colours: U8 | None = None,
    background: U8 | None = None,
    settings: RenderSettings | None = None,
    cards: Sequence[Cards] = (),
) -> U8:
    """Picture (H, W, 3) uint8 sRGB of a head.

    Args:
        vertices: (V, 3) of the model's topology, mm, head frame.
        model: gives triangles, parts and texture coordinates.
        camera: its ``width`` and ``height`` are those of the picture.
        texture: (T, T, 3) uint8 sRGB in the model's layout; clay without texture and colours.
        colours: (V, 3) uint8 sRGB of the vertices, in the place of a texture.
        background: (H, W, 3) uint8 picture behind the head, or None for the plain backdrop.
        settings: defaults to `RenderSettings()`.
        cards: hair before the head, as it lies on these vertices.

    Raises:
        ValueError: the background has another size than the camera's picture, or shapes do not match.
    """
    options = settings or RenderSettings()
    points = np.asarray(vertices)
    if points.shape != model.mean.shape:
        raise ValueError(f"vertices must have shape {model.mean.shape} for this model, got {points.shape}")
    size = (camera.height, camera.width, 3)
    if background is None:
        background = np.empty(size, np.uint8)
        background[:] = options.backdrop
    elif not isinstance(background, np.ndarray) or background.dtype != np.uint8 or background.shape != size:
        is_array = isinstance(background, np.ndarray)
        got = f"{background.dtype} {background.shape}" if is_array else repr(background)
        raise ValueError(f"background must be uint8 of shape {size} like the camera's picture, got {got}")
    s = options.supersample
    xy, depth = project_for_raster(points, camera)
    raster = rasterise(xy * np.float32(s), depth, model.triangles, camera.height * s, camera.width * s)
    colour = base_colour(raster, model, texture, colours)
    lighting = 1.0 if texture is None and colours is None else options.lighting
    normals = vertex_normals(points, model.triangles) @ camera.rotation.T.astype(np.float32)
    surface = interpolate(raster, np.hstack([normals, camera.to_camera(points)]), model.triangles)
    occlusion = np.ones((camera.height, camera.width), np.float32)
    if lighting > 0:
        ahead = depth[depth > 0]
        distance = float(np.median(ahead)) if len(ahead) else np.inf
        radius = min(_LENS / 2 * camera.focal * s / distance, float(max(raster.depth.shape)))
        _occlusion(raster.depth, s, *_rings(radius), occlusion)
    lights = np.array([_KEY, _FILL], np.float32)
    lights[:, :3] /= np.linalg.norm(lights[:, :3], axis=1, keepdims=True)
    _shade(
        raster.triangle,
        surface,
        occlusion,
        _material(model, texture is not None or colours is not None),
        lights,
        np.float32(lighting),
        colour,
    )
    coverage = (raster.triangle >= 0).astype(np.float32)
    if cards:
        colour[coverage == 0] = 0
    nearest = raster.depth
    for hair in cards:
        xy, depth = project_for_raster(hair.vertices, camera)
        draw_cards(
            hair, xy * np.float32(s), depth, _lit(hair, camera, lights, lighting), nearest, colour, coverage
        )
    out = np.empty(size, np.uint8)
    resolve(
        coverage,
        colour,
        s,
        np.float32(options.opacity),
        np.ascontiguousarray(background),
        TO_LINEAR,
        TO_SRGB,
        out,
    )
    return out
