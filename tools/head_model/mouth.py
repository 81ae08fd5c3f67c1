"""What happens around the mouth: lips that meet, teeth, tongue and the sock behind them."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import RBFInterpolator

from grids import Grid
from headshot.ramps import smoothstep
from ict import TEETH, Ict
from quadmesh import rings
from register import FLIP, procrustes
from topology import Topology

CONTACT = (3, 4)  # rings of the mouth's grid where closed lips touch
BEHIND = 1.2  # mm that one lip may lie in front of the other and still touch it
REST_GAP = 0.0  # mm between the lips of every head at rest: they touch
# How much of a correction at the contact the rings take, from the border of the sock to the outer lip line.
SHARE = np.array([0.4, 0.7, 1.0, 1.0, 1.0, 0.95, 0.7, 0.4, 0.2, 0.08, 0.0, 0.0])
# MakeHuman's stylised teeth: moved until the upper front teeth cover the edges of the lower, mm.
TEETH_SHIFT = {"teeth_upper": np.array([0, -3.8, -0.3]), "teeth_lower": np.array([0, -2.5, -2.8])}
# MakeHuman's tongue fills the mouth: it is made flatter and lower (height of its top over the mouth, mm).
TONGUE_TOP, TONGUE_HEIGHT = -2.0, 0.75
# The bottom of MakeHuman's sock comes close to the skin under the jaw: what is lower than this, mm over the
# mouth, is pulled up to a share of its depth.
SOCK_FLOOR, SOCK_DEPTH = -20.0, 0.35
# ICT's jawOpen lowers the upper lip too, and hides the teeth: mm by which it is raised again.
UPPER_LIP_STAYS = 3.0
# To close over an open jaw the upper lip comes down, mm at its middle, and the chin stays: rings around the
# mouth between which the motion of the lower lip fades.
COMES_DOWN, CHIN = 12.0, (6.0, 16.0)
SEALED_WITHIN = 0.04  # mm, the gap that rounding leaves between lips at rest
INSIDE = ("teeth_upper", "teeth_lower", "tongue")


def _spread(field: np.ndarray, grid: Grid, upper: np.ndarray, lower: np.ndarray) -> None:
    """Add corrections of the sides (P, 3) at the contact to all rings, in place, each with its share."""
    for ring, share in enumerate(SHARE[: len(grid.vertices)]):
        field[grid.vertices[ring, grid.upper[1:-1]]] += share * upper[1:-1]
        field[grid.vertices[ring, grid.lower[1:-1]]] += share * lower[1:-1]


def join_lips(field: np.ndarray, grid: Grid, gap: float = 0.0) -> np.ndarray:
    """Make both lips follow one curve along the contact, ``gap`` mm apart in y.

    For displacements (V, 3) or (V, N, 3) this takes the variation of the gap out; for positions it closes the
    lips.
    """
    field, half = field.copy(), np.array([0, gap / 2, 0])
    for _ in range(2):  # the second pass removes what the first one's falloff left on the other contact ring
        upper, lower = (
            np.mean([field[grid.vertices[ring, side]] for ring in CONTACT], axis=0)
            for side in (grid.upper, grid.lower)
        )
        middle = (lower + grid.to_lower(upper)) / 2
        _spread(field, grid, grid.to_upper(middle) + half - upper, middle - half - lower)
    for ring in CONTACT:  # exactly, vertex by vertex in y
        upper, lower = field[grid.vertices[ring, grid.upper]], field[grid.vertices[ring, grid.lower]]
        middle = (lower + grid.to_lower(upper)) / 2
        field[grid.vertices[ring, grid.upper[1:-1]], ..., 1] = (grid.to_upper(middle) + half)[1:-1, ..., 1]
        field[grid.vertices[ring, grid.lower[1:-1]], ..., 1] = (middle - half)[1:-1, ..., 1]
    return field


def lip_gap(positions: np.ndarray, grid: Grid) -> np.ndarray:
    """Least height (P,) of the upper lip over the lower along the contact, mm; negative where they cross.

    Lips that pass in front of each other, as in a pout, do not cross: what one lies in front of the other,
    beyond `BEHIND`, may overlap.
    """
    gaps = []
    for ring in CONTACT:
        upper = positions[grid.vertices[ring, grid.upper]]
        apart = upper - grid.to_upper(positions[grid.vertices[ring, grid.lower]])
        gaps.append(apart[:, 1] + np.maximum(np.abs(apart[:, 2]) - BEHIND, 0))
    return np.min(gaps, axis=0)[1:-1]


def part_lips(offsets: np.ndarray, mean: np.ndarray, grid: Grid, least: float = -0.03) -> np.ndarray:
    """Push apart lips that an expression (V, 3) makes cross (by more than rounding lets them at rest)."""
    offsets = offsets.copy()
    for _ in range(20):
        moved = mean + offsets
        missing = np.zeros(len(grid.upper))
        missing[1:-1] = 1.5 * np.maximum(least - lip_gap(moved, grid), 0)
        if missing.max() < 1e-3:
            break
        up = np.stack([0 * missing, missing / 2, 0 * missing], axis=1)
        _spread(offsets, grid, up, -grid.to_lower(up))
    return offsets


def _sag(t: np.ndarray) -> np.ndarray:
    """(P, 3) 1 in the middle of a lip and 0 at its ends, in y."""
    return np.outer(np.sqrt(np.clip(4 * t * (1 - t), 0, 1)), [0, 1, 0])


def seal_lips(offsets: np.ndarray, mean: np.ndarray, grid: Grid, overlap: float = 0.0) -> np.ndarray:
    """Take out of an expression (V, 3) what opens the lips of the mean head (V, 3): both go half of the way.

    Lips are compared where they come to lie above each other, as a jaw may move sideways. They end up
    ``overlap`` mm over each other where that is not 0.
    """
    offsets = offsets.copy()
    wanted = overlap * _sag(grid.t_upper)[:, 1]
    for _ in range(8):
        gaps = []
        for ring in CONTACT:
            upper, lower = ((mean + offsets)[grid.vertices[ring, side]] for side in (grid.upper, grid.lower))
            order = np.argsort(lower[:, 0])
            gaps.append(upper[:, 1] - np.interp(upper[:, 0], lower[order, 0], lower[order, 1]))
        gap = np.maximum(np.max(gaps, axis=0) + wanted - SEALED_WITHIN, 0)
        gap[[0, -1]] = 0
        if gap.max() < 1e-3:
            break
        down = np.outer(gap / 2, [0, -1, 0])
        _spread(offsets, grid, down, -grid.to_lower(down))
    return offsets


def raise_upper_lip(opened: np.ndarray, grid: Grid) -> np.ndarray:
    """An open jaw (V, 3) whose upper lip stays where it is, so that the upper teeth are seen."""
    opened = opened.copy()
    _spread(opened, grid, UPPER_LIP_STAYS * _sag(grid.t_upper), 0 * _sag(grid.t_lower))
    return opened


def close_over_jaw(opened: np.ndarray, close: np.ndarray, grid: Grid, topology: Topology) -> np.ndarray:
    """The offsets (V, 3) that shut lips over an open jaw: both lips move, and the chin stays with the jaw.

    Args:
        opened, close: (V, 3) ``jawOpen``, and an artist's ``mouthClose``.
        grid: of the mouth.
        topology: the mesh.
    """
    skin = topology.quads[slice(*topology.parts["skin"])]
    away = rings(skin, len(opened), grid.vertices[0])
    stays = smoothstep(np.minimum(away, CHIN[1]).astype(float), *CHIN)
    shut = join_lips(opened + (1 - stays)[:, None] * close, grid)
    _spread(shut, grid, -COMES_DOWN * _sag(grid.t_upper), -COMES_DOWN * _sag(grid.t_lower))
    return join_lips(shut, grid) - opened


def inside_at_rest(topology: Topology, source: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Place sock, teeth and tongue into the registered head.

    Args:
        topology: the mesh.
        source: (V, 3) MakeHuman's adult by similarity in our frame.
        mean: (V, 3) with registered skin.

    Returns:
        (V, 3) mean with the inside warped as the skin around the mouth is.
    """
    mean = mean.copy()
    skin = topology.part("skin")
    inside = np.setdiff1d(topology.part("mouth", *INSIDE), skin)
    centre = source[topology.part("mouth")].mean(0) + [0, 0, 10]
    near = skin[np.linalg.norm(source[skin] - centre, axis=1) < 75][::2]
    near = np.union1d(near, topology.mirror[near])
    warp = RBFInterpolator(
        source[near], (mean - source)[near], kernel="thin_plate_spline", smoothing=200.0, degree=1
    )
    mean[inside] = source[inside] + warp(source[inside])
    for part, shift in TEETH_SHIFT.items():
        mean[topology.part(part)] += shift
    sock = np.setdiff1d(topology.part("mouth"), skin)
    deep = np.minimum(mean[sock, 1] - centre[1] - SOCK_FLOOR, 0)
    mean[sock, 1] -= (1 - SOCK_DEPTH) * deep
    tongue = topology.part("tongue")
    mean[tongue, 1] = TONGUE_TOP + TONGUE_HEIGHT * (mean[tongue, 1] - mean[tongue, 1].max()) + centre[1]
    return (mean + mean[topology.mirror] * FLIP) / 2


class Inside:
    """Linear rules by which sock, teeth and tongue follow the skin around the mouth."""

    def __init__(self, topology: Topology, mean: np.ndarray, grid: Grid) -> None:
        self.topology, self.mean, self.grid = topology, mean, grid
        self.hard = topology.part(*INSIDE)
        sock = np.setdiff1d(topology.part("mouth"), topology.part("skin"))
        lips = np.unique(grid.vertices[:3])
        back = sock[mean[sock, 2] < np.quantile(mean[sock, 2], 0.25)]
        teeth = topology.part("teeth_upper", "teeth_lower")
        self.back, self.nodes = back, np.r_[lips, teeth, back]
        self.sock = np.setdiff1d(sock, back)
        self.around = np.flatnonzero(
            (np.linalg.norm(mean - mean[grid.vertices[4]].mean(0), axis=1) < 38)
            & np.isin(np.arange(len(mean)), topology.part("skin"))
        )

    def follow(self, fields: np.ndarray) -> np.ndarray:
        """Carry identity modes (N, V, 3): the inside moves and grows with the mouth, without turning."""
        fields = fields.copy()
        for vertices in (self.hard, self.back):
            fields[:, vertices] = self.carried(fields, self.mean[vertices])
        return self.stretch_sock(fields)

    def carried(self, fields: np.ndarray, points: np.ndarray) -> np.ndarray:
        """How points (P, 3) inside move and grow with the mouth in identity modes (N, V, 3): (N, P, 3)."""
        p = self.mean[self.around]
        centre = p.mean(0)
        basis = np.concatenate([np.eye(3)[:, None] + 0 * p, np.eye(3)[:, None] * (p - centre)])
        flat = basis.reshape(6, -1)
        solved = np.linalg.solve(flat @ flat.T, flat @ fields[:, self.around].reshape(len(fields), -1).T)
        q = points - centre
        there = np.concatenate([np.eye(3)[:, None] + 0 * q, np.eye(3)[:, None] * q]).reshape(6, -1)
        return (solved.T @ there).reshape(len(fields), -1, 3)

    def stretch_sock(self, fields: np.ndarray) -> np.ndarray:
        """Let the sock between lips, teeth and throat follow them by a thin-plate spline; (N, V, 3)."""
        fields = fields.copy()
        values = fields[:, self.nodes].transpose(1, 0, 2).reshape(len(self.nodes), -1)
        spline = RBFInterpolator(
            self.mean[self.nodes], values, kernel="thin_plate_spline", smoothing=50.0, degree=1
        )
        filled = spline(self.mean[self.sock]).reshape(len(self.sock), len(fields), 3)
        fields[:, self.sock] = filled.transpose(1, 0, 2)
        return fields

    def follow_jaw(self, offsets: np.ndarray, teeth: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Move the lower teeth and the tongue rigidly as ICT's lower teeth move in an expression (V, 3)."""
        rest, moved = teeth
        offsets = offsets.copy()
        _, rotation, translation = procrustes(rest, moved, np.ones(len(rest)))
        translation = moved.mean(0) - rotation @ rest.mean(0)
        for part in ("teeth_lower", "tongue"):
            vertices = self.topology.part(part)
            p = self.mean[vertices]
            change = p @ rotation.T + translation - p
            if part == "tongue":  # its root stays in the throat, its tip behind the teeth
                z = p[:, 2]
                change *= np.clip((z - z.min()) / (0.5 * np.ptp(z)), 0.5, 1)[:, None]
            offsets[vertices] = change
        return offsets


def ict_lower_teeth(ict: Ict, expression: str, share: float) -> tuple[np.ndarray, np.ndarray]:
    """ICT's lower teeth (n, 3) at rest and in a share of an expression, mm."""
    opened = np.linalg.norm(ict.expression["jawOpen"][TEETH], axis=1) > 3
    rest = ict.mean[TEETH][opened]
    return rest, rest + share * ict.expression[expression][TEETH][opened]
