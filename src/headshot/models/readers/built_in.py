"""The project's own head model as a plain linear model, so that whatever takes any model takes it too."""

from __future__ import annotations

import numpy as np

from headshot.arrays import Index
from headshot.models.head_model import Correspondence, HeadModel
from headshot.models.linear import LandmarkSet, LinearModel

_FIXED = np.r_[8, 17:68]


def linear_model(model: HeadModel) -> LinearModel:
    """The head model as a `LinearModel`.

    The dependence of a few expressions (blinks) on the identity is left out: it is not linear.
    """
    points = model.landmarks["ibug68"]

    def rows(index: Index | slice) -> Correspondence:
        return Correspondence(points.triangle[index], points.barycentric[index])

    return LinearModel(
        name=f"Headshot, {len(model.mean):,} vertices",
        mean=model.mean,
        identity=model.identity,
        expression=model.expression,
        expression_names=model.expression_names,
        expression_kind="arkit",
        triangles=model.triangles,
        landmarks=LandmarkSet(_FIXED.astype(np.int32), rows(_FIXED)),
        contours={"right": rows(slice(0, 9)), "left": rows(slice(16, 7, -1))},
        uv=model.uv,
        triangles_uv=model.triangles_uv,
        regions=dict(model.regions),
        terms="MIT",
    )
