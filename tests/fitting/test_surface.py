"""Points on the skin: positions, normals and their derivatives against the whole head."""

import numpy as np
import pytest

from headshot.fitting.surface import samples_of
from headshot.geometry.raster import vertex_normals
from headshot.models.head_model import load_head_model


@pytest.fixture(scope="module", params=["low", "high"])
def model(request):
    return load_head_model(request.param)


@pytest.fixture(scope="module")
def coefficients():
    rng = np.random.default_rng(2)
    return rng.normal(size=100), rng.uniform(0, 0.6, 52)


def test_points_lie_on_the_head(model, coefficients):
    points = samples_of(model)
    assert points.shape(*coefficients)[:, :3] == pytest.approx(
        points.on(model.shape(*coefficients)), abs=1e-3
    )


def test_tangents_give_the_normals_of_the_head(model, coefficients):
    points = samples_of(model)
    tangents = points.shape(*coefficients)[:, 3:].reshape(-1, 2, 3)
    normal = np.cross(tangents[:, 0], tangents[:, 1])
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    expected = points.on(vertex_normals(model.shape(*coefficients), model.triangles))
    cosine = (normal * expected).sum(axis=1) / np.linalg.norm(expected, axis=1)
    limit = {"low": 4.0, "high": 2.5}[model.resolution]
    assert np.degrees(np.arccos(np.clip(np.median(cosine), -1, 1))) < limit
    assert (cosine > 0.5).mean() > 0.985, "folds at lids and lips may differ, the rest may not"


def test_area_is_that_of_the_face(model):
    points = samples_of(model)
    face = model.part_triangles("skin")
    corner = model.mean[face[model.regions["face"][face].min(axis=1) > 0.5]]
    area = (
        np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1).sum() / 2
    )
    assert 0.85 * area < points.area.sum() <= area
    left = points.area[points.mean[:, 0] > 0].sum() / points.area.sum()
    assert 0.47 < left < 0.53


def test_derivatives_are_those_of_the_shape(coefficients):
    points = samples_of(load_head_model("low"))
    identity, expression = coefficients
    use = np.arange(0, len(points), 7)
    slopes = points.derivatives(identity, expression, use)
    eye = list(load_head_model("low").expression_names).index("eyeBlinkLeft")
    for k in (0, 3, 99, 100 + eye, 100 + 25):
        step = np.zeros(152)
        step[k] = 0.5
        ahead = points.shape(identity + step[:100], expression + step[100:])
        behind = points.shape(identity - step[:100], expression - step[100:])
        assert slopes[..., k] == pytest.approx((ahead - behind)[use], abs=2e-4)
