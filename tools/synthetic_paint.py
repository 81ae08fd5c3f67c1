"""Procedural colours of a head: skin, lips, brows, lashes, irises and hair by the place on the mean head.

Linear-light albedo. Nothing is taken from photos. The aim is a face that detectors and landmark networks take
for one, not a portrait.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from headshot import load_head_model

# Linear albedo of light and dark skin, and of the blood below.
_LIGHT, _DARK = np.array([0.62, 0.40, 0.30]), np.array([0.10, 0.05, 0.03])
_BLOOD = np.array([1.0, 0.62, 0.60])


@dataclass(frozen=True)
class Skin:
    """What is drawn at random: melanin 0 (light) to 1 (dark), colours, hairline, patterns."""

    melanin: float
    hair: np.ndarray
    iris: np.ndarray
    lips: float
    beard: float
    hairline: float
    brow: float
    phase: np.ndarray

    @staticmethod
    def random(rng: np.random.Generator) -> Skin:
        """Skins evenly from light to dark; dark skin goes with dark hair and brown eyes."""
        melanin = float(rng.uniform(0, 1))
        hair = np.array([[0.02, 0.013, 0.01], [0.06, 0.03, 0.015], [0.22, 0.13, 0.06], [0.2, 0.19, 0.18]])
        iris = np.array([[0.06, 0.03, 0.012], [0.10, 0.06, 0.02], [0.10, 0.17, 0.28], [0.12, 0.16, 0.09]])
        pick = rng.integers(0, 4 if melanin < 0.4 else 2, 2)
        return Skin(
            melanin, hair[pick[0]], iris[pick[1]], float(rng.uniform(0.3, 0.9)),
            float(max(0, rng.uniform(-0.5, 0.5))), float(rng.uniform(-0.15, 0.15)),
            float(rng.uniform(0.6, 1.0)),
            rng.uniform(0, 6.28, (6, 3)),
        )  # fmt: skip


@lru_cache(maxsize=1)
def mean_marks() -> np.ndarray:
    """(68, 3) iBUG points of the mean head."""
    model = load_head_model("low")
    return model.landmarks["ibug68"].on(model.mean, model.triangles).astype(float)


def line(p: np.ndarray, chain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distance (N,) of points (N, 2) from a polyline (K, 2), and where along it, 0 to 1."""
    best, along = np.full(len(p), np.inf), np.zeros(len(p))
    for k in range(len(chain) - 1):
        d = chain[k + 1] - chain[k]
        t = np.clip(((p - chain[k]) @ d) / (d @ d), 0, 1)
        distance = np.linalg.norm(p - chain[k] - t[:, None] * d, axis=1)
        nearer = distance < best
        best[nearer], along[nearer] = distance[nearer], ((k + t) / (len(chain) - 1))[nearer]
    return best, along


def inside(p: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Signed distance (N,) of points (N, 2) from a polygon, negative inside."""
    closed = np.r_[polygon, polygon[:1]]
    distance, _ = line(p, closed)
    odd = np.zeros(len(p), bool)
    for (x0, y0), (x1, y1) in pairwise(closed):
        crosses = (y0 > p[:, 1]) != (y1 > p[:, 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            odd ^= crosses & (p[:, 0] < (x1 - x0) * (p[:, 1] - y0) / (y1 - y0) + x0)
    return np.where(odd, -distance, distance)


def _noise(p: np.ndarray, phase: np.ndarray, wavelength: float) -> np.ndarray:
    """Smooth pattern (N,) around 0 from sines in three directions and two octaves."""
    out = np.zeros(len(p))
    for k, (a, b, c) in enumerate(phase):
        direction = np.array([np.sin(a) * np.cos(b), np.sin(a) * np.sin(b), np.cos(a)])
        out += np.sin(p @ direction * (6.28 / wavelength * (1 + 0.37 * k)) + c)
    return out / len(phase)


def _step(value: np.ndarray, width: float) -> np.ndarray:
    """1 where value is well below 0, 0 well above, smooth between."""
    return 1 / (1 + np.exp(np.clip(value / width, -30, 30)))


def paint(
    place: np.ndarray, scalp: np.ndarray, part: np.ndarray, skin: Skin, eyes: dict[str, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Albedo (N, 3) and strength of the highlight (N,) at places (N, 3) of the mean head.

    Args:
        place: mm, on the mean head.
        scalp: (N,) weight of the region where hair grows.
        part: (N,) names of parts.
        skin: colours.
        eyes: centre of each mean eyeball.
    """
    base = np.exp((1 - skin.melanin) * np.log(_LIGHT) + skin.melanin * np.log(_DARK))
    colour = np.tile(base, (len(place), 1))
    gloss = np.full(len(place), 0.03)
    colour *= (1 + 0.06 * _noise(place, skin.phase, 30) + 0.05 * _noise(place, skin.phase, 5))[:, None]
    marks, flat = mean_marks(), place[:, :2]
    front = place[:, 2] > -35

    red = np.exp(-((np.abs(place[:, 0]) - 38) ** 2 + (place[:, 1] + 40) ** 2) / 500)
    red += 0.7 * np.exp(-(place[:, 0] ** 2 + (place[:, 1] + 33) ** 2) / 150)
    colour *= 1 - 0.25 * (red * front)[:, None] * (1 - _BLOOD)
    socket = sum(
        np.exp(-(((place[:, 0] - c[0]) / 20) ** 2 + ((place[:, 1] - c[1]) / 13) ** 2)) for c in eyes.values()
    )
    colour *= 1 - 0.22 * (socket * front)[:, None]
    for k in (31, 35):  # nostrils
        hole = marks[k] + [np.sign(marks[k, 0]) * -5.5, 0.5, 0]
        near = ((place - hole) / [4.0, 2.2, 8.0]) ** 2
        colour *= 1 - 0.8 * np.exp(-near.sum(axis=1))[:, None]

    lips = _step(inside(flat, marks[48:60, :2]), 0.7) * front
    lip_colour = base * [0.95, 0.50, 0.50] + np.array([0.03, 0.0, 0.0])
    colour += (lips * skin.lips)[:, None] * (lip_colour - colour)
    gloss += 0.04 * lips
    seam, _ = line(flat, np.r_[marks[60:65, :2]])
    colour *= 1 - 0.55 * (np.exp(-((seam / 1.1) ** 2)) * lips)[:, None]

    beard = _step(inside(flat, np.r_[marks[3:14, :2], marks[[53, 51, 49], :2] + [0, 10]]), 5) * front
    colour += (skin.beard * beard * (1 - lips))[:, None] * (skin.hair - colour) * 0.7
    for chain in (marks[17:22, :2], marks[22:27, :2]):
        distance, along = line(flat, chain[::-1] if chain[0, 0] > 0 else chain)
        strands = 0.75 + 0.35 * np.sin(place[:, 0] * 3.1 + place[:, 1] * 1.7 + skin.phase[0, 0])
        thick = 2.2 + 2.2 * np.clip(along, 0, 1)
        brow = _step(distance - thick, 0.5) * strands * front
        colour += (np.clip(skin.brow * brow, 0, 1))[:, None] * (skin.hair - colour)
    for lid in (marks[36:40, :2], marks[42:46, :2]):  # lashes along the upper lid, a line along the lower
        distance, _ = line(flat, lid)
        colour *= 1 - 0.75 * (np.exp(-((distance / 1.3) ** 2)) * front)[:, None]
    for lid in (marks[[39, 40, 41, 36], :2], marks[[42, 47, 46, 45], :2]):
        distance, _ = line(flat, lid)
        colour *= 1 - 0.35 * (np.exp(-((distance / 1.0) ** 2)) * front)[:, None]

    edge = 0.45 + 0.12 * _noise(place, skin.phase, 25) + skin.hairline
    hair = _step(edge - scalp, 0.05)
    below = np.clip((-104 - place[:, 1]) / 12, 0, 1) * np.clip((30 - place[:, 2]) / 15, 0, 1)
    colour *= 1 - 0.4 * below[:, None]  # no shadows are cast: the chin's is painted
    strands = 0.8 + 0.3 * np.sin(place[:, 0] * 2.3 + _noise(place, skin.phase, 20) * 5)
    colour += hair[:, None] * (skin.hair * strands[:, None] - colour)
    gloss *= 1 - 0.5 * hair

    for name in ("mouth", "tongue"):
        colour[part == name] = [0.09, 0.025, 0.022] if name == "mouth" else [0.3, 0.1, 0.09]
    for name in ("teeth", "teeth_upper", "teeth_lower"):
        colour[part == name] = [0.62, 0.58, 0.48]
    for name, centre in eyes.items():
        here = part == name
        out = place[here] - centre
        away = np.degrees(np.arccos(np.clip(out[:, 2] / np.linalg.norm(out, axis=1), -1, 1)))
        white = np.array([0.72, 0.68, 0.64])
        radius = float(np.median(np.linalg.norm(out, axis=1))) if here.any() else 1.0
        edge = float(np.degrees(np.arcsin(np.clip(5.9 / max(radius, 6.0), 0, 1))))
        ring = skin.iris * (0.8 + 0.4 * np.cos(np.arctan2(out[:, 1], out[:, 0]) * 30))[:, None]
        tint = white + _step(away - edge, 0.8)[:, None] * (ring - white)
        tint *= 1 - 0.6 * np.exp(-(((away - edge) / 2.0) ** 2))[:, None]
        tint *= 1 - 0.95 * _step(away - 0.42 * edge, 0.6)[:, None]
        colour[here], gloss[here] = tint, 0.6
    return np.clip(colour, 0.003, 0.95), gloss


def background(size: int, rng: np.random.Generator) -> np.ndarray:
    """A blurred room (size, size, 3), linear light: a gradient, soft patches and edges."""
    y, x = np.mgrid[0:size, 0:size] / size
    colour = rng.uniform(0.05, 0.6, 3) * np.ones(3) * 0.5 + rng.uniform(0.05, 0.5)
    out = colour * (0.7 + 0.6 * (rng.uniform(-0.5, 0.5) * x + rng.uniform(-0.5, 0.5) * y))[:, :, None]
    for _ in range(rng.integers(2, 9)):
        cx, cy, w, h = *rng.uniform(0, 1, 2), *rng.uniform(0.05, 0.4, 2)
        soft = rng.uniform(0.01, 0.08)
        patch = 1 / (1 + np.exp(np.clip((np.maximum(abs(x - cx) / w, abs(y - cy) / h) - 1) / soft, -30, 30)))
        out += (
            patch[:, :, None]
            * rng.uniform(0.2, 0.8)
            * (rng.uniform(0.05, 0.6) * rng.uniform(0.6, 1.4, 3) - out)
        )
    return out.clip(0.005, 1)
