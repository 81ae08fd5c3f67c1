import numpy as np
import pytest

from headshot.geometry.light import LightPrior, LightSettings, fit_albedo_and_light, shade

RNG = np.random.default_rng(3)
N, A = 500, 4
NORMALS = RNG.normal(size=(N, 3)) + [0, 0, 1.5]
NORMALS /= np.linalg.norm(NORMALS, axis=1, keepdims=True)
MEAN = np.tile([0.5, 0.35, 0.25], (N, 1)) * RNG.uniform(0.8, 1.2, (N, 1))
MODES = RNG.normal(0, 0.03, (A, N, 3))


def _prior(level: float, rest: float = 0.1) -> LightPrior:
    """White light of level one, whose level and pattern have these standard deviations."""
    mean = np.zeros((9, 3))
    mean[0] = 1
    return LightPrior(mean.ravel(), np.diag(1 / np.repeat([level] + [rest] * 8, 3) ** 2))


def test_recovers_albedo_and_light():
    delta = np.array([1.0, -1.5, 0.5, 2.0])
    light = np.zeros((9, 3))
    light[0], light[3], light[1] = [0.9, 0.8, 0.7], 0.2, 0.15
    colours = shade(MEAN + np.tensordot(delta, MODES, 1), NORMALS, light)
    strict = LightSettings(noise=0.001, independent=1e4, rounds=8)
    fit = fit_albedo_and_light(colours, NORMALS, np.ones(N), (MEAN, MODES), _prior(1.0), strict)
    assert np.allclose(fit.albedo, delta, atol=0.02)
    assert np.allclose(fit.light, light, atol=0.005)
    assert fit.error < 1e-3


def test_shares_brightness_by_the_variances_of_skin_and_light():
    """One mode is the skin's brightness: what light and skin share of a dark photo follows their priors."""
    tone = 0.3 * MEAN[None]
    for level, expected in ((0.05, "skin"), (1.0, "light")):
        fit = fit_albedo_and_light(0.6 * MEAN, NORMALS, np.ones(N), (MEAN, tone), _prior(level, 0.01))
        skin, light = 1 + 0.3 * fit.albedo[0], fit.light[0].mean()
        assert np.isclose(skin * light, 0.6, atol=0.03)
        assert (skin < light) == (expected == "skin")


def test_hair_over_a_part_of_the_face_hardly_matters():
    light = np.zeros((9, 3))
    light[0] = 0.9
    colours = shade(MEAN, NORMALS, light)
    colours[:80] = 0.01
    fit = fit_albedo_and_light(colours, NORMALS, np.ones(N), (MEAN, MODES), _prior(0.3))
    assert np.abs(fit.light[0] - 0.9).max() < 0.05
    assert np.abs(fit.albedo).max() < 0.5


def test_priors_where_nothing_is_seen_and_clear_errors():
    prior = _prior(0.3)
    fit = fit_albedo_and_light(MEAN, NORMALS, np.zeros(N), (MEAN, MODES), prior)
    assert not fit.albedo.any() and np.array_equal(fit.light.ravel(), prior.mean)
    with pytest.raises(ValueError, match="modes"):
        fit_albedo_and_light(MEAN, NORMALS, np.ones(N), (MEAN, MODES[:, :5]), prior)
    with pytest.raises(ValueError, match="at least 0"):
        fit_albedo_and_light(MEAN, NORMALS, -np.ones(N), (MEAN, MODES), prior)
