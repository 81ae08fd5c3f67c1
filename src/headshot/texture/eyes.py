"""Eyes: their tones are measured in the photo as far as it shows them, their patterns are painted.

In most photos an iris is a few pixels wide and half hidden by lids, lashes and reflections. Painting it on
the eyeball's forward axis, with the colours that the visible part has, looks alive from every side, and the
gaze stays where the eyeball's rotation puts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, I32, U8, Array
from headshot.image.colour import luma
from headshot.models.head_model import HeadModel
from headshot.ramps import smoothstep
from headshot.texture.atlas import Atlas, atlas_of
from headshot.texture.skin_tone import light_left, tinted

EYES = ("eye_left", "eye_right")
# Radius of the iris over the distance between the eyes' centres (11.7 mm across at 63 mm, both nearly
# the same for all adults).
_IRIS = 0.0935
_PUPIL = 0.40  # of the iris' radius, indoors

# sRGB tones in ordinary light; scaled with the brightness of the person's skin in the photo.
_SCLERA = np.array([0.86, 0.83, 0.80], np.float32)
_BROWN = np.array([0.30, 0.20, 0.13], np.float32)


@dataclass(frozen=True, eq=False)
class EyeTexels:
    """The texels of one eyeball.

    Attributes:
        index: (N,) flat index in the texture.
        across, up: (N,) position on the front, in units of the iris' radius; to the subject's left, and up.
        radius: (N,) angular distance from the forward axis in the same unit (1 at the iris' rim).
        fibre: (N,) brightness of the iris' radial pattern, around 0.
    """

    index: I32
    across: F32
    up: F32
    radius: F32
    fibre: F32


@lru_cache(maxsize=2)
def eye_texels(model: HeadModel, size: int) -> tuple[EyeTexels, ...]:
    """Texels of both eyeballs (of the mean head, which looks straight ahead)."""
    present = [name for name in EYES if name in model.parts]
    if len(present) < 2:
        return ()
    texels: Atlas = atlas_of(model, size)
    centres = [_sphere(model.mean[np.unique(model.part_triangles(name))]) for name in present]
    rng = np.random.default_rng(7)
    wave, phase = rng.integers(9, 60, 14), rng.uniform(0, 2 * np.pi, 14)
    iris = _IRIS * float(np.linalg.norm(centres[0][0] - centres[1][0]))
    flat = texels.triangle.ravel()
    out = []
    for name, (centre, radius) in zip(present, centres, strict=True):
        first, last = model.parts[name]
        index = np.flatnonzero((flat >= first) & (flat < last))
        corners = model.mean[model.triangles[flat[index]]]
        points = np.einsum("ncd,nc->nd", corners, texels.barycentric.reshape(-1, 3)[index]) - centre
        points /= np.linalg.norm(points, axis=1, keepdims=True)
        rim = np.arcsin(min(iris / radius, 0.9))
        angle = np.arccos(np.clip(points[:, 2], -1, 1))
        sine = np.maximum(np.hypot(points[:, 0], points[:, 1]), 1e-6)
        polar = angle / rim
        spokes = np.arctan2(points[:, 1], points[:, 0])[:, None] * wave + phase + 2.0 * polar[:, None]
        out.append(
            EyeTexels(
                index=index.astype(np.int32),
                across=(polar * points[:, 0] / sine).astype(np.float32),
                up=(polar * points[:, 1] / sine).astype(np.float32),
                radius=polar.astype(np.float32),
                fibre=(np.sin(spokes).sum(axis=1) / np.sqrt(14)).astype(np.float32),
            )
        )
    return tuple(out)


def _sphere(points: F32) -> tuple[Array, float]:
    """Centre (3,) and radius of the sphere through points (N, 3), linear least squares."""
    p = points.astype(np.float64)
    solution = np.linalg.lstsq(np.column_stack([2 * p, np.ones(len(p))]), (p**2).sum(axis=1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def measure_eyes(eyes: tuple[EyeTexels, ...], colour: U8, weight: F32, tone: F32) -> tuple[Array, Array]:
    """Tones sRGB of the sclera of each eye (2, 3), as light may come from one side, and of the iris (3,).

    Args:
        eyes: of the model and the texture's size.
        colour, weight: (T, T, 3), (T, T) what the photo shows of the eyeballs.
        tone: (3,) the person's skin, which tells how bright the light is.
    """
    level = float(np.clip(luma(tone.astype(np.float64)) / 0.62, 0.25, 1.15))
    left = light_left(tone)
    sclera, iris = left * level**0.6 * tinted(_SCLERA, tone), left * level**0.5 * tinted(_BROWN, tone)
    inner: list[Array] = []
    outer: list[Array | None] = []
    for eye in eyes:
        w = weight.ravel()[eye.index]
        seen = (w > 0.02) & (eye.radius < 2.6)
        outer.append(None)
        if seen.sum() < 24:
            continue
        c = colour.reshape(-1, 3)[eye.index[seen]] / 255.0
        light, x, y = luma(c), eye.across[seen], eye.up[seen]
        cx, cy = _darkest_disc(light, x, y)
        r = np.hypot(x - cx, y - cy)
        ring, white = (r > 0.45) & (r < 0.85), r > 1.35
        if ring.sum() >= 8:
            # Neither lashes and pupil nor reflections.
            low, high = np.quantile(light[ring], [0.3, 0.75])
            inner.append(c[ring & (light >= low) & (light <= high)].mean(axis=0))
        if white.sum() >= 8:
            outer[-1] = c[white & (light >= np.quantile(light[white], 0.6))].mean(axis=0)
    whites = np.array([_sclera(found, sclera) for found in outer]).reshape(-1, 3)
    if len(whites):
        whites = 0.6 * whites + 0.4 * whites.mean(axis=0)  # coarse pixels deceive more than light differs
    if inner:
        found = np.mean(inner, axis=0)
        grey = float(np.clip(luma(found), 0.06 * left, 0.55 * luma(whites.mean(axis=0))))
        tint = found / max(float(luma(found)), 0.02)
        iris = grey * np.clip(1 + 0.95 * (tint - 1), 0.2, 2.2)
    return np.clip(whites, 0.04 * left, 0.97), np.clip(iris, 0.03 * left, 0.8)


def _sclera(found: Array | None, usual: Array) -> Array:
    """The white of an eye (3,) from what the photo shows of it, and from what is usual in this light."""
    if found is None:
        return 0.85 * usual
    level = float(luma(usual))
    grey = float(np.clip(luma(found), 0.35 * level, level))
    # Coarse pixels mix the white of the eye with lids and iris: keep a part of the tint.
    return np.asarray(grey * (usual / level + 0.45 * (found / max(float(luma(found)), 0.02) - 1)))


def _darkest_disc(light: Array, x: F32, y: F32) -> tuple[float, float]:
    """Centre of the iris among visible points: where the inside of a disc is darkest against its outside."""
    best, where = -np.inf, (0.0, 0.0)
    for cx in np.linspace(-1.1, 1.1, 9):
        for cy in np.linspace(-0.6, 0.6, 5):
            inside = (x - cx) ** 2 + (y - cy) ** 2 < 0.8
            count = int(inside.sum())
            if count < 6 or count > len(x) - 6:
                continue
            contrast = light[~inside].mean() - light[inside].mean() - 0.03 * np.hypot(cx, cy)
            if contrast > best:
                best, where = contrast, (float(cx), float(cy))
    return where


def paint_eyes(eyes: tuple[EyeTexels, ...], sclera: Array, iris: Array, out: U8) -> None:
    """Paint both eyeballs into a texture (T, T, 3); the tones are those of `measure_eyes`."""
    for eye, own in zip(eyes, sclera, strict=True):
        r, x, y = eye.radius, eye.across, eye.up
        # Whites: warmer towards the corners, in the shadow of the upper lid, dull at the back.
        corner = smoothstep(r, 1.1, 2.8)[:, None]
        white = own * (0.97 - corner * np.array([0.15, 0.25, 0.25]))
        white = white * (1 - 0.42 * smoothstep(y, -0.1, 1.2) - 0.15 * smoothstep(-y, 0.5, 1.5))[:, None]
        # Iris: fibres, lighter collarette, dark limbus; light falls through the cornea to the lower half.
        body = 1 + 0.13 * eye.fibre * smoothstep(r, 0.4, 0.6) * (1 - smoothstep(r, 0.8, 1.0))
        body += 0.22 * (1 - smoothstep(r, 0.45, 0.75))
        body *= (1 - 0.28 * y / np.maximum(r, 1.0)) * (1 - 0.22 * smoothstep(y, 0.2, 1.0))
        disc = iris * body[:, None]
        disc *= (1 - 0.55 * smoothstep(r, 0.78, 1.0))[:, None]
        disc *= 1 - (1 - smoothstep(r, _PUPIL - 0.07, _PUPIL + 0.07))[:, None] * 0.93
        colour = disc + (white - disc) * smoothstep(r, 0.93, 1.10)[:, None]
        # The reflection of a window, where most lights are: above, at the same side of both eyes.
        glint = np.exp(-(((x + 0.30) / 0.17) ** 2 + ((y - 0.34) / 0.15) ** 2))
        colour = colour + (0.95 * own.max() - colour) * (0.85 * glint)[:, None]
        out.reshape(-1, 3)[eye.index] = np.round(np.clip(colour, 0, 1) * 255).astype(np.uint8)
