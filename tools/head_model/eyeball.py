"""Eyeballs: spheres of 12 mm with a cornea, that turn without losing their shape.

People's eyes are alike: 24 mm long and 11.7 mm across the iris, whatever the head (Bekerman, Gottlieb and
Vaiman 2014, "Variations in eyeball diameters of the healthy adults"). The lids of the registered head lie on
a larger sphere (`eyes.Ball`); the eyeball touches it in front, and the border of the lids, ring 0, is tucked
in behind the eyeball's surface.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grids import Grid

RADIUS = 12.0  # mm
IRIS = 5.85  # mm, radius
LIMBUS = np.arcsin(IRIS / RADIUS)  # angle from the axis of sight
CORNEA = 0.6  # mm, height of the cornea over the sphere at the axis
FORWARD = 3.0  # mm, by which the centre lies in front of that of the sphere of the lids
TUCKED = 1.1  # mm, of the border of the lids
CLEARANCE = 0.2  # mm between lids and an eyeball that turns
# Degrees by which a resting eye's pupil points outwards. People look along a line that lies to the nasal side
# of the eye's optical axis (angle kappa); with it the fitted gaze on LFW and HELEN is straight on average.
KAPPA = 3.3
GAZES = {
    "Down": (0, -1, 28),
    "Up": (0, 1, 22),
    "In": (-1, 0, 30),
    "Out": (1, 0, 30),
}  # x, y, degrees; left eye
# Share of the way from the tangent to the sphere that vertices take when the eye turns: all the way they
# would come to lie below it half-way, and where opposite gazes are added.
CHORD = 0.75
SEGMENTS = 16
RINGS = np.radians([10, 17, 24, 29.2, 34, 43, 56, 72, 90, 110, 135, 158])
SEAM = 8  # ring at which the texture is cut into a front and a back disc
GRID = 5  # vertices of a side of the square patches that close front and back
FRONT, BACK = ((0.092, 0.91), 0.078), ((0.215, 0.955), 0.035)  # centre and radius of the right eye's discs


@dataclass(frozen=True)
class EyeMesh:
    """The left eyeball in its own frame: unit directions, the axis of sight along z.

    Attributes:
        directions: (n, 3).
        quads: (q, 4) counter-clockwise from outside.
        uv: (t, 2) of the right eye's place in the atlas, for the left eye as it is (the caller mirrors).
        quads_uv: (q, 4).
    """

    directions: np.ndarray
    quads: np.ndarray
    uv: np.ndarray
    quads_uv: np.ndarray


def eye_mesh() -> EyeMesh:
    """Rings around the axis; front and back are closed by square patches, so that there are no poles."""
    turn = 2 * np.pi * np.arange(SEGMENTS) / SEGMENTS
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=1)
    ring = [np.c_[np.sin(a) * circle, np.full(SEGMENTS, np.cos(a))] for a in RINGS]
    inner, border = _patch()
    front = _on_sphere(inner * RINGS[0])
    back = _on_sphere(inner * (np.pi - RINGS[-1])) * [1, 1, -1]
    directions = np.concatenate([*ring, front, back])
    n, count = SEGMENTS, len(RINGS)
    quads = [
        [r * n + k, (r + 1) * n + k, (r + 1) * n + (k + 1) % n, r * n + (k + 1) % n]
        for r in range(count - 1)
        for k in range(n)
    ]
    number = {True: count * n, False: count * n + len(inner)}
    for is_front in (True, False):
        first = 0 if is_front else (count - 1) * n

        def vertex(i: int, j: int, first: int = first, offset: int = number[is_front]) -> int:
            return first + border[i, j] if border[i, j] >= 0 else offset + (i - 1) * (GRID - 2) + j - 1

        for i in range(GRID - 1):
            for j in range(GRID - 1):
                quad = [vertex(i, j), vertex(i, j + 1), vertex(i + 1, j + 1), vertex(i + 1, j)]
                quads.append(quad if is_front else quad[::-1])
    made = np.array(quads)
    uv, quads_uv = _layout(directions, made)
    return EyeMesh(directions, made, uv, quads_uv)


def _patch() -> tuple[np.ndarray, np.ndarray]:
    """Inner vertices (9, 2) of a square patch in the unit disc, and the segments (5, 5) of its border.

    -1 stands for inner vertices.
    Row i runs in y, column j in x.
    """
    border = np.full((GRID, GRID), -1)
    last, square = GRID - 1, np.linspace(-1, 1, GRID)
    around = [(0, j) for j in range(last)] + [(i, last) for i in range(last)]
    around += [(last, j) for j in range(last, 0, -1)] + [(i, 0) for i in range(last, 0, -1)]
    # Corner (0, 0) is at x, y < 0: the border starts at 225 degrees and runs counter-clockwise.
    start = 5 * SEGMENTS // 8
    for k, (i, j) in enumerate(around):
        border[i, j] = (start + k) % SEGMENTS
    inside = np.array([(x, y) for y in square[1:-1] for x in square[1:-1]])
    length = np.linalg.norm(inside, axis=1, keepdims=True)
    return inside * np.abs(inside).max(1, keepdims=True) / np.maximum(length, 1e-9), border


def _on_sphere(flat: np.ndarray) -> np.ndarray:
    """Unit directions (n, 3) of points (n, 2) whose length is the angle from +z."""
    angle = np.linalg.norm(flat, axis=1)
    return np.c_[flat * np.sinc(angle / np.pi)[:, None], np.cos(angle)]


def _layout(directions: np.ndarray, quads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Texture coordinates: the front disc gives the iris more than its share, the back disc is small."""
    angle = np.arccos(np.clip(directions[:, 2], -1, 1))
    in_front = angle[quads].max(1) < RINGS[SEAM] + 1e-6
    uv, quads_uv = [], np.empty_like(quads)
    count = 0
    for chosen, (centre, radius) in ((in_front, FRONT), (~in_front, BACK)):
        used, corners = np.unique(quads[chosen], return_inverse=True)
        quads_uv[chosen] = corners.reshape(-1, 4) + count
        count += len(used)
        is_front = centre == FRONT[0]
        from_axis = angle[used] if is_front else np.pi - angle[used]
        share = (from_axis / from_axis.max()) ** (0.8 if is_front else 1.0)
        flat = directions[used, :2]
        flat = flat / np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-9)
        # u runs to the subject's left, v down; the caller mirrors left and right, and backs are seen turned
        signs = [-1 if is_front else 1, -1]
        uv.append(np.array(centre) + flat * signs * (share * radius)[:, None])
    return np.concatenate(uv), quads_uv


def profile(angle: np.ndarray) -> np.ndarray:
    """Distance from the centre at angles from the axis of sight, mm: the sphere, and the cornea on it."""
    return RADIUS + CORNEA * np.maximum(1 - (angle / LIMBUS) ** 2, 0) ** 2


def axis_of_sight(side: int) -> np.ndarray:
    """(3,) unit axis of the eye at rest; ``side`` is 1 for the left eye, -1 for the right one."""
    return np.array([side * np.sin(np.radians(KAPPA)), 0, np.cos(np.radians(KAPPA))])


def shaped(directions: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Surface points (n, 3) around the centre for unit directions (n, 3) in the head's frame."""
    angle = np.arccos(np.clip(directions @ axis, -1, 1))
    return directions * profile(angle)[:, None]


def turned_outwards(directions: np.ndarray) -> np.ndarray:
    """Directions of the left eye's own frame in the head's frame."""
    x, _, z = axis_of_sight(1)
    return directions @ np.array([[z, 0, -x], [0, 1, 0], [x, 0, z]])


def gaze(points: np.ndarray, axis_at_rest: np.ndarray, direction: str) -> np.ndarray:
    """Offsets (n, 3) of the left eyeball's points (n, 3), around its centre, when it looks that way.

    Morph targets are added, not composed, and sums of rotations about two axes squash a ball. Points move
    along the lines of a stereographic map of the sphere instead, as rigid as a rotation about the pupil and
    less and less towards the back: wherever they are, up and sideways are at right angles, so that the sum of
    two gazes is as far from the ball as both by themselves.

    Args:
        points: at rest, mm.
        axis_at_rest: (3,).
        direction: "Down", "Up", "In" or "Out".
    """
    right, up, degrees = GAZES[direction]
    across = np.cross([0, 1, 0], axis_at_rest)
    frame = np.stack([across, np.cross(axis_at_rest, across), axis_at_rest])
    distance = np.linalg.norm(points, axis=1, keepdims=True)
    x, y, z = (points / distance @ frame.T).T
    # Derivatives by u and v of the inverse map p = (2u, 2v, 1 - u^2 - v^2) / (1 + u^2 + v^2), halved: the
    # length is 1 at the pupil and (1 + z) / 2 elsewhere.
    u, v = x / (1 + z + 1e-9), y / (1 + z + 1e-9)
    scale = 1 / (1 + u**2 + v**2) ** 2
    by_u = np.stack([1 - u**2 + v**2, -2 * u * v, -2 * u], axis=1) * scale[:, None]
    by_v = np.stack([-2 * u * v, 1 + u**2 - v**2, -2 * v], axis=1) * scale[:, None]
    along = np.sin(np.radians(degrees)) * (right * by_u + up * by_v)
    drop = CHORD * (1 - np.sqrt(1 - (along**2).sum(1, keepdims=True)))
    return distance * (along @ frame - drop * points / distance)


def centre_of(ball_centre: np.ndarray) -> np.ndarray:
    """(3,) the eyeball's centre, from that of the sphere of the lids."""
    return ball_centre + [0, 0, FORWARD]


def tuck_in(positions: np.ndarray, grid: Grid, centre: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """(C, 3) places of the border of the lids, ring 0: `TUCKED` below the eyeball's surface.

    They lie behind the margin and outwards of it, so that the lid has an inside.
    """
    margin, border = positions[grid.vertices[1]], positions[grid.vertices[0]]
    behind, to_centre = border - margin, centre - margin
    inwards = behind / np.linalg.norm(behind, axis=1, keepdims=True)
    inwards += to_centre / np.linalg.norm(to_centre, axis=1, keepdims=True)
    inwards /= np.linalg.norm(inwards, axis=1, keepdims=True)
    places = margin.copy()
    for _ in range(40):  # walk along until the eyeball is reached
        out = places - centre
        distance = np.linalg.norm(out, axis=1)
        surface = profile(np.arccos(np.clip(out @ axis / distance, -1, 1))) - TUCKED
        places += np.clip(distance - surface, 0, 0.3)[:, None] * inwards
    return places


def pupil_looking(direction: str | None) -> np.ndarray:
    """(3,) mm, from the left eyeball's centre to its front, looking that way (None: at rest)."""
    pupil = axis_of_sight(1) * profile(np.zeros(1))
    return pupil if direction is None else pupil + gaze(pupil[None], axis_of_sight(1), direction)[0]


def clear_of_eyeball(
    offsets: np.ndarray,
    mean: np.ndarray,
    grid: Grid,
    centre: np.ndarray,
    pupil: np.ndarray,
    clearance: float = CLEARANCE,
) -> np.ndarray:
    """Lift lids (V, 3) off an eyeball that has turned its pupil to ``pupil`` (3,), mm from its centre."""
    offsets, axis = offsets.copy(), pupil / np.linalg.norm(pupil)
    beyond = max(float(np.linalg.norm(pupil)) - RADIUS - CORNEA, 0)  # the turned eyeball is longer
    for vertices in grid.vertices[1:]:
        out = mean[vertices] + offsets[vertices] - centre
        distance = np.linalg.norm(out, axis=1)
        angle = np.arccos(np.clip(out @ axis / distance, -1, 1))
        surface = profile(angle) + beyond * np.maximum(np.cos(angle), 0)
        lift = np.maximum(surface + clearance - distance, 0) / distance
        offsets[vertices] += lift[:, None] * out
    return offsets
