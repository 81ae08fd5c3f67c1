"""One person's photos should have one shape, and other people's another: losses over a batch of shapes.

Both compare distances, so that shrinking all shapes to the mean gains nothing: the first their ratio, the
second their difference, which shrinking even makes worse.

Dimension letters: B shapes, D numbers of a shape.
"""

from __future__ import annotations

import torch
from torch import Tensor

MARGIN = 0.5
"""Millimetres (root mean square over the face) by which other people's shapes should be farther away."""


def agreement(shapes: Tensor, person: Tensor) -> Tensor:
    """How far shapes of one person are from each other, over how far from other people's.

    Args:
        shapes: (B, D), whose plain distances count.
        person: (B,) numbers; those below 0 are left out.

    Returns:
        Mean over pairs of one person; 0 where the batch has none, or nobody else.
    """
    found = _pairs(shapes, person)
    if found is None:
        return shapes.sum() * 0
    gap, same, other = found
    apart = (gap * other).sum(dim=1) / other.sum(dim=1).clamp(min=1)
    ratio = gap / (apart[:, None] + 1e-3)
    return ratio[same].mean()


def margin(shapes: Tensor, person: Tensor, least: float = MARGIN) -> Tensor:
    """Triplet loss: by how much others are not farther away, by a margin, than a person's own other photo.

    Schroff et al., "FaceNet: A Unified Embedding for Face Recognition and Clustering" (CVPR 2015), section
    3.1, over all triplets of the batch, with distances in the place of their squares.

    Args:
        shapes, person: as of `agreement`.
        least: the margin, in units of the shapes.
    """
    found = _pairs(shapes, person)
    if found is None:
        return shapes.sum() * 0
    gap, same, other = found
    short = (gap[:, :, None] - gap[:, None, :] + least).clamp(min=0)  # anchor, own, other
    return short[same[:, :, None] & other[:, None, :]].mean()


def _pairs(shapes: Tensor, person: Tensor) -> tuple[Tensor, Tensor, Tensor] | None:
    """Distances (B, B), and which pairs are of one person, and of two."""
    shapes, person = shapes[person >= 0], person[person >= 0]
    other = person[:, None] != person[None]
    same = ~other & ~torch.eye(len(person), dtype=torch.bool, device=person.device)
    if not same.any() or not other.any():
        return None
    return torch.cdist(shapes, shapes, compute_mode="donot_use_mm_for_euclid_dist"), same, other
