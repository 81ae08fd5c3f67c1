"""Exposure, white balance and light of several views, from views whose gains and lights are known."""

from __future__ import annotations

import numpy as np

from headshot.geometry.light import sh_basis
from headshot.texture.exposure import align_colours, relighting

RNG = np.random.default_rng(5)
S = 3000
NORMALS = RNG.normal(size=(S, 3)) + [0, 0, 1.5]
NORMALS = (NORMALS / np.linalg.norm(NORMALS, axis=1, keepdims=True)).astype(np.float32)
ALBEDO = np.log(np.array([0.45, 0.25, 0.18]) * RNG.uniform(0.8, 1.2, (S, 1)))  # (S, 3)
AREA = np.full(S, 30.0)  # mm^2


def _seen(*directions: float) -> np.ndarray:
    """Weights (N, S) of views from these sides, degrees of yaw."""
    out = []
    for yaw in np.radians(directions):
        out.append(np.clip(NORMALS @ [np.sin(yaw), 0, np.cos(yaw)], 0, 1))
    return np.array(out) * AREA


def _tones(colours: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.einsum("ns,nsc->nc", weight, colours) / weight.sum(axis=1, keepdims=True)


def test_gains_of_each_channel_are_found() -> None:
    gains = np.log([[1.0, 1.0, 1.0], [1.6, 1.2, 0.9], [0.5, 0.55, 0.7]])
    colours = (ALBEDO + gains[:, None]).astype(np.float32)
    weight = _seen(0, 55, -55)
    found = align_colours(colours, weight, NORMALS, _tones(colours, weight), 0)
    assert (found[0] == 0).all()
    for field, gain, seen in zip(found, gains, weight, strict=True):
        assert np.abs(field[seen > 3] + gain).max() < 0.03


def test_views_that_share_nothing_with_the_reference_are_tied_through_others() -> None:
    gains = np.log([[1.0, 1.0, 1.0], [1.5, 1.4, 1.3], [0.6, 0.6, 0.7]])
    colours = (ALBEDO + gains[:, None]).astype(np.float32)
    weight = _seen(-80, 0, 80)
    weight[0, NORMALS[:, 0] > -0.05] = 0
    weight[2, NORMALS[:, 0] < 0.05] = 0
    found = align_colours(colours, weight, NORMALS, np.zeros((3, 3)), 0)
    left, right = found[2][weight[2] > 10], np.broadcast_to(-gains[2], (int((weight[2] > 10).sum()), 3))
    assert np.abs(left - right).mean() < 0.1


def test_side_light_is_found_as_well_and_hair_in_one_view_hardly_matters() -> None:
    basis = sh_basis(NORMALS)
    light = np.zeros((2, 9, 3))
    light[1, 3], light[1, 0] = 0.3, [0.2, 0.1, 0.0]  # brighter on the subject's left, and warmer
    colours = (ALBEDO + np.einsum("sk,nkc->nsc", basis, light)).astype(np.float32)
    weight = _seen(0, 0)
    colours[1, (NORMALS[:, 1] > 0.5) & (NORMALS[:, 0] > 0)] -= 2.0  # dark hair
    found = align_colours(colours, weight, NORMALS, _tones(colours, weight), 0)
    off = colours[1] + found[1] - colours[0]
    bare = (NORMALS[:, 1] < 0.5) & (weight[0] > 3)
    assert np.abs(off[bare]).mean() < 0.05


def test_relighting_is_bounded() -> None:
    there, here = np.full((4, 3), 0.8, np.float32), np.full((4, 3), 0.8, np.float32)
    here[1], here[2], here[3] = 0.4, -0.5, [0.8, 0.8, 0.01]
    change = relighting(here, there)
    np.testing.assert_allclose(change[0], 0, atol=1e-6)
    np.testing.assert_allclose(change[1], np.log(2), rtol=1e-5)
    assert change[2].max() <= 0.81 and np.ptp(change[3]) <= 0.41
