"""The texture that several photos of a person share, beside what the albedo model has.

Brows, lips, moles and pores of a person lie where they lie in all photos, whether an albedo model has them or
not. What the other photos show at a point of the skin, free of their light, is therefore what a photo should
show there, and where it shows it elsewhere, shape, pose or expression are wrong. This is direct alignment to
a texture, as in active appearance models (Matthews and Baker, "Active appearance models revisited", IJCV
2004), with a texture made of the person's own photos and a head that is the same in all of them (bundle
adjustment without landmarks; Delaunoy and Pollefeys, "Photometric bundle adjustment", CVPR 2014). The photo
itself is left out of its texture, else it would agree with any shape.

Dimension letters: N views, S points on the skin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from headshot.arrays import F32, Array, Mask
from headshot.fitting.parameters import State
from headshot.fitting.problem import FitProblem
from headshot.fitting.reflectance import Reflectance
from headshot.fitting.surface import Samples

APART = 8.0
"""Degrees between directions of view from which on two views tell each other of shape (standard deviation
of a bell): by 8 degrees a tip of a nose 30 mm before the face moves by 4 mm over it."""
FINE = 10.0
"""mm, standard deviation of the bell whose mean is taken out of a texture: what is smooth in it is
determined by albedo and light, and would be explained away where photos are taken in the same light."""
PRIOR = 0.5
"""Precision with which nothing is expected beside the albedo model, in those of one view."""
OUTLIER = 2.0
"""Standard deviations from the views' median beyond which a view loses its influence on a point."""
_SEEN = 0.1  # of the usual precision, from which a view tells what is usual
_LEAST = 1e-8  # variance of differences: those of rounding


def with_shared_texture(problem: FitProblem, state: State, albedo: Reflectance) -> FitProblem:
    """The problem in which each photo is compared with the texture of the others.

    Args:
        problem: of N views with photometric terms.
        state: at which the photos are read.
        albedo: what the skin has without a texture of its own.
    """
    terms = []
    for view in problem.views:
        assert view.colours is not None
        terms.append(replace(view.colours, reflectance=replace(view.colours.reflectance, mean=albedo.mean)))
    shown = [term.unexplained(state.person, view) for term, view in zip(terms, state.views, strict=True)]
    apart = parallax([view.camera.rotation for view in state.views])
    textures = others_mean(np.stack([s[0] for s in shown]), np.stack([s[1] for s in shown]), apart)
    textures -= _around(terms[0].samples) @ textures
    views = tuple(
        replace(
            view, colours=replace(term, reflectance=replace(term.reflectance, mean=albedo.mean + texture))
        )
        for view, term, texture in zip(problem.views, terms, textures, strict=True)
    )
    return replace(problem, views=views)


@lru_cache(maxsize=2)
def _around(points: Samples) -> F32:
    """(S, S) weights of a mean over the skin around each point."""
    place = points.mean[:, :3].astype(np.float64)
    squared = ((place[:, None] - place[None]) ** 2).sum(axis=2)
    weight = np.exp(-0.5 * squared / FINE**2) * points.area
    return np.asarray(weight / weight.sum(axis=1, keepdims=True), np.float32)


def parallax(rotations: Sequence[Array]) -> Array:
    """(N, N) in [0, 1], how much two views tell each other of shape: nothing from the same side.

    Args:
        rotations: (3, 3) from the head to the camera, of the N views; turns in the picture do not count.
    """
    towards = np.array([rotation[2] for rotation in rotations])  # the camera, in the head's frame
    turns = np.degrees(np.arccos(np.clip(towards @ towards.T, -1, 1)))
    np.fill_diagonal(turns, 0)
    return np.asarray(1 - np.exp(-0.5 * (turns / APART) ** 2))


def others_mean(shown: F32 | Array, precision: F32 | Array, apart: Array) -> F32:
    """For each view the robust mean of what the others show at each point, shrunk to 0 where few see it.

    Args:
        shown: (N, S, 3) by each view.
        precision: (N, S), in any unit.
        apart: (N, N) weight of each other view, 0 for itself.

    Returns:
        (N, S, 3).
    """
    seen = precision > 0
    if not seen.any():
        return np.zeros(shown.shape, np.float32)
    weight = precision / np.median(precision[seen])
    usual = _usual(shown, weight > _SEEN)
    squared = ((shown - usual) ** 2).mean(axis=2)
    spread = max(float(np.median(squared[weight > _SEEN])), _LEAST)
    weight = weight / (1 + squared / (OUTLIER**2 * spread)) ** 2
    total = np.einsum("ij,js,jsc->isc", apart, weight, shown, optimize=True)
    return (total / (apart @ weight + PRIOR)[..., None]).astype(np.float32)


def _usual(shown: F32 | Array, seen: Mask) -> Array:
    """(S, 3) median over the views (N, S) that see a point; 0 where none does."""
    values = np.sort(np.where(seen[..., None], shown, np.inf), axis=0)
    count = seen.sum(axis=0)
    last = np.maximum(count - 1, 0)
    middle = [np.take_along_axis(values, k[None, :, None], 0)[0] for k in (last // 2, (last + 1) // 2)]
    return np.where(count[:, None] > 0, (middle[0] + middle[1]) / 2, 0.0)
