"""Measuring the tone of skin: robust against what is not skin."""

from __future__ import annotations

import numpy as np

from headshot.texture.skin_tone import measure_skin_tone


def test_skin_colour_ignores_what_is_not_skin() -> None:
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(600, 3)).astype(np.float32)
    normals[:, 2] = np.abs(normals[:, 2])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    shade = 0.6 + 0.4 * normals[:, 0]
    colours = 255 * (np.array([0.50, 0.27, 0.18]) * shade[:, None]) ** (1 / 2.2) + rng.normal(0, 3, (600, 3))
    colours[::4] = rng.uniform(0, 255, (150, 3))  # one in four is something else
    skin = measure_skin_tone(colours.astype(np.float32), normals, np.ones(600, np.float32))
    np.testing.assert_allclose(skin.chroma, [np.log(0.50 / 0.27), np.log(0.18 / 0.27)], atol=0.08)
    assert skin.light[1] > 0.3 > abs(skin.light[2]) + 0.1
    assert all(np.isfinite(value).all() for value in skin.packed())
    none = measure_skin_tone(colours.astype(np.float32), normals, np.zeros(600, np.float32))
    assert none.tone[0] > none.tone[1] > none.tone[2] > 0.2
