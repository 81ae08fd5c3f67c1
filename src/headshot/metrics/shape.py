"""Shapes as corresponding points: similarity, scatter of a person, shrinkage to the mean, expression."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array
from headshot.geometry.align import similarity


def aligned(points: ArrayLike) -> Array:
    """Shapes (N, P, D), D = 2 or 3, without position, size and rotation: generalised Procrustes analysis.

    Gower, "Generalized Procrustes analysis", Psychometrika 1975. The result has the size of the mean shape.
    """
    x = np.asarray(points, dtype=np.float64)
    x = x - x.mean(axis=1, keepdims=True)
    size = np.linalg.norm(x, axis=(1, 2), keepdims=True)
    x = x / np.where(size > 0, size, 1.0) * size.mean()
    mean = x[0]
    for _ in range(5):
        u, _, vt = np.linalg.svd(np.einsum("npi,pj->nij", x, mean))
        u[..., -1] *= np.sign(np.linalg.det(u @ vt))[:, None]  # rotations only, no reflections
        x = x @ (u @ vt)
        mean = x.mean(axis=0)
    return x


def pairwise_distances(shapes: ArrayLike) -> Array:
    """Mean distance (N, N) of corresponding points of shapes (N, P, D)."""
    x = np.asarray(shapes, dtype=np.float64)
    return np.array([np.linalg.norm(x - one, axis=2).mean(axis=1) for one in x])


def shape_similarity(shapes: ArrayLike) -> Array:
    """Similarity (N, N) of shapes (N, P, D): minus the mean distance of corresponding points, aligned.

    Rounded, so that equal shapes (a method that always returns the mean face) tie.
    """
    return -pairwise_distances(aligned(shapes)).round(6)


def stability(shapes: ArrayLike, owners: Sequence[str]) -> dict[str, float]:
    """Mean distance of each person's shapes (N, P, D) to their own mean shape; people with two or more."""
    x, names = np.asarray(shapes, dtype=np.float64), np.asarray(owners)
    out = {}
    for name in np.unique(names):
        own = x[names == name]
        if len(own) > 1:
            out[str(name)] = float(np.linalg.norm(own - own.mean(axis=0), axis=2).mean())
    return out


def aligned_distance(predicted: Array, true: Array) -> float:
    """Mean distance of corresponding points (P, 3) after the best similarity."""
    return mean_distance(similarity(predicted, true)(predicted), true)


def shrinkage(predicted: Array, true: Array, mean: Array) -> tuple[float, float]:
    """Norm ratio and correlation of the offsets from the mean of corresponding points (P, 3).

    Returns:
        ``|p| / |t|`` and ``<p, t> / (|p| |t|)``, p and t being the offsets after similarity alignment to the
        mean; (0, 0) when the prediction is the mean.
    """
    p = similarity(predicted, mean)(predicted) - mean
    t = similarity(true, mean)(true) - mean
    size_p, size_t = float(np.linalg.norm(p)), float(np.linalg.norm(t))
    if size_t < 1e-3 * np.sqrt(len(mean)):
        raise ValueError("the true head is the mean head: shrinkage has no meaning for it")
    if size_p < 1e-3 * np.sqrt(len(mean)):
        return 0.0, 0.0
    return size_p / size_t, float((p * t).sum() / (size_p * size_t))


def expression_error(neutral: Array, posed: Array, true_neutral: Array, true_posed: Array) -> float:
    """Mean distance (mm) of the displacements that the expressions cause; all arguments (P, 3).

    Each posed face is laid on its own neutral one rigidly, with the half of the points that move least, and
    both neutral ones on each other.
    """
    moved = _rigidly(posed, neutral) - neutral
    true_moved = _rigidly(true_posed, true_neutral) - true_neutral
    motion = similarity(neutral, true_neutral)
    return mean_distance(motion.scale * moved @ motion.rotation.T, true_moved)


def _rigidly(posed: Array, neutral: Array) -> Array:
    """The posed points (P, 3) laid on the neutral ones by the half that moves least."""
    moved = similarity(posed, neutral, scaled=False)(posed)
    for _ in range(5):
        distance = np.linalg.norm(moved - neutral, axis=1)
        still = distance <= np.median(distance)
        moved = similarity(posed[still], neutral[still], scaled=False)(posed)
    return moved


def mean_distance(a: Array, b: Array) -> float:
    """Mean distance of corresponding points (P, 3)."""
    return float(np.linalg.norm(a - b, axis=1).mean())
