"""Paint src/headshot/assets/hair_strands.png, the one texture of all hair. See docs/explanation/hair.md.

    python tools/hair/strands.py --out src/headshot/assets/hair_strands.png

Strands are drawn one over the other from random numbers of a fixed seed; nothing is taken from pictures. The
texture repeats along u; along v it has `headshot.hair.strands.BANDS`, in each of which strands run from root
(top) to tip. Grey is a factor of the hair's colour. It takes some twenty seconds.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.hair.strands import BANDS, GAP, WIDTH

SEED = 7
SAMPLES = 3  # per texel and axis
EDGE = 0.62  # brightness at the border of a strand, of that in its middle


@dataclass(frozen=True)
class Growth:
    """How the strands of a band grow; lengths across in periods of u, along in heights of the band.

    Attributes:
        locks: bundles of strands in a period.
        strands: in a lock.
        spread: width of a lock at the root.
        gather: share of its width that a lock loses towards the tip.
        start: strands start at random between 0 and here.
        end: strands end at random between here and 1.
        wave: (amplitude, waves along the band) that a lock's strands share.
        curl: (radius, turns along the band) of each strand by itself.
        ground: how far down the band is opaque behind the strands; 0: nowhere.
        reach: how long strands are at most.
        opacity: of strands.
    """

    locks: int
    strands: int
    spread: float
    gather: float
    start: float
    end: float
    wave: tuple[float, float]
    curl: tuple[float, float]
    ground: float
    reach: float = 1.0
    opacity: float = 1.0


# Chosen by eye.
GROWTH = {
    "straight_shell": Growth(110, 50, 0.022, 0.30, 0.10, 0.70, (0.0025, 1.2), (0.0, 0.0), 0.84),
    "straight_wisp": Growth(64, 30, 0.020, 0.50, 0.08, 0.52, (0.004, 1.2), (0.0, 0.0), 0.0),
    "wavy_shell": Growth(100, 46, 0.022, 0.35, 0.10, 0.70, (0.011, 4.0), (0.0006, 9.0), 0.84),
    "wavy_wisp": Growth(60, 30, 0.020, 0.55, 0.08, 0.52, (0.013, 4.0), (0.001, 9.0), 0.0),
    "coily_shell": Growth(260, 16, 0.012, 0.10, 0.10, 0.55, (0.003, 6.0), (0.0085, 24.0), 0.70),
    "coily_wisp": Growth(80, 7, 0.015, 0.20, 0.06, 0.35, (0.004, 6.0), (0.0095, 22.0), 0.0),
    "brow": Growth(170, 9, 0.012, 0.25, 0.62, 0.80, (0.004, 0.6), (0.0, 0.0), 0.0, 0.42, 0.6),
    "lash": Growth(110, 2, 0.006, 0.80, 0.04, 0.50, (0.006, 0.5), (0.0, 0.0), 0.0, 1.0, 0.8),
}


def paint(growth: Growth, height: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """A band: linear grey and alpha (rows, columns) in [0, 1], both with `SAMPLES` samples per texel."""
    rows, columns = height * SAMPLES, WIDTH * SAMPLES
    grey, alpha = np.full((rows, columns), 0.25, np.float32), np.zeros((rows, columns), np.float32)
    if growth.ground:
        until = growth.ground * rows * (1 + 0.05 * rng.normal(size=columns))
        since = 0.05 * rows * rng.random(columns)
        row = np.arange(rows)[:, None]
        alpha[(row >= since) & (row < until)] = 1
    count = growth.locks * growth.strands
    lock = np.repeat(rng.permutation(growth.locks), growth.strands)
    centre = (np.arange(growth.locks) + rng.random(growth.locks)) / growth.locks
    lock_light, lock_phase = rng.normal(0, 0.15, growth.locks), rng.random(growth.locks) * 2 * np.pi
    lock_end, lock_drift = rng.random(growth.locks), rng.normal(0, 0.012, growth.locks)
    # From behind to the front: what lies deep gets less light.
    for n, k in enumerate(rng.permutation(lock) if growth.curl[0] > 0.005 else lock):
        depth = n / count
        start = growth.start * rng.random()
        end = growth.end + (1 - growth.end) * (0.6 * lock_end[k] + 0.4 * rng.random())
        end = min(end, start + growth.reach)
        t = np.arange(0, (end - start) * rows * (4 if growth.curl[1] > 15 else 1.5)) / rows
        t = start + t * (end - start) / max(t[-1], 1e-6)
        apart = growth.spread * np.clip(rng.normal(0, 0.5), -1, 1)
        u = centre[k] + lock_drift[k] * t + apart * (1 - growth.gather * t**1.5)
        u += growth.wave[0] * np.sin(2 * np.pi * growth.wave[1] * t + lock_phase[k]) * np.minimum(4 * t, 1)
        phase = rng.random() * 2 * np.pi
        radius = growth.curl[0] * rng.uniform(0.5, 1.2)
        turn = 2 * np.pi * growth.curl[1] * rng.uniform(0.85, 1.15) * t + phase
        x = (u + radius * np.cos(turn)) * columns
        y = t * rows + 0.6 * radius * columns * np.sin(turn) * (growth.curl[1] > 15)
        light = (0.42 + 0.58 * depth) * np.exp(lock_light[k] + rng.normal(0, 0.2))
        # A soft, uneven gleam along the strand, as cylinders have across it.
        shine = 1 + 0.16 * np.exp(-(((t - 0.3 - 0.05 * rng.normal()) / 0.16) ** 2))
        shine = shine * (0.86 + 0.14 * np.minimum(t / 0.15, 1))
        if growth.curl[1] > 15:
            shine = shine * (0.84 + 0.24 * np.sin(turn + 0.8))
        width = rng.uniform(2.0, 4.6) * np.clip((end - t) / 0.18, 0.35, 1)
        for across in np.linspace(-0.5, 0.5, 5):
            column = np.floor(x + across * width).astype(int) % columns
            row_at = np.clip(np.floor(y), 0, rows - 1).astype(int)
            grey[row_at, column] = light * shine * (1 - (1 - EDGE) * (2 * abs(across)) ** 2)
            alpha[row_at, column] = 1
    return np.clip(grey, 0, 1.6), alpha


def reduced(values: np.ndarray) -> np.ndarray:
    rows, columns = values.shape
    return values.reshape(rows // SAMPLES, SAMPLES, columns // SAMPLES, SAMPLES).mean((1, 3))


def band(growth: Growth, height: int, rng: np.random.Generator) -> np.ndarray:
    """(height, WIDTH, 2) grey and alpha in [0, 1]; grey is sRGB."""
    grey, alpha = paint(growth, height - 2 * GAP, rng)
    rows = ((GAP * SAMPLES, GAP * SAMPLES), (0, 0))
    grey, alpha = np.pad(grey, rows, "edge"), np.pad(alpha, rows)
    cover = reduced(alpha)
    # The colour of empty texels is that of what lies around, lest borders turn dark when it is averaged.
    known = reduced(grey * alpha) / np.maximum(cover, 1e-6)
    mean = float((known * cover).sum() / cover.sum())
    known = np.where(cover > 0, known, mean)
    known = 0.6 * known / mean  # leaves room for what is brighter
    encoded = np.clip(known, 0, 1) ** (1 / 2.2)
    return np.stack([encoded, np.clip(cover * 1.15, 0, 1) * growth.opacity], axis=-1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    rng = np.random.default_rng(SEED)
    painted = [band(GROWTH[name], last - first, rng) for name, (first, last) in BANDS.items()]
    texture = np.round(np.concatenate(painted) * 255).astype(np.uint8)
    Image.fromarray(texture, "LA").save(options.out, optimize=True)
    print(
        f"{options.out}: {texture.shape[1]} x {texture.shape[0]}, {options.out.stat().st_size / 1e6:.2f} MB"
    )


if __name__ == "__main__":
    main()
