"""Edges of small meshes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from headshot.geometry.raster import Topology


def sides(topology: Topology) -> dict[tuple[int, int], set[int]]:
    return {(min(a, b), max(a, b)): {s, t} for a, b, s, t in topology.edges.tolist()}


def test_edges_of_two_triangles() -> None:
    topology = Topology([[0, 1, 2], [0, 2, 3]], 4)
    expected = {(0, 1): {0, -1}, (1, 2): {0, -1}, (0, 2): {0, 1}, (2, 3): {1, -1}, (0, 3): {1, -1}}
    assert sides(topology) == expected
    for a, b, t, _ in topology.edges.tolist():  # the edge runs as in its first triangle
        corners = topology.triangles[t].tolist()
        assert (corners.index(a) + 1) % 3 == corners.index(b)


def test_a_closed_mesh_has_no_border(sphere: Callable[..., Any]) -> None:
    ball, triangles = sphere()
    edges = Topology(triangles, len(ball)).edges
    assert len(ball) - len(edges) + len(triangles) == 2  # Euler
    assert (edges[:, 2:] >= 0).all()


def test_three_triangles_at_an_edge_are_borders() -> None:
    edges = Topology([[0, 1, 2], [1, 0, 3], [0, 1, 4]], 5).edges
    shared = edges[(edges[:, :2].min(axis=1) == 0) & (edges[:, :2].max(axis=1) == 1)]
    assert sorted(shared[:, 2].tolist()) == [0, 1, 2] and (shared[:, 3] == -1).all()


def test_no_triangles_no_edges() -> None:
    topology = Topology([], 3)
    assert topology.triangles.shape == (0, 3) and topology.edges.shape == (0, 4)


def test_a_topology_is_checked_once() -> None:
    topology = Topology([[0, 1, 2]], 3)
    assert Topology.of(topology, 3) is topology
    with pytest.raises(ValueError, match=r"0\.\.2"):
        Topology([[0, 1, 2]], 2)
