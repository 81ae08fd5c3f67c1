"""The project's own head model as a plain linear model, so that whatever takes any model takes it too."""

from __future__ import annotations

import numpy as np

from headshot.arrays import Index
from headshot.models.head_model import Correspondence, HeadModel
from headshot.models.linear import LandmarkSet, LinearModel
from headshot.models.topologies import ibug68


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
        landmarks=LandmarkSet(ibug68.FIXED.astype(np.int32), rows(ibug68.FIXED)),
        contours={
            "right": rows(ibug68.JAW_LEFT_IN_IMAGE),
            "left": rows(ibug68.JAW_RIGHT_IN_IMAGE),
        },
        uv=model.uv,
        triangles_uv=model.triangles_uv,
        regions=dict(model.regions),
        terms="MIT",
    )
