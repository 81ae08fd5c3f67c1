"""From the two sources to mean, identity modes and expressions on the low mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

import expressions
import eyeball
import eyes
import identity
import mouth
from grids import Grid, grids
from ict import EYEBALLS, HEAD, Ict, read_ict
from makehuman import MakeHuman, read_makehuman
from quadmesh import triangles_of, vertex_areas
from register import FLIP, Registration, register
from topology import Topology, head_topology

SEED = 20260522


@dataclass(frozen=True)
class Head:
    """The model's geometry in the head frame (origin between the eyeballs of the mean head), mm.

    Attributes:
        mean: (V, 3).
        identity: (I, V, 3) per standard deviation.
        expression: (E, V, 3) in the order of ``expressions.NAMES``.
        blinks: name -> blink with its identity-dependent part.
        face_weight: (V,) where heads are aligned: frontal face and eyeballs, by area.
        eye_centres: "eye_left", "eye_right": (3,) of the mean eyeballs, about which they turn.
        eye_modes: likewise (I, 3), how they move with the identity.
        inside: by which teeth follow the mouth.
        target: ICT's mean head in this frame: vertices, and triangles of face, head and neck.
        marks: (68, 3) the iBUG points on it.
        variances: of all principal modes.
        ict: the face kit, whose vertices less ``origin`` (3,) are in this frame.
    """

    topology: Topology
    makehuman: MakeHuman
    grids: dict[str, Grid]
    mean: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    blinks: dict[str, eyes.Blink]
    face_weight: np.ndarray
    eye_centres: dict[str, np.ndarray]
    eye_modes: dict[str, np.ndarray]
    inside: mouth.Inside
    target: tuple[np.ndarray, np.ndarray]
    marks: np.ndarray
    variances: np.ndarray
    ict: Ict
    origin: np.ndarray


@dataclass(frozen=True)
class Registered:
    """The mean head before statistics, in ICT's frame, and what the populations are made from."""

    topology: Topology
    makehuman: MakeHuman
    ict: Ict
    registration: Registration
    adult: np.ndarray
    mean: np.ndarray
    grids: dict[str, Grid]
    balls: dict[str, eyes.Ball]
    maps: np.ndarray
    face_weight: np.ndarray

    def ict_rows(self) -> np.ndarray:
        """ICT's identity modes, rigid motion and face scale taken out."""
        modes = identity.ict_modes(self.registration.skin, self.topology, self.ict)
        return identity.without_similarity(modes, self.mean, self.face_weight)

    def characters(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """Random MakeHuman characters (count, V, 3) as offsets from the mean head.

        They are aligned in MakeHuman's own proportions first: the local maps are for differences of shape.
        """
        made = identity.characters(self.makehuman, self.topology, count, rng)
        turned = identity.aligned(self.registration.turned(made), self.adult, self.face_weight)
        carried = np.einsum("vij,nvj->nvi", self.maps, turned)
        return identity.aligned(carried, self.mean, self.face_weight)


def register_sources(makehuman_folder: str | Path, ict_file: str | Path) -> Registered:
    """Read both sources and put MakeHuman's head on ICT's mean."""
    source, ict = read_makehuman(makehuman_folder), read_ict(ict_file)
    topology = head_topology(source)
    registration = register(topology, source.adult[topology.makehuman], ict)
    adult = registration.similarity(source.adult[topology.makehuman])
    skin = topology.part("skin")
    mean = adult.copy()
    mean[skin] = registration.skin
    around = grids(topology, mean)

    balls = {}
    for eye, vertices in EYEBALLS.items():
        start = eyes.ball_of(ict.mean[vertices])
        balls[eye] = eyes.fit_ball(mean[around[eye].vertices[eyes.MARGIN]], start)
    left, right = balls["eye_left"], balls["eye_right"]
    centre, radius = (left.centre + right.centre * FLIP) / 2, (left.radius + right.radius) / 2
    balls = {"eye_left": eyes.Ball(centre, radius), "eye_right": eyes.Ball(centre * FLIP, radius)}
    for eye, ball in balls.items():
        mean = eyes.seat_lids(mean, around[eye], ball)
        vertices = topology.part(eye)
        mean[vertices] = eyes.place_eyeball(adult[vertices], eyes.ball_of(adult[vertices]), ball)
    for _ in range(2):  # joining moves the vertices along the lips a little, and with them what is opposite
        mean = mouth.join_lips(mean, around["mouth"], mouth.REST_GAP)
        around = grids(topology, mean)
    mean = mouth.inside_at_rest(topology, adult, mean)

    maps = np.tile(np.eye(3), (len(mean), 1, 1))
    maps[skin] = identity.local_maps(adult[skin], registration.skin, np.eye(3))
    weight = face_weight(topology, mean, (balls["eye_left"].centre + balls["eye_right"].centre) / 2)
    return Registered(
        topology, source, ict, registration, adult, mean, around, balls, maps, weight
    )  # fmt: skip


def face_weight(topology: Topology, mean: np.ndarray, origin: np.ndarray) -> np.ndarray:
    """(V,) areas of the frontal face without ears, and a tenth for the eyeballs; sums to 1."""
    x, y, z = (mean - origin).T
    inner = np.isin(np.arange(len(mean)), topology.part("skin"))
    soft = [(z + 5) / 15, (72 - y) / 15, (y + 120) / 10, (72 - np.abs(x)) / 8]
    area = vertex_areas(mean, triangles_of(topology.quads))
    weight = area * inner * np.prod([np.clip(value, 0, 1) for value in soft], axis=0)
    balls = topology.part("eye_left", "eye_right")
    weight[balls] = 0.1 * weight.sum() / len(balls)
    return weight / weight.sum()


def make_head(registered: Registered) -> Head:
    """Statistics and expressions."""
    r, rng = registered, np.random.default_rng(SEED)
    rows = identity.mixture_rows(r.ict_rows(), r.characters(identity.CHARACTERS, rng))
    skin = np.isin(np.arange(len(r.mean)), r.topology.part("skin"))
    area = vertex_areas(r.mean, triangles_of(r.topology.quads))
    weight = np.maximum(r.face_weight, 0.12 * skin * area / area[skin].sum())
    modes, variances = identity.principal_modes(rows, weight, r.topology.mirror, identity.MODES)

    modes = mouth.join_lips(modes.transpose(1, 0, 2), r.grids["mouth"]).transpose(1, 0, 2)
    inside = mouth.Inside(r.topology, r.mean, r.grids["mouth"])
    modes = inside.follow(modes)
    changes = {
        eye: eyes.seat_modes(modes, r.mean, r.grids[eye], ball, r.topology.part(eye))
        for eye, ball in r.balls.items()
    }
    centres = {eye: eyeball.centre_of(ball.centre) for eye, ball in r.balls.items()}
    # The front of an eyeball follows that of the sphere of the lids, whose radius varies a little.
    moves = {eye: np.array([c.centre + [0, 0, c.radius] for c in change]) for eye, change in changes.items()}
    mean = r.mean.copy()
    for eye, centre in centres.items():
        axis = eyeball.axis_of_sight(1 if eye == "eye_left" else -1)
        border = r.grids[eye].vertices[0]
        mean[border] = eyeball.tuck_in(r.mean, r.grids[eye], centre, axis)
        normal = mean[border] - centre
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        beside = modes[:, r.grids[eye].vertices[eyes.MARGIN]] - moves[eye][:, None]
        modes[:, border] = moves[eye][:, None] + beside - (beside * normal).sum(2, keepdims=True) * normal
    shapes, blinks = expressions.expressions(
        expressions.Sources(
            r.topology, r.makehuman, r.ict, r.registration, mean, modes, r.grids, r.balls, changes, inside,
            centres,
        )
    )  # fmt: skip
    origin = (r.balls["eye_left"].centre + r.balls["eye_right"].centre) / 2
    return Head(
        topology=r.topology,
        makehuman=r.makehuman,
        grids=r.grids,
        mean=mean - origin,
        identity=modes,
        expression=shapes,
        blinks=blinks,
        face_weight=r.face_weight,
        eye_centres={eye: centre - origin for eye, centre in centres.items()},
        eye_modes=moves,
        inside=inside,
        ict=r.ict,
        origin=origin,
        target=(r.ict.mean - origin, r.ict.surface(HEAD)),
        marks=r.ict.mean[r.ict.landmarks] - origin,
        variances=variances,
    )
