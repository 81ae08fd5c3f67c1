"""The spheres that the lids of every head lie on, and blinks that close on every head.

Eyeballs themselves are smaller (`eyeball`) and lie inside these spheres, which they touch in front.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eyeball import KAPPA
from grids import Grid
from headshot.ramps import smoothstep

MARGIN = 1  # ring of an eye's grid that is the visible edge of the lid; ring 0 is tucked in behind it
TUCKED = -0.9  # mm, height of ring 0 over the eyeball
RESTING = 0.25  # mm, mean height of the margin over the eyeball
# Heights of the margins of closed lids, mm: the upper one passes in front of the lower one.
CLOSED_UPPER, CLOSED_LOWER = 1.4, 0.3
SPARE = 0.25  # mm by which closed lids overlap where another expression opens them the most
CENTRED = 0.5  # how far the eyeball follows the middle between the lids rather than its source
LOWER_SHARE = 0.22  # of the way that the lower lid goes
# How much of the motion of the lid's margin its rings share: the first four are its rim and move as one.
SHARE = np.array([1.0, 1.0, 1.0, 1.0, 0.8, 0.45, 0.15, 0.0])
# How much of what heads differ by in the height of a ring over the eyeball a blink takes out: where deep-set
# eyes have a crease, a shut lid lies on the eyeball all the same.
LEVELLED = np.array([0.0, 0.0, 0.0, 0.0, 0.9, 0.85, 0.7, 0.4])
# The same for what keeps the lids on the ball when the ball moves: the skin around has to make way too.
SEAT_SHARE = np.array([1.0, 1.0, 1.0, 1.0, 0.95, 0.85, 0.65, 0.4])


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
    """Vertices (n, 3) of MakeHuman's eyeball, which stand for the eye in the statistics, on a true sphere."""
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


def opened(fields: list[np.ndarray], grid: Grid) -> np.ndarray:
    """(P,) the most that any of some expressions (V, 3) moves the upper margin away from the lower, mm."""
    margin = grid.vertices[MARGIN]
    apart = [(field[margin[grid.upper]] - grid.to_upper(field[margin[grid.lower]]))[:, 1] for field in fields]
    return np.maximum(np.max(apart, axis=0), 0)


def blink(
    base: np.ndarray,
    mean: np.ndarray,
    modes: np.ndarray,
    grid: Grid,
    ball: Ball,
    changes: list[Ball],
    overlap: np.ndarray,
) -> Blink:
    """A blink that closes at weight 1 on every head, and whatever else the eye does.

    The lower margin goes to the closing curve and the upper one ``overlap`` below it, in front of the lower
    lid; the curve is linear in the identity, so the lids close whatever the coefficients are.

    Args:
        base: (V, 3) an artist's blink: gives the motion of the rest of the lids.
        mean, modes: (V, 3), (N, V, 3) with seated lids.
        grid, ball, changes: of this eye.
        overlap: (P_upper,) mm, see `opened`.
    """
    margin, border = grid.vertices[MARGIN], grid.vertices[0]
    curve = closing(mean, grid)
    corner_height = np.linalg.norm(curve.ends - ball.centre, axis=1) - ball.radius

    def rise(t: np.ndarray) -> np.ndarray:
        """0 at the corners, 1 between them (n, 1)."""
        return smoothstep(np.minimum(t, 1 - t), 0, 0.25)[:, None]

    def goal(t: np.ndarray, lower_by: np.ndarray, lid: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Margin (n, 3), border (n, 3) and normals (n, 3) of a closed lid of height ``lid`` at places t."""
        out = curve.at(t) - lower_by[:, None] * [0, 1, 0] - ball.centre
        normal = out / np.linalg.norm(out, axis=1, keepdims=True)
        height = np.interp(t, [0, 1], corner_height)[:, None]
        at = ball.centre + (ball.radius + height + rise(t) * (lid - height)) * normal
        corners = mean[border[grid.lower]][[0, -1]] - curve.ends
        tucked = (1 - t)[:, None] * corners[0] + t[:, None] * corners[1]
        return at, at + (1 - rise(t)) * tucked - 0.8 * rise(t) * normal, normal

    def columns(upper: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """(C, 3) values of all columns from those of the two sides."""
        values = np.zeros((grid.vertices.shape[1], 3))
        values[grid.lower], values[grid.upper] = lower, upper
        return values

    over = smoothstep(np.minimum(grid.t_upper, 1 - grid.t_upper), 0, 0.06) * (overlap + SPARE)
    closed = [
        goal(grid.t_upper, over, CLOSED_UPPER),
        goal(grid.t_lower, np.zeros(len(grid.t_lower)), CLOSED_LOWER),
    ]
    at_margin, at_border, normal = (columns(closed[0][k], closed[1][k]) for k in range(3))
    motion = at_margin - mean[margin]
    offsets = base.copy()
    for ring, vertices in enumerate(grid.vertices):
        offsets[vertices] = SHARE[ring] * motion + (1 - SHARE[ring]) * base[vertices]
    offsets[border] = at_border - mean[border]
    least = columns(
        CLOSED_UPPER * rise(grid.t_upper).repeat(3, 1), CLOSED_LOWER * rise(grid.t_lower).repeat(3, 1)
    )[:, :1]
    for vertices in grid.vertices[2:6]:
        d = mean[vertices] + offsets[vertices] - ball.centre
        r = np.linalg.norm(d, axis=1, keepdims=True)
        offsets[vertices] += d / r * np.maximum(ball.radius + least - r, 0)

    correction = np.zeros_like(modes)
    t = columns(grid.t_upper[:, None], grid.t_lower[:, None])[:, 0]
    for mode, change, out in zip(modes, changes, correction, strict=True):
        shift = closing(mode, grid).at(t)
        radial = normal @ change.centre + change.radius - (normal * shift).sum(1)
        shift += rise(t) * radial[:, None] * normal
        for ring, vertices in enumerate(grid.vertices):
            out[vertices] = SHARE[ring] * (shift - mode[margin])
            away = mean[vertices] + offsets[vertices] - ball.centre
            away /= np.linalg.norm(away, axis=1, keepdims=True)
            height = ((mode[vertices] + out[vertices] - change.centre) * away).sum(1) - change.radius
            out[vertices] -= LEVELLED[ring] * height[:, None] * away
        out[border] = shift - mode[border]
        corners = grid.lower[[0, -1]]
        out[border[corners]] = 0
    return Blink(offsets, correction)
