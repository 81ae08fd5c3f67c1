"""Normals of vertices against those of a sphere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from headshot.geometry.raster import vertex_normals


def test_vertex_normals(sphere: Callable[..., Any]) -> None:
    ball, triangles = sphere(40, 60)
    normals = vertex_normals(ball, triangles)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    assert (normals * ball).sum(axis=1).min() > 0.998
    lonely = vertex_normals(np.vstack([ball, [[9, 9, 9]]]), triangles)
    assert (lonely[-1] == 0).all()
