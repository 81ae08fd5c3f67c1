"""Learn the albedo model and the light prior from what collect.py gathered.

    python tools/albedo/learn.py --rows work/albedo --data $HEADSHOT_DATA -o src/headshot/assets/albedo.npz

Alternates between the light of every photo, given its albedo, and the model of albedo, given the light, at
the low resolution; the high resolution then follows from the coefficients of the photos in one regression.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from complete import completed
from headshot.geometry.light import sh_basis
from headshot.image.colour import srgb_to_linear
from headshot.models.head_model import load_head_model
from headshot.texture.surface import Surface, surface_of
from lights import frontal_basis, light_points, lights, loose_prior, make_prior, narrowed, within_people
from occlusion import reach
from robust_pca import Components, Sightings, learn, moments, regress, robust, start
from rows import Rows, load, measured, tones
from store import save

MODES = 60
OUTER, INNER = 5, 3  # rounds of light and albedo, and of albedo within each
DARKEST = 0.05  # of shading by which colours are divided
STEEP = 0.35  # visibility below which a point is seen too obliquely to learn from


def skin_points(resolution: str) -> tuple[np.ndarray, np.ndarray]:
    """Skin vertices (S,) that photos can show, places in the surface, and the point of the half of each."""
    skin = surface_of(load_head_model(resolution))
    seen = skin.skin_prior > 0.02
    chosen = np.flatnonzero(seen & seen[skin.mirror])
    half = np.minimum(chosen, skin.mirror[chosen])
    return chosen, np.unique(half, return_inverse=True)[1]


def first_albedo(rows: Rows, skin: Surface, tone: np.ndarray) -> np.ndarray:
    """Average colour (S, 3) of the low resolution's skin in all photos, each brought to the same tone."""
    count = len(skin.vertices)
    mean = np.average(tone, axis=0, weights=rows.share)
    top, bottom = np.zeros((count, 3)), np.full((count, 1), 1e-3)
    for i in range(len(tone)):
        w = rows.visibility[i, :count, None] * (rows.share[i] / 255)
        top += w * rows.linear(i, slice(count)) / tone[i]
        bottom += w
    return mean * (top + 1e-3) / bottom


def sightings(
    rows: Rows, light: np.ndarray, chosen: np.ndarray, half: np.ndarray, scale: np.ndarray
) -> Sightings:
    """Reflectances that the photos show, given the light (N, 9, 3) of each."""
    n, s = len(light), len(chosen)
    value, weight = np.empty((n, s, 3), np.float32), np.empty((n, s), np.float32)
    for i in range(n):
        shading = np.maximum(sh_basis(rows.facing(i, chosen)) @ light[i].astype(np.float32), DARKEST)
        value[i] = np.minimum(rows.linear(i, chosen) / shading, 3 * scale[i] + 0.2)
        visibility = rows.visibility[i, chosen] / np.float32(255)
        bright = shading.mean(axis=1) / shading.mean()
        weight[i] = np.where(visibility > STEEP, visibility, 0) * np.minimum(bright, 1.5) ** 2
        # Burnt-out and black pixels have lost their colour.
        top = rows.colour[i, chosen].max(axis=1)
        weight[i] *= np.where((top > 252) | (top < 10), 0.1, 1)
    return Sightings(value, weight, scale, rows.share, half)


def albedo_at_lights(parts: Components, z: np.ndarray, chosen: np.ndarray, half: np.ndarray) -> np.ndarray:
    """Albedo (N, n, 3) of every photo at the points from which light is estimated."""
    place = np.full(chosen.max() + 1, -1)
    place[chosen] = half
    points = place[light_points()]
    albedo = parts.mean[points] + np.tensordot(z.astype(np.float32), parts.modes[:, points], 1)
    return np.maximum(albedo, 0.01)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=Path, required=True, help="folder that collect.py wrote")
    parser.add_argument(
        "--data", type=Path, required=True, help="research data, to leave out whom the benchmark measures"
    )
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--modes", type=int, default=MODES)
    parser.add_argument("--files", type=int, help="use only so many of the files of rows")
    a = parser.parse_args()
    clock = perf_counter()

    def say(*words: object) -> None:
        print(f"{perf_counter() - clock:6.0f} s", *words, flush=True)

    rows = load(a.rows, measured(a.data), a.files)
    low, high = load_head_model("low"), load_head_model("high")
    tone = tones_linear(rows)
    say(f"{len(rows.name)} photos")

    # Before anything is known about people, their difference in brightness counts as light.
    albedo = first_albedo(rows, surface_of(low), tone)
    light = lights(rows, albedo, loose_prior())
    gain = level_of(light)
    within = within_people(rows.name, gain)
    prior = make_prior(rows, light, within)
    total = np.cov(gain.T, aweights=rows.share)
    for what, covariance in (("within people", within), ("all", total)):
        say(f"log level of red, green and blue, {what}:", np.sqrt(np.diag(covariance)).round(3))
    core = np.average(gain, axis=0, weights=rows.share)
    # The part of each photo's level that is skin, given both variances: drawn from its posterior, not the
    # posterior's mean, so that skin keeps all of its variance.
    skin_share = (total - within) @ np.linalg.inv(total)
    rng = np.random.default_rng(0)
    posterior = (skin_share @ within + within @ skin_share.T) / 2
    drawn = rng.multivariate_normal(np.zeros(3), posterior, len(gain))
    level = np.exp((gain - core) @ skin_share.T + drawn)
    light = light / (level * np.exp(core))[:, None]
    scale = (tone / np.exp(gain - core)).mean(axis=1) * level.mean(axis=1)

    chosen, half = skin_points("low")
    parts: Components | None = None
    for turn in range(OUTER):
        seen = sightings(rows, light, chosen, half, scale)
        parts, z, covariance = learn(seen, parts or start(seen, a.modes), INNER + 3 * (turn == 0))
        if turn == OUTER - 1:
            break
        here = albedo_at_lights(parts, z, chosen, half)
        scale = here.mean(axis=(1, 2))
        light = lights(rows, here, prior)
        level = np.average(np.exp(level_of(light)), axis=0, weights=rows.share)
        light /= level  # light is white and of level one on average, whatever this does to skin
        say(f"round {turn}: noise {parts.noise:.4f}, level was {level}")
        prior = make_prior(rows, light, within)
    share = (parts.modes**2).sum(axis=(1, 2))
    say("modes' shares", np.round(share[:12] / share.sum(), 3))

    chosen, half = skin_points("high")
    fine = sightings(rows, light, chosen, half, scale)
    sums = moments(fine, fine.weight)
    for _ in range(2):
        estimate = regress(fine, sums, z, covariance, parts.noise)
        weight, _ = robust(fine, estimate, z)
        sums = moments(fine, weight)
    estimate = regress(fine, sums, z, covariance, parts.noise)
    counts = rows.share @ sums[0]
    say("high resolution")
    complete = completed(high, chosen, half, estimate, counts)
    save(a.out, complete, narrowed(prior), reach(high))
    say(f"{a.out} has {a.out.stat().st_size / 1e6:.2f} MB")


def level_of(light: np.ndarray) -> np.ndarray:
    """Logarithms (N, 3) of the level of lights (N, 9, 3) on the middle of the face."""
    return np.log(np.maximum(np.einsum("k,nkc->nc", frontal_basis(), light), 0.02))


def tones_linear(rows: Rows) -> np.ndarray:
    """Typical skin colour (N, 3), linear."""
    return np.asarray(srgb_to_linear(tones(rows.colour, rows.visibility) / 255))


if __name__ == "__main__":
    main()
