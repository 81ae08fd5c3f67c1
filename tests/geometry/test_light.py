import numpy as np
import pytest

from headshot.geometry.light import (
    LightPrior,
    LightSettings,
    estimate_light,
    sh_basis,
    sh_basis_gradient,
    shade,
)

RNG = np.random.default_rng(7)
VAGUE = LightPrior(np.zeros(27), np.eye(27) * 1e-6)


def _directions(n):
    v = RNG.normal(size=(n, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True)


def _sphere(n=40_000):
    """Equal-area points (N, 3) on the sphere."""
    k = np.arange(n) + 0.5
    z, turn = 1 - 2 * k / n, np.pi * (1 + np.sqrt(5)) * k
    r = np.sqrt(1 - z * z)
    return np.stack([r * np.cos(turn), r * np.sin(turn), z], axis=1)


def test_ambient_light_of_one_shows_the_albedo():
    light = np.zeros((9, 3))
    light[0] = 1
    albedo = RNG.uniform(0.1, 0.9, (50, 3))
    assert np.allclose(shade(albedo, _directions(50), light), albedo)


def test_basis_is_orthogonal_with_the_factors_of_the_clamped_cosine():
    gram = sh_basis(_sphere()).T @ sh_basis(_sphere()) / 40_000
    factors = np.array([1] + [2 / 3] * 3 + [1 / 4] * 5)  # A_l / A_0 of Ramamoorthi and Hanrahan 2001, eq. 8
    assert np.allclose(gram, np.diag(factors**2), atol=1e-4)


def test_agrees_with_integrating_a_smooth_sky():
    # A sky of polynomials up to order 2 is reproduced exactly: integrate sky * clamped cosine numerically.
    sky_directions = _sphere()
    x, y, z = sky_directions.T
    sky = 1.0 + 0.4 * y + 0.3 * x * z - 0.2 * (3 * z * z - 1) + 0.1 * x
    normals = _directions(20)
    irradiance = (np.maximum(normals @ sky_directions.T, 0) * sky).mean(axis=1) * 4  # / pi, over 4 pi
    # The radiance's own coefficients in Y_lm / Y_00, by projection.
    factors = np.array([1] + [2 / 3] * 3 + [1 / 4] * 5)
    coefficients = ((sh_basis(sky_directions) / factors) * sky[:, None]).mean(axis=0)
    shown = shade(np.ones((20, 3)), normals, np.repeat(coefficients[:, None], 3, axis=1))
    assert np.allclose(shown, irradiance[:, None], atol=2e-3)


def test_light_from_the_left_brightens_the_left():
    light = np.zeros((9, 3))
    light[0], light[3] = 1, 0.5
    left, right = shade(np.ones((2, 3)), [[1.0, 0, 0], [-1.0, 0, 0]], light)
    assert (left > right).all()
    light[3], light[1] = 0, 0.5
    up, down = shade(np.ones((2, 3)), [[0, 1.0, 0], [0, -1.0, 0]], light)
    assert (up > down).all()


def test_gradient_is_that_of_the_basis():
    normals, h = _directions(30), 1e-6
    measured = np.stack(
        [(sh_basis(normals + h * e) - sh_basis(normals - h * e)) / (2 * h) for e in np.eye(3)], axis=-1
    )
    assert np.allclose(sh_basis_gradient(normals), measured, atol=1e-8)


def test_keeps_float32_and_leading_dimensions():
    normals = _directions(12).astype(np.float32).reshape(3, 4, 3)
    assert sh_basis(normals).shape == (3, 4, 9) and sh_basis(normals).dtype == np.float32
    assert sh_basis_gradient(normals).shape == (3, 4, 9, 3)


def test_finds_the_light_of_a_rendered_sphere():
    normals, albedo = _directions(600), RNG.uniform(0.2, 0.6, (600, 3))
    truth = RNG.normal(0, 0.1, (9, 3))
    truth[0] += 0.9
    found = estimate_light(shade(albedo, normals, truth), albedo, normals, np.ones(600), VAGUE)
    assert np.allclose(found, truth, atol=1e-4)


def test_shadows_and_highlights_hardly_move_the_light():
    normals, albedo = _directions(600), RNG.uniform(0.3, 0.6, (600, 3))
    truth = np.zeros((9, 3))
    truth[0], truth[2] = 0.8, 0.3
    colours = shade(albedo, normals, truth)
    colours[:60] *= 0.2
    colours[60:90] = 1.0
    robust = estimate_light(colours, albedo, normals, np.ones(600), VAGUE)
    plain = estimate_light(colours, albedo, normals, np.ones(600), VAGUE, LightSettings(rounds=0))
    assert np.abs(robust - truth).max() < 0.3 * np.abs(plain - truth).max()
    assert np.abs(robust - truth).max() < 0.03


def test_prior_decides_about_what_is_not_seen():
    mean = np.zeros((9, 3))
    mean[0] = 1
    prior = LightPrior(mean.ravel(), np.eye(27) * 25)
    assert np.array_equal(
        estimate_light(np.ones((5, 3)), np.ones((5, 3)), _directions(5), np.zeros(5), prior), mean
    )
    # One normal alone cannot tell nine coefficients: what is found stays close to the prior, and explains it.
    normals, albedo = np.tile([[0, 0, 1.0]], (50, 1)), np.full((50, 3), 0.5)
    found = estimate_light(albedo * 1.2, albedo, normals, np.ones(50), prior)
    assert np.allclose(shade(albedo, normals, found), albedo * 1.2, rtol=0.02)
    assert np.abs(found[[1, 3, 4, 5, 7]]).max() < 1e-6


def test_says_what_does_not_fit():
    with pytest.raises(ValueError, match="normals must have shape"):
        sh_basis(np.zeros((3, 2)))
    with pytest.raises(ValueError, match=r"\(9, 3\)"):
        shade(np.ones(3), np.array([0, 0, 1.0]), np.ones(27))
    with pytest.raises(ValueError, match="weights"):
        estimate_light(np.ones((2, 3)), np.ones((2, 3)), np.ones((3, 3)), np.ones(2), VAGUE)
    with pytest.raises(ValueError, match="at least 0"):
        estimate_light(np.ones((2, 3)), np.ones((2, 3)), np.ones((2, 3)), -np.ones(2), VAGUE)
    with pytest.raises(ValueError, match="positive"):
        LightSettings(noise=0)
