"""Eyes: their tones are measured in the photo as far as it shows them, their patterns are painted.

In most photos an iris is a few pixels wide and half hidden by lids, lashes and reflections. Painting it on
the eyeball's forward axis, with the colours that the visible part has, looks alive from every side, and the
gaze stays where the eyeball's rotation puts it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

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
_SCLERA = np.array([0.88, 0.85, 0.82], np.float32)
_BRIGHTER = 1.06  # the white of an eye over the skin around, at least
# Colours that irises have, in ordinary light, from dark brown over hazel and green to blue; in between too.
_IRISES = np.array(
    [
        (0.20, 0.12, 0.08), (0.33, 0.21, 0.12), (0.42, 0.31, 0.17), (0.42, 0.40, 0.26), (0.42, 0.46, 0.44),
        (0.40, 0.49, 0.57), (0.33, 0.44, 0.58),
    ]
)  # fmt: skip
_RARER = (0.0, 0.0, 0.12, 0.2, 0.2, 0.2, 0.2)  # evidence that each of them takes
_SKIN_HUE = 1.55  # red over blue of skin in ordinary light
_USUAL = 1  # of them, where nothing is seen
_PUPIL_SHARE = 1.12  # by which an iris is brighter than what coarse pixels, with lashes and pupil, show of it


@dataclass(frozen=True, eq=False)
class EyeTexels:
    """The texels of one eyeball.

    Attributes:
        index: (N,) flat index in the texture.
        across, up: (N,) position on the front, in units of the iris' radius; to the subject's left, and up.
        radius: (N,) angular distance from the axis of sight in the same unit (1 at the iris' rim).
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
        points = _seen_along(points, model, name, centre)
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


def _seen_along(points: Array, model: HeadModel, name: str, centre: Array) -> Array:
    """Directions (N, 3) turned so that the axis of sight, through the top of the cornea, is +z."""
    ball = model.mean[np.unique(model.part_triangles(name))] - centre
    height = np.linalg.norm(ball, axis=1)
    z = ball[height.argmax()] / height.max()
    x = np.array([z[2], 0.0, -z[0]]) / np.hypot(z[0], z[2])
    return np.asarray(points @ np.stack([x, np.cross(z, x), z], axis=1))


def _sphere(points: F32) -> tuple[Array, float]:
    """Centre (3,) and radius of the sphere through the back half of points (N, 3), linear least squares."""
    p = points[points[:, 2] < np.median(points[:, 2])].astype(np.float64)
    solution = np.linalg.lstsq(np.column_stack([2 * p, np.ones(len(p))]), (p**2).sum(axis=1), rcond=None)[0]
    return solution[:3], float(np.sqrt(solution[3] + solution[:3] @ solution[:3]))


def measure_eyes(
    eyes: tuple[EyeTexels, ...], colour: U8, weight: F32, tone: F32, iris: Array | None = None
) -> tuple[Array, Array]:
    """Tones sRGB of the sclera of each eye (2, 3), as light may come from one side, and of the iris (3,).

    Args:
        eyes: of the model and the texture's size.
        colour, weight: (T, T, 3), (T, T) what the photo shows of the eyeballs.
        tone: (3,) the person's skin, which tells how bright the light is.
        iris: as of `iris_in_photo`; brown where it is not known.
    """
    left, level = light_left(tone), _level(tone)
    usual = left * level**0.6 * tinted(_SCLERA, tone)
    least = min(_BRIGHTER * float(luma(tone.astype(np.float64))), 0.92)
    outer: list[Array | None] = []
    for _, white in _discs(eyes, colour, weight):
        bright = white[luma(white) >= np.quantile(luma(white), 0.6)] if len(white) else white
        outer.append(bright.mean(axis=0) if len(white) >= 8 else None)
    whites = np.array([_sclera(found, usual, least) for found in outer]).reshape(-1, 3)
    if len(whites):
        whites = 0.6 * whites + 0.4 * whites.mean(axis=0)  # coarse pixels deceive more than light differs
    own = left * level**0.5 * tinted(_IRISES[_USUAL] if iris is None else iris, tone)
    return np.clip(whites, 0.04 * left, 0.97), np.clip(own, 0.03 * left, 0.8)


def iris_in_photo(eyes: tuple[EyeTexels, ...], colour: U8, weight: F32, tone: F32) -> Array | None:
    """Colour (3,) sRGB of the irises in ordinary light, None where the photo does not show them.

    Args:
        eyes: of the model and the texture's size.
        colour, weight: (T, T, 3), (T, T) what the photo shows, its light included.
        tone: (3,) the person's skin in it.
    """
    found = []
    for ring, _ in _discs(eyes, colour, weight):
        if len(ring) >= 8:  # neither lashes and pupil nor reflections
            low, high = np.quantile(luma(ring), [0.3, 0.75])
            found.append(ring[(luma(ring) >= low) & (luma(ring) <= high)].mean(axis=0))
    if not found:
        return None
    return _iris(np.mean(found, axis=0) / (light_left(tone) * _level(tone) ** 0.5), tone)


def _level(tone: F32) -> float:
    """Brightness of the light beside ordinary light, from the skin (3,) in it."""
    return float(np.clip(luma(tone.astype(np.float64)) / 0.62, 0.25, 1.15))


def _discs(eyes: tuple[EyeTexels, ...], colour: U8, weight: F32) -> list[tuple[Array, Array]]:
    """What is seen of each iris (N, 3) between pupil and rim, and of each sclera (M, 3), sRGB in [0, 1]."""
    out = []
    for eye in eyes:
        seen = (weight.ravel()[eye.index] > 0.02) & (eye.radius < 2.6)
        c = colour.reshape(-1, 3)[eye.index[seen]] / 255.0
        if len(c) < 24:
            out.append((c[:0], c[:0]))
            continue
        x, y = eye.across[seen], eye.up[seen]
        cx, cy = _darkest_disc(luma(c), x, y)
        r = np.hypot(x - cx, y - cy)
        out.append((c[(r > 0.45) & (r < 0.85)], c[r > 1.35]))
    return out


def _iris(found: Array, tone: F32) -> Array:
    """The colour (3,) among those of irises that is nearest to what the photo shows, in ordinary light.

    Hue counts as red over blue, against that of the skin, which tells the colour of the light: coarse pixels
    mix the iris with dark lashes and pale skin, so that brightness alone says little.
    """
    share = np.linspace(0, 1, 9)[:, None]
    known = np.concatenate([a + share * (b - a) for a, b in pairwise(_IRISES)])
    rarer = np.interp(np.arange(len(known)) / len(share), np.arange(len(_RARER)), _RARER)
    grey = luma(known)
    bright = float(np.clip(_PUPIL_SHARE * luma(found), grey.min(), grey.max()))
    skin = _SKIN_HUE / max(float(tone[0] / max(float(tone[2]), 0.02)), 0.5)
    hue = float(np.clip(found[0] / max(float(found[2]), 0.02) * skin**0.7, 0.4, 4))
    apart = np.abs(np.log(known[:, 0] / known[:, 2] / hue)) + 2.5 * np.abs(grey - bright) + rarer
    nearest = known[apart.argmin()]
    # People differ in brightness at the same hue.
    return np.asarray(nearest * np.clip(bright / luma(nearest), 0.8, 1.2))


def _sclera(found: Array | None, usual: Array, least: float) -> Array:
    """The white of an eye (3,) from what the photo shows of it, and from what is usual in this light.

    Args:
        found: (3,) what the photo shows, which shadow of lids and lashes often makes darker than the skin.
        usual: (3,).
        least: brightness of the skin around: whites that are darker look dead.
    """
    level = float(luma(usual))
    low = min(max(least, 0.7 * level), 0.95 * level)
    if found is None:
        return np.asarray(usual * (0.5 * (low + level) / level))
    grey = float(np.clip(luma(found), low, level))
    # Coarse pixels mix the white of the eye with lids and iris: keep a part of the tint.
    tint = np.clip(found / max(float(luma(found)), 0.02), 0.75, 1.25)
    return np.asarray(grey * (usual / level + 0.25 * (tint - 1)))


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
        # Whites: redder towards the corners, in the soft shadow of the upper lid.
        corner = smoothstep(r, 1.3, 3.0)[:, None]
        white = own * (1 - corner * np.array([0.05, 0.19, 0.20]))
        white = white * (1 - 0.16 * smoothstep(y, 0.4, 1.6) - 0.05 * smoothstep(-y, 0.9, 1.6))[:, None]
        # Iris: fibres, lighter collarette, dark limbus; light falls through the cornea to the lower half.
        body = 1 + 0.13 * eye.fibre * smoothstep(r, 0.4, 0.6) * (1 - smoothstep(r, 0.8, 1.0))
        body += 0.22 * (1 - smoothstep(r, 0.45, 0.75))
        body *= (1 - 0.22 * y / np.maximum(r, 1.0)) * (1 - 0.15 * smoothstep(y, 0.2, 1.0))
        disc = iris * body[:, None]
        disc *= (1 - 0.6 * smoothstep(r, 0.82, 0.98))[:, None]
        disc *= 1 - (1 - smoothstep(r, _PUPIL - 0.07, _PUPIL + 0.07))[:, None] * 0.93
        colour = disc + (white - disc) * smoothstep(r, 0.95, 1.10)[:, None]
        # The reflection of a window, where most lights are: above, at the same side of both eyes.
        glint = np.exp(-(((x + 0.30) / 0.15) ** 2 + ((y - 0.34) / 0.13) ** 2))
        colour = colour + (0.95 * own.max() - colour) * (0.85 * glint)[:, None]
        colour = np.clip(colour, 0.05 * own.max(), 1)  # a pupil is not black, as some light comes back
        out.reshape(-1, 3)[eye.index] = np.round(colour * 255).astype(np.uint8)
