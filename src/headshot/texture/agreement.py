"""Outliers among several views: what one view shows and the others contradict.

A strand of hair, a highlight or the rim of glasses is seen from one side only. Where at least three views see
a point, each is compared with the median of all: not with its value at the very point, since views are
misaligned by a few millimetres, but with its range around it.

Dimension letters: N views, S vertices of the skin.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from headshot.arrays import F32, I32
from headshot.robust import geman_mcclure_weight
from headshot.texture.surface import Surface

TOLERANCE = 0.10  # deviation in sRGB in [0, 1], mean of the channels, at which the weight is a quarter
_MISALIGNED = 4.0  # mm by which views may be misaligned
_VOTE = np.float32(0.4)  # weight from which on a view has a full vote


@dataclass(frozen=True, eq=False)
class Consensus:
    """What most views show at the vertices of the skin.

    Attributes:
        low, high: (S, 3) range of the median around each vertex, sRGB in [0, 1].
        votes: (N, S) in [0, 1], how far at least two views other than each confirm it; 0 for fewer than
            three views.
    """

    low: F32
    high: F32
    votes: F32


def consensus_of(colours: F32, weight: F32, skin: Surface) -> Consensus:
    """The consensus of views.

    Args:
        colours: (N, S, 3) sRGB in [0, 1], brought together.
        weight: (N, S) in [0, 1], how well each view shows each vertex.
        skin: the surface.
    """
    votes = np.minimum(weight / _VOTE, 1).astype(np.float32)
    if len(votes) < 3:
        shape = colours.shape[1:]
        return Consensus(np.zeros(shape, np.float32), np.ones(shape, np.float32), np.zeros_like(votes))
    middle = weighted_medians(colours, votes)
    several = (votes.sum(axis=0) > 1.5)[:, None]
    low = np.where(several, middle, np.float32(np.inf))
    high = np.where(several, middle, np.float32(-np.inf))
    for _ in range(max(1, round(_MISALIGNED / float(np.sqrt(np.median(skin.area)))))):
        low = _around(np.minimum, low, skin.start, skin.neighbour)
        high = _around(np.maximum, high, skin.start, skin.neighbour)
    order = np.sort(votes, axis=0)
    second = np.where(votes >= order[-2], order[-3], order[-2])  # of the others
    known = np.isfinite(low).all(axis=1)
    low, high = np.where(known[:, None], low, 0), np.where(known[:, None], high, 1)
    return Consensus(low.astype(np.float32), high.astype(np.float32), (second * known).astype(np.float32))


def agreement(colours: F32, consensus: Consensus, skin: Surface) -> F32:
    """How well each view agrees with the consensus (N, S) in [0, 1]; 1 where there are not enough others.

    Args:
        colours: (N, S, 3) sRGB in [0, 1], brought together.
        consensus: of the views.
        skin: the surface.
    """
    off = np.maximum(np.maximum(consensus.low - colours, colours - consensus.high), 0).mean(axis=2)
    alone = 1 - consensus.votes * (1 - geman_mcclure_weight((off / np.float32(TOLERANCE)) ** 2))
    # An edge of hair is mixed with skin: what is next to an outlier is one too.
    return np.stack(
        [_around(np.minimum, view.astype(np.float32), skin.start, skin.neighbour) for view in alone]
    )


def weighted_medians(colours: F32, weight: F32) -> F32:
    """Medians (S, 3) over views of colours (N, S, 3) with weights (N, S); 0 where all are."""
    order = np.argsort(colours, axis=0)
    ordered = np.take_along_axis(colours, order, axis=0)
    every = np.broadcast_to(weight[..., None], colours.shape)
    share = np.cumsum(np.take_along_axis(every, order, axis=0), axis=0)
    place = (share < share[-1] / 2).sum(axis=0)
    found = np.take_along_axis(ordered, np.minimum(place, len(colours) - 1)[None], axis=0)[0]
    return np.where(share[-1] > 0, found, 0).astype(np.float32)


def _around(choose: np.ufunc, values: F32, start: I32, neighbour: I32) -> F32:
    """The least or greatest of the values (S, ...) of each vertex and its neighbours."""
    return np.asarray(choose(values, choose.reduceat(values[neighbour], start[:-1], axis=0)))
