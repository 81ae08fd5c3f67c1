"""Normalised error of landmarks, and errors of the head pose.

    NME = mean_i |p_i - q_i| / d

with d the distance of the outer eye corners (interocular: Sagonas et al., "300 Faces in-the-Wild Challenge",
ICCVW 2013) or the root of the area of the box around the true points (Zhu et al., "Face Alignment Across
Large Poses", CVPR 2016; from the side, where eye corners meet, only this one is of use).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.geometry.camera import angles_of, extent_of
from headshot.models.topologies import ibug68

REGIONS = {
    "inner": ibug68.INNER,
    "all": slice(0, ibug68.POINTS),
    "jaw": ibug68.JAW,
    "brows": ibug68.BROWS,
    "nose": ibug68.NOSE,
    "eyes": ibug68.EYES,
    "mouth": ibug68.MOUTH,
}
POSE = ("yaw", "pitch", "roll", "rotation")
"""Keys of `pose_errors`."""


def interocular(truth: ArrayLike) -> float:
    """Distance of the outer eye corners of true points (68, 2), pixels; NaN where one is unknown."""
    q = np.asarray(truth, dtype=np.float64)
    return float(np.linalg.norm(np.subtract(*q[list(ibug68.OUTER_EYE_CORNERS)])))


def box_root(truth: ArrayLike) -> float:
    """Root of the area of the box around the known true points (68, 2), pixels."""
    q = np.asarray(truth, dtype=np.float64)
    return extent_of(q[np.isfinite(q).all(axis=1)])


def nme(points: ArrayLike, truth: ArrayLike, distance: float) -> float:
    """Normalised mean error in percent of ``distance`` over the known true points (L, 2); NaN without any.

    Example:
        >>> square = [[0, 0], [10, 0], [10, 10], [0, 10]]
        >>> shifted = [[3, 4], [13, 4], [13, 14], [3, 14]]
        >>> nme(shifted, square, box_root(square))
        50.0
    """
    p, q = np.asarray(points, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    if p.shape != q.shape or p.ndim != 2 or p.shape[1] != 2:
        raise ValueError(f"expected points and truth of the same shape (L, 2), got {p.shape} and {q.shape}")
    known = np.isfinite(q).all(axis=1)
    if not known.any() or not distance > 0:
        return float("nan")
    return float(100 * np.linalg.norm(p[known] - q[known], axis=1).mean() / distance)


def failure_rate(errors: ArrayLike, threshold: float) -> float:
    """Percent of errors (N,) above the threshold; NaN (no result) is a failure."""
    e = np.asarray(errors, dtype=np.float64)
    if len(e) == 0:
        raise ValueError("no errors: nothing was measured")
    return float(100 * np.mean(~(e <= threshold)))


def pose_errors(rotation: ArrayLike, truth: ArrayLike) -> dict[str, float]:
    """Absolute differences of yaw, pitch and roll, and the angle of the rotation between them, degrees."""
    r, t = np.asarray(rotation, dtype=np.float64), np.asarray(truth, dtype=np.float64)
    gaps = np.abs(np.array(angles_of(r)) - angles_of(t))
    turn = np.degrees(np.arccos(np.clip((np.trace(r @ t.T) - 1) / 2, -1, 1)))
    values = (*np.minimum(gaps, 360 - gaps), turn)
    return {name: float(v) for name, v in zip(POSE, values, strict=True)}
