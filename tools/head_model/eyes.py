"""Eyeballs that sit behind the lids of every head, and blinks that close on every head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grids import Grid
from headshot.ramps import smoothstep

MARGIN = 1  # ring of an eye's grid that is the visible edge of the lid; ring 0 is tucked in behind it
TUCKED = -0.9  # mm, height of ring 0 over the eyeball
RESTING = 0.25  # mm, mean height of the margin over the eyeball
CLOSED = 1.0  # mm, height of the margin of a closed lid: half-way there its straight path grazes the eyeball
CENTRED = 0.5  # how far the eyeball follows the middle between the lids rather than its source
# Degrees by which a resting eye's pupil points outwards. People look along a line that lies to the nasal side
# of the eye's optical axis (angle kappa); with it the fitted gaze on LFW and HELEN is straight on average.
KAPPA = 3.3
LOWER_SHARE = 0.22  # of the way that the lower lid goes
# How much of the motion of the lid's margin its rings share: the first four are its rim and move as one.
SHARE = np.array([1.0, 1.0, 1.0, 1.0, 0.8, 0.45, 0.15, 0.0])
# The same for what keeps the lids on the ball when the ball moves: the skin around has to make way too.
SEAT_SHARE = np.array([1.0, 1.0, 1.0, 1.0, 0.95, 0.85, 0.65, 0.4])
GAZES = {
    "Down": (1, 0, 25),
    "Up": (1, 0, -20),
    "In": (0, 1, -30),
    "Out": (0, 1, 30),
}  # axis x, y; degrees, left eye


@dataclass(frozen=True)
class Ball:
    """An eyeball: centre (3,) and radius, mm; or how they change with one identity coefficient."""

    centre: np.ndarray
    radius: float


def fit_ball(points: np.ndarray, start: Ball) -> Ball:
    """The sphere `RESTING` mm below lid margin points (P, 3), close to ``start`` (Gauss-Newton)."""
    x = np.r_[start.centre, start.radius]
    for _ in range(10):
        d = points - x[:3]
        r = np.linalg.norm(d, axis=1)
        jacobian = np.c_[d / r[:, None], np.ones(len(points))]
        residual = r - x[3] - RESTING
        prior = np.diag([8.0, 8.0, 8.0, 20.0])
        x = x + np.linalg.solve(
            jacobian.T @ jacobian + prior,
            jacobian.T @ residual + prior @ (np.r_[start.centre, start.radius] - x),
        )
    return Ball(x[:3], float(x[3]))


def ball_of(points: np.ndarray) -> Ball:
    """Least-squares sphere through points (P, 3)."""
    system = np.c_[2 * points, np.ones(len(points))]
    q = np.linalg.lstsq(system, (points**2).sum(1), rcond=None)[0]
    return Ball(q[:3], float(np.sqrt(q[3] + q[:3] @ q[:3])))


def seat_lids(mean: np.ndarray, grid: Grid, ball: Ball) -> np.ndarray:
    """Lift or lower the inner rings of the lids (V, 3) so that they lie on the eyeball."""
    mean = mean.copy()
    for ring, (low, high) in enumerate([(TUCKED, TUCKED), (0.1, 0.45), (0.6, 1.5), (0.8, 9.0), (0.9, 9.0)]):
        vertices = grid.vertices[ring]
        d = mean[vertices] - ball.centre
        r = np.linalg.norm(d, axis=1, keepdims=True)
        mean[vertices] = ball.centre + d / r * np.clip(r, ball.radius + low, ball.radius + high)
    return mean


def place_eyeball(vertices: np.ndarray, source_axis_ball: Ball, ball: Ball) -> np.ndarray:
    """Eyeball vertices (n, 3) of MakeHuman projected to a true sphere and turned outwards by `KAPPA`."""
    angle = np.radians(KAPPA) * np.sign(ball.centre[0])
    c, s = np.cos(angle), np.sin(angle)
    d = (vertices - source_axis_ball.centre) @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
    return ball.centre + ball.radius * d / np.linalg.norm(d, axis=1, keepdims=True)


def opening_centre(field: np.ndarray, grid: Grid) -> np.ndarray:
    """(3,) the middle of the opening: of the corners in x, of the lids half-way between them in y and z."""
    margin = grid.vertices[MARGIN]
    upper, lower = field[margin[grid.upper]], field[margin[grid.lower]]
    middle = [
        (np.interp(0.5, grid.t_upper, upper[:, d]) + np.interp(0.5, grid.t_lower, lower[:, d])) / 2
        for d in range(3)
    ]
    return np.array([lower[[0, -1], 0].mean(), *middle[1:]])


def seat_modes(modes: np.ndarray, mean: np.ndarray, grid: Grid, ball: Ball, eye: np.ndarray) -> list[Ball]:
    """Make identity modes (N, V, 3) keep lids and eyeball together, in place.

    The radial motion of the lid's margin is explained by a motion of the eyeball's centre and a change of
    radius; what is left of it is taken out of the lids. Sideways and vertically the centre also follows the
    middle between the lids, so that the iris is in the middle of the eye.

    Returns:
        how the ball changes with each mode.
    """
    margin = grid.vertices[MARGIN]
    normal = mean - ball.centre
    normal = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    system = np.c_[normal[margin], np.ones(len(margin))]
    prior = np.diag([20.0, 20.0, 6.0, 60.0])
    changes = []
    for mode in modes:
        before = np.r_[mode[eye].mean(0), 0.0]
        before[:2] += CENTRED * (opening_centre(mode, grid) - before[:3])[:2]
        radial = (normal[margin] * mode[margin]).sum(1)
        x = np.linalg.solve(system.T @ system + prior, system.T @ radial + prior @ before)
        changes.append(Ball(x[:3], float(x[3])))
        mode[eye] = x[:3] + x[3] * normal[eye]
        wanted = normal @ x[:3] + x[3]
        missing = wanted - (normal * mode).sum(1)
        correction = np.stack([missing[ring] for ring in grid.vertices])
        correction[3:] = correction[
            2
        ]  # farther out the shape of the lid may vary; only its seat is corrected
        for ring, vertices in enumerate(grid.vertices):
            mode[vertices] += SEAT_SHARE[ring] * correction[ring][:, None] * normal[vertices]
    return changes


def clear_of_ball(offsets: np.ndarray, mean: np.ndarray, grid: Grid, ball: Ball) -> np.ndarray:
    """Lift lids that an expression (V, 3) pushes into the eyeball, up to the height they have at rest."""
    offsets = offsets.copy()
    for vertices in grid.vertices[MARGIN:]:
        rest = np.linalg.norm(mean[vertices] - ball.centre, axis=1) - ball.radius
        d = mean[vertices] + offsets[vertices] - ball.centre
        r = np.linalg.norm(d, axis=1)
        lift = np.maximum(ball.radius + np.minimum(rest, 0.6) - r, 0) / r
        offsets[vertices] += lift[:, None] * d
    return offsets


@dataclass(frozen=True)
class Blink:
    """A blink: offsets (V, 3) on the mean head, and their change with each identity mode (N, V, 3)."""

    offsets: np.ndarray
    correction: np.ndarray


@dataclass(frozen=True)
class Closing:
    """Where the margins of closed lids meet: a parabola between the corners, as a function of the place t.

    It passes `LOWER_SHARE` of the way up from the lower to the upper margin. Linear in the margins.
    """

    ends: np.ndarray
    depth: np.ndarray

    def at(self, t: np.ndarray) -> np.ndarray:
        t = t[:, None]
        return self.ends[:1] + t * (self.ends[1:] - self.ends[:1]) + 4 * t * (1 - t) * self.depth


def closing(positions: np.ndarray, grid: Grid) -> Closing:
    """The closing curve for positions (V, 3), or its change for displacements."""
    margin = grid.vertices[MARGIN]
    upper, lower = positions[margin[grid.upper]], positions[margin[grid.lower]]
    t = grid.t_lower[:, None]
    chord = lower[:1] + t * (lower[-1:] - lower[:1])
    sag = 4 * t * (1 - t)
    weight = np.gradient(grid.t_lower)[:, None] * sag
    wanted = lower + LOWER_SHARE * (grid.to_lower(upper) - lower) - chord
    return Closing(lower[[0, -1]], (weight * wanted).sum(0) / (weight * sag).sum())


def blink(
    base: np.ndarray, mean: np.ndarray, modes: np.ndarray, grid: Grid, ball: Ball, changes: list[Ball]
) -> Blink:
    """A blink that closes at weight 1 on every head.

    Both margins go to the closing curve, lifted to `CLOSED` mm over the eyeball; it is linear in the
    identity, so the lids meet whatever the coefficients are.

    Args:
        base: (V, 3) an artist's blink: gives the motion of the rest of the lids.
        mean, modes: (V, 3), (N, V, 3) with seated lids.
        grid, ball, changes: of this eye.
    """
    margin, border = grid.vertices[MARGIN], grid.vertices[0]
    curve = closing(mean, grid)
    corner_height = np.linalg.norm(curve.ends - ball.centre, axis=1) - ball.radius

    def rise(t: np.ndarray) -> np.ndarray:
        """0 at the corners, 1 between them (n, 1)."""
        return smoothstep(np.minimum(t, 1 - t), 0, 0.25)[:, None]

    def goal(t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Margin (n, 3), border (n, 3) and normals (n, 3) of closed lids at places t."""
        out = curve.at(t) - ball.centre
        normal = out / np.linalg.norm(out, axis=1, keepdims=True)
        height = np.interp(t, [0, 1], corner_height)[:, None]
        at = ball.centre + (ball.radius + height + rise(t) * (CLOSED - height)) * normal
        corners = mean[border[grid.lower]][[0, -1]] - curve.ends
        tucked = (1 - t)[:, None] * corners[0] + t[:, None] * corners[1]
        return at, at + (1 - rise(t)) * tucked - 0.8 * rise(t) * normal, normal

    def columns(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """(C, 3) values of all columns from those of the two sides."""
        values = np.zeros((grid.vertices.shape[1], 3))
        values[grid.lower], values[grid.upper] = lower, upper
        return values

    closed = [goal(grid.t_upper), goal(grid.t_lower)]
    at_margin, at_border, normal = (columns(closed[0][k], closed[1][k]) for k in range(3))
    motion = at_margin - mean[margin]
    offsets = base.copy()
    for ring, vertices in enumerate(grid.vertices):
        offsets[vertices] = SHARE[ring] * motion + (1 - SHARE[ring]) * base[vertices]
    offsets[border] = at_border - mean[border]
    for vertices in grid.vertices[2:6]:
        d = mean[vertices] + offsets[vertices] - ball.centre
        r = np.linalg.norm(d, axis=1, keepdims=True)
        offsets[vertices] += d / r * np.maximum(ball.radius + CLOSED - r, 0)

    correction = np.zeros_like(modes)
    t = columns(grid.t_upper[:, None], grid.t_lower[:, None])[:, 0]
    for mode, change, out in zip(modes, changes, correction, strict=True):
        shift = closing(mode, grid).at(t)
        radial = normal @ change.centre + change.radius - (normal * shift).sum(1)
        shift += rise(t) * radial[:, None] * normal
        for ring, vertices in enumerate(grid.vertices):
            out[vertices] = SHARE[ring] * (shift - mode[margin])
        out[border] = shift - mode[border]
        corners = grid.lower[[0, -1]]
        out[border[corners]] = 0
    return Blink(offsets, correction)


def gaze(mean: np.ndarray, eye: np.ndarray, ball: Ball, direction: str) -> np.ndarray:
    """Offsets (n, 3) of the left eyeball's vertices ``eye`` when the gaze goes Down, Up, In or Out."""
    x, y, degrees = GAZES[direction]
    axis, angle = np.array([x, y, 0.0]), np.radians(degrees)
    p = mean[eye] - ball.centre
    turned = p * np.cos(angle) + np.cross(axis, p) * np.sin(angle)
    turned += np.outer(p @ axis, axis) * (1 - np.cos(angle))
    return turned - p
