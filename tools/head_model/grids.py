"""The rings of edges around the mouth and the eyes: MakeHuman's mesh is a regular grid there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from quadmesh import boundary_loops, edges_of, rings
from topology import Topology


@dataclass(frozen=True)
class Grid:
    """Vertices around an opening of the skin.

    Upper and lower side have different numbers of columns, so vertices have no partners; what is opposite is
    given by the place ``t`` between the corners, from 0 to 1.

    Attributes:
        vertices: (R, C) ring r, column c; ring 0 is the border of the opening, columns run around it.
        upper, lower: columns of each side from corner to corner, both corners included.
        t_upper, t_lower: their places.
    """

    vertices: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    t_upper: np.ndarray
    t_lower: np.ndarray

    def mirrored(self, mirror: np.ndarray) -> Grid:
        """The grid of the other side: same columns, from the same corner."""
        return replace(self, vertices=mirror[self.vertices])

    def to_lower(self, upper_values: np.ndarray) -> np.ndarray:
        """Values (P_upper, D) of the upper side at the places of the lower side."""
        return _interpolate(self.t_lower, self.t_upper, upper_values)

    def to_upper(self, lower_values: np.ndarray) -> np.ndarray:
        """Values (P_lower, D) of the lower side at the places of the upper side."""
        return _interpolate(self.t_upper, self.t_lower, lower_values)


def _interpolate(t: np.ndarray, t_known: np.ndarray, values: np.ndarray) -> np.ndarray:
    flat = values.reshape(len(values), -1)
    columns = [np.interp(t, t_known, flat[:, d]) for d in range(flat.shape[1])]
    return np.stack(columns, axis=1).reshape(len(t), *values.shape[1:])


def grid_around(topology: Topology, positions: np.ndarray, loop: np.ndarray, count: int, hinge: int) -> Grid:
    """The first ``count`` rings around a border loop; the extremes in x of ring ``hinge`` are the corners."""
    skin = topology.quads[slice(*topology.parts["skin"])]
    depth = rings(skin, len(positions), loop, count)
    neighbours: dict[int, list[int]] = {}
    for a, b in edges_of(skin).tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    table = [loop]
    for k in range(1, count):
        table.append(np.array([next(n for n in neighbours[v] if depth[n] == k) for v in table[-1].tolist()]))
        if len(np.unique(table[-1])) != len(loop):
            raise ValueError(f"ring {k} around {loop[:3]}... is not a grid ring")
    vertices = np.array(table)
    x = positions[vertices[hinge], 0]
    vertices = np.roll(vertices, -int(x.argmin()), axis=1)
    x = np.roll(x, -int(x.argmin()))
    last = int(x.argmax())
    one, two = np.arange(last + 1), np.r_[0, np.arange(len(loop) - 1, last - 1, -1)]
    y = positions[vertices[hinge], 1]
    upper, lower = (one, two) if y[one].mean() > y[two].mean() else (two, one)

    def place(columns: np.ndarray) -> np.ndarray:
        t = (x[columns] - x[0]) / (x[last] - x[0])
        return np.maximum.accumulate(t + 1e-6 * np.arange(len(t)))

    return Grid(vertices, upper, lower, place(upper), place(lower))


def openings(topology: Topology, positions: np.ndarray) -> dict[str, np.ndarray]:
    """Border loops of the skin: "mouth", "eye_left", "eye_right", "neck"."""
    found = {}
    for loop in boundary_loops(topology.quads[slice(*topology.parts["skin"])]):
        side = "left" if positions[loop, 0].mean() > 0 else "right"
        found[{38: "mouth", 42: "neck", 28: f"eye_{side}"}[len(loop)]] = loop
    return found


def grids(topology: Topology, positions: np.ndarray) -> dict[str, Grid]:
    """The grids "mouth", "eye_left" (from inner to outer corner) and "eye_right", its mirror image."""
    loops = openings(topology, positions)
    mouth = grid_around(topology, positions, loops["mouth"], 12, hinge=4)
    left = grid_around(topology, positions, loops["eye_left"], 8, hinge=1)
    return {"mouth": mouth, "eye_left": left, "eye_right": left.mirrored(topology.mirror)}
