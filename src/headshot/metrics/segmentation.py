"""Agreement of label maps: F1 and IoU of every class.

    IoU_c = TP / (TP + FP + FN),    F1_c = 2 TP / (2 TP + FP + FN) = 2 IoU_c / (1 + IoU_c)

with pixels counted over all pictures together (Everingham et al., "The PASCAL Visual Object Classes
Challenge", 2010; Lee et al., "MaskGAN", CVPR 2020, for faces). Means are over the classes that occur in the
truth, the background among them unless it is ignored.

Known weaknesses: large classes hide ragged borders, thin ones (lids, lips) suffer from a single pixel; maps
must be compared at one size; means depend on which classes are counted, so name them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import Array, Index, Mask


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores in [0, 1] of C classes; NaN for classes that neither truth nor prediction have.

    Attributes:
        f1, iou: (C,) by class.
        present: (C,) whether the truth has the class: these count for the means.
    """

    f1: Array
    iou: Array
    present: Mask

    @property
    def mean_f1(self) -> float:
        """Mean F1 over the classes of the truth."""
        return float(self.f1[self.present].mean())

    @property
    def mean_iou(self) -> float:
        """Mean IoU over the classes of the truth."""
        return float(self.iou[self.present].mean())


def confusion(predicted: ArrayLike, truth: ArrayLike, classes: int, ignore: int | None = None) -> Index:
    """Pixels (C, C) by true (row) and predicted (column) class; true pixels labelled ``ignore`` do not count.

    Raises:
        ValueError: the maps differ in shape, or hold a label outside of 0 .. classes - 1.
    """
    p, t = np.asarray(predicted), np.asarray(truth)
    if p.shape != t.shape:
        raise ValueError(f"label maps must have the same shape, got {p.shape} and {t.shape}")
    used = np.ones(t.shape, bool) if ignore is None else t != ignore
    p, t = p[used].astype(np.int64), t[used].astype(np.int64)
    if len(t) and not (min(p.min(), t.min()) >= 0 and max(p.max(), t.max()) < classes):
        raise ValueError(
            f"labels must be 0 to {classes - 1}, got {min(p.min(), t.min())} to {max(p.max(), t.max())}"
        )
    return np.bincount(t * classes + p, minlength=classes**2).reshape(classes, classes)


def scores(counts: ArrayLike) -> Scores:
    """Scores of a confusion matrix (C, C), or of the sum of those of many pictures.

    Example:
        >>> result = scores(confusion([0, 0, 1, 1], [0, 1, 1, 1], 2))
        >>> result.iou.round(3).tolist(), result.f1.round(3).tolist()
        ([0.5, 0.667], [0.667, 0.8])
    """
    c = np.asarray(counts, dtype=np.float64)
    hit, true, found = np.diag(c), c.sum(axis=1), c.sum(axis=0)
    either = true + found - hit
    with np.errstate(divide="ignore", invalid="ignore"):
        return Scores(2 * hit / (true + found), hit / either, true > 0)


def evaluate_maps(
    pairs: Iterable[tuple[ArrayLike, ArrayLike]], classes: int, ignore: int | None = None
) -> Scores:
    """Scores over all pictures together, of pairs (predicted, true) of label maps."""
    total = np.zeros((classes, classes), np.int64)
    for predicted, truth in pairs:
        total += confusion(predicted, truth, classes, ignore)
    return scores(total)
