"""Exposure, white balance and light of several photos of one head, brought together.

The same skin has one colour. What views show of it differs by a gain in each channel (exposure and white
balance) and by their light, both smooth functions of the surface's normal n: log c_i(v) + B(n_v) theta_i =
a(v) for every view i that sees the vertex v, with unknown a and the nine spherical harmonics B of
`headshot.geometry.light`. This is the joint calibration of panoramas (Brown and Lowe, "Automatic Panoramic
Image Stitching using Invariant Features", IJCV 2007, eq. 28 for gains) with the light in it. Robust weights
keep out hair, highlights and cast shadows.

Dimension letters: N views, S vertices of the skin.
"""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, Array
from headshot.geometry.light import sh_basis
from headshot.robust import geman_mcclure_weight

_POINTS = 600  # vertices, spread over the skin, that are compared
_NOISE = 0.15  # standard deviation of log brightness that gain and light do not explain
_PATCH = 100.0  # mm^2 of skin whose errors count as one measurement
_OUTLIER = 2.5  # standard deviations at which the robust weight is a quarter
_ROUNDS = 4
# Prior standard deviations of log brightness and of log(red / green), log(blue / green): of the level around
# that of the skin's tones, of the three harmonics of first order, and of the five of second order.
_BRIGHT, _TINT = (0.5, 0.35, 0.15), (0.3, 0.12, 0.04)
_RELIT, _RETINTED = (
    0.8,
    0.2,
)  # largest change of log brightness and of log tints from one known light to another


def relighting(shading: F32, reference: F32) -> F32:
    """Logarithms (S, 3) of the gains that turn one light into another, within what is plausible.

    Args:
        shading: (S, 3) linear light on the vertices.
        reference: (S, 3) that which is wanted.
    """
    change = np.log(np.maximum(reference, np.float32(0.1))) - np.log(np.maximum(shading, np.float32(0.1)))
    bright = change.mean(axis=1, keepdims=True)
    return np.clip(bright, -_RELIT, _RELIT) + np.clip(change - bright, -_RETINTED, _RETINTED)


def align_colours(colours: F32, weight: F32, normals: F32, tones: F32, reference: int) -> F32:
    """Logarithms of the gains (N, S, 3) that bring the colours of all views together.

    Args:
        colours: (N, S, 3) logarithms of linear light, what each view shows.
        weight: (N, S) how well it shows each vertex times the area for which it stands, mm^2.
        normals: (S, 3) unit, head frame.
        tones: (N, 3) logarithm of the typical colour of the skin in each view.
        reference: the view that is left as it is.
    """
    n = len(colours)
    basis = np.asarray(sh_basis(normals), np.float64)
    seen = np.flatnonzero((weight > 0).sum(axis=0) > 1)
    some = seen[:: max(1, len(seen) // _POINTS)]
    # Of the compared vertices each stands for its share of all.
    every = weight[:, some].astype(np.float64) * (len(seen) / max(len(some), 1) / _PATCH / _NOISE**2)
    log, b = _opponent(colours[:, some].astype(np.float64)), basis[some]
    level = _opponent(tones.astype(np.float64))
    start = np.zeros((n, 9, 3))
    start[:, 0] = level[reference] - level
    sigma = np.stack([np.repeat(s, (1, 3, 5)) for s in (_BRIGHT, _TINT, _TINT)], axis=1)  # (9, 3)
    prior = np.repeat((1 / sigma**2)[None], n, axis=0)  # (n, 9, 3)
    prior[reference] = 1e9
    theta: Array = start
    robust = every
    for _ in range(_ROUNDS if len(some) else 0):
        theta = _solved(log, b, robust, start, prior)
        theta[reference] = 0
        off = log + np.einsum("sk,nkc->nsc", b, theta)
        mean = np.einsum("ns,nsc->sc", robust, off) / np.maximum(robust.sum(axis=0), 1e-9)[:, None]
        squared = ((off - mean) ** 2).sum(axis=2) / (_OUTLIER * _NOISE) ** 2
        robust = every * geman_mcclure_weight(squared)
    field = np.einsum("sk,nkc->nsc", basis, _rgb(theta))
    return field.astype(np.float32)


def _solved(log: Array, basis: Array, weight: Array, start: Array, prior: Array) -> Array:
    """Coefficients (N, 9, 3) that bring the views' values (N, P, 3) at P vertices together.

    With the common value of each vertex eliminated, views i and j are tied by w_i delta_ij - w_i w_j / sum w.

    Args:
        log, basis: (N, P, 3) values and (P, 9) harmonics.
        weight: (N, P).
        start, prior: (N, 9, 3) means and precisions of the coefficients.
    """
    n, p = weight.shape
    total = np.maximum(weight.sum(axis=0), 1e-9)
    ties = -(weight[:, None] * weight[None]) / total  # (N, N, P)
    ties[range(n), range(n)] += weight
    outer = (basis[:, :, None] * basis[:, None]).reshape(p, 81)
    normal = (ties.reshape(n * n, p) @ outer).reshape(n, n, 9, 9).transpose(0, 2, 1, 3).reshape(9 * n, 9 * n)
    out = np.empty_like(start)
    for c in range(3):
        right = prior[..., c] * start[..., c] - np.einsum("ijp,jp->ip", ties, log[..., c]) @ basis
        system = normal + np.diag(prior[..., c].ravel())
        out[..., c] = np.linalg.solve(system, right.ravel()).reshape(n, 9)
    return out


def _opponent(log: Array) -> Array:
    """Mean of the channels, red - green and blue - green (..., 3)."""
    return np.stack([log.mean(axis=-1), log[..., 0] - log[..., 1], log[..., 2] - log[..., 1]], axis=-1)


def _rgb(opponent: Array) -> Array:
    """The inverse of `_opponent`."""
    bright, p, q = opponent[..., 0], opponent[..., 1], opponent[..., 2]
    green = bright - (p + q) / 3
    return np.stack([green + p, green, green + q], axis=-1)
