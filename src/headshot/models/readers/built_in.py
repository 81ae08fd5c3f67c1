"""The project's own head model as a plain linear model, so that whatever takes any model takes it too."""

from __future__ import annotations

from headshot.models.head_model import HeadModel
from headshot.models.linear import LinearModel


def linear_model(model: HeadModel) -> LinearModel:
    """The head model as a `LinearModel`.

    The dependence of a few expressions (blinks) on the identity is left out: it is not linear.
    """
    fixed, dense = model.landmark_set("ibug68"), model.landmark_set("mediapipe478")
    assert fixed is not None
    return LinearModel(
        name=f"Headshot, {len(model.mean):,} vertices",
        mean=model.mean,
        identity=model.identity,
        expression=model.expression,
        expression_names=model.expression_names,
        expression_kind="arkit",
        triangles=model.triangles,
        landmarks=fixed,
        contours=model.jaw_lines(),
        uv=model.uv,
        triangles_uv=model.triangles_uv,
        regions=dict(model.regions),
        terms="MIT",
        dense=dense,
    )
