"""Eyeballs and teeth of the model: they take the places of MakeHuman's, which stood for them so far."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

import eyeball
from atlas import STRIPS, Atlas
from expressions import BLEND, JAW, NAMES, partner
from geometry import Head
from mouth import ict_lower_teeth, procrustes
from register import FLIP
from teeth import rows_of_teeth
from topology import PARTS

# Rows are moved from where ICT has them: upper teeth show when lips part, lower ones stay behind them.
SHIFT = {"teeth_upper": np.array([0, -1.8, -0.6]), "teeth_lower": np.array([0, 0.6, -0.8])}


@dataclass(frozen=True)
class Piece:
    """A part of the model by itself; n vertices, t texture coordinates.

    Attributes:
        mean: (n, 3) mm in the head frame.
        base: (n, 3) the same, exactly symmetric with its counterpart.
        identity, expression: (I, n, 3), (52, n, 3) mm.
        quads, quads_uv: (q, 4).
        uv: (t, 2).
        mirror: (n,) counterparts, in the piece that is the counterpart.
        gums, between: (n,) of teeth, see `teeth.Row`.
    """

    mean: np.ndarray
    base: np.ndarray
    identity: np.ndarray
    expression: np.ndarray
    quads: np.ndarray
    quads_uv: np.ndarray
    uv: np.ndarray
    mirror: np.ndarray
    gums: np.ndarray
    between: np.ndarray


def kept(head: Head, atlas: Atlas, part: str) -> Piece:
    """A part as it is; "skin" with the sock behind the lips."""
    names = ("skin", "mouth") if part == "skin" else (part,)
    vertices = head.topology.part(*names)
    chosen = np.concatenate([np.arange(*head.topology.parts[name]) for name in names])
    number = np.full(len(head.mean), -1)
    number[vertices] = np.arange(len(vertices))
    used, corners = np.unique(atlas.quads[chosen], return_inverse=True)
    return Piece(
        mean=head.mean[vertices],
        base=head.topology.base[vertices],
        identity=head.identity[:, vertices],
        expression=head.expression[:, vertices],
        quads=number[head.topology.quads[chosen]],
        quads_uv=corners.reshape(-1, 4),
        uv=atlas.uv[used],
        mirror=number[head.topology.mirror[vertices]],
        gums=np.zeros(len(vertices)),
        between=np.zeros(len(vertices)),
    )


def eyes(head: Head) -> dict[str, Piece]:
    """Both eyeballs: the left one, and its mirror image."""
    mesh = eyeball.eye_mesh()
    axis, centre = eyeball.axis_of_sight(1), head.eye_centres["eye_left"]
    points = eyeball.shaped(eyeball.turned_outwards(mesh.directions), axis)
    n = len(points)
    expression = np.zeros((len(NAMES), n, 3))
    for direction in eyeball.GAZES:
        expression[NAMES.index(f"eyeLook{direction}Left")] = eyeball.gaze(points, axis, direction)
    twin = [NAMES.index(partner(name)) for name in NAMES]
    left = Piece(
        points + centre, points + centre, np.repeat(head.eye_modes["eye_left"][:, None], n, 1), expression,
        mesh.quads, mesh.quads_uv, mesh.uv * [-1, 1] + [1, 0], np.arange(n), np.zeros(n), np.zeros(n),
    )  # fmt: skip
    right = replace(
        left,
        mean=left.mean * FLIP,
        base=left.base * FLIP,
        identity=np.repeat(head.eye_modes["eye_right"][:, None], n, 1),
        expression=(expression * FLIP)[twin],
        quads=mesh.quads[:, [0, 3, 2, 1]],
        quads_uv=mesh.quads_uv[:, [0, 3, 2, 1]],
        uv=mesh.uv,
    )
    return {"eye_left": left, "eye_right": right}


def teeth(head: Head) -> dict[str, Piece]:
    """Both rows of teeth; the lower one moves with the jaw."""
    made = {}
    for part, row in rows_of_teeth(head.ict).items():
        there = row.vertices + SHIFT[part]
        expression = np.zeros((len(NAMES), len(there), 3))
        for name in JAW if part == "teeth_lower" else ():
            share = BLEND.get(name, (1.0, 0.0))[0]
            rest, moved = ict_lower_teeth(head.ict, name, share)
            _, rotation, _ = procrustes(rest, moved, np.ones(len(rest)))
            translation = moved.mean(0) - rotation @ rest.mean(0)
            moves = there @ rotation.T + translation - there
            for each, offsets in ((name, moves), (partner(name), moves[row.mirror] * FLIP)):
                expression[NAMES.index(each)] += offsets / 2  # exactly symmetric
        u0, v0, u1, v1 = STRIPS[part]
        made[part] = Piece(
            there - head.origin, there - head.origin, head.inside.carried(head.identity, there), expression,
            row.quads, row.quads, np.array([u0, v0]) + row.uv * [u1 - u0, v1 - v0], row.mirror, row.gums,
            row.between,
        )  # fmt: skip
    return made


def exchanged(
    head: Head, atlas: Atlas, masks: dict[str, np.ndarray]
) -> tuple[Head, Atlas, dict[str, np.ndarray]]:
    """The head, its atlas and its regions with these eyeballs and teeth; theirs are added to the regions."""
    pieces = {"skin": kept(head, atlas, "skin"), **eyes(head), **teeth(head)}
    pieces["tongue"] = kept(head, atlas, "tongue")
    names = list(pieces)
    counts = [len(piece.mean) for piece in pieces.values()]
    start = dict(zip(names, np.cumsum([0, *counts[:-1]]).tolist(), strict=True))
    layouts = [0, *(len(piece.uv) for piece in pieces.values())]
    start_uv = dict(zip(names, np.cumsum(layouts[:-1]).tolist(), strict=True))
    opposite = {"eye_left": "eye_right", "eye_right": "eye_left"}
    first, parts = 0, {}
    for name, piece in pieces.items():
        parts[name] = (first, first + len(piece.quads))
        first += len(piece.quads)
    parts |= {part: head.topology.parts[part] for part in ("skin", "mouth")}
    topology = replace(
        head.topology,
        quads=np.concatenate([piece.quads + start[name] for name, piece in pieces.items()]),
        parts={part: parts[part] for part in PARTS},
        mirror=np.concatenate([p.mirror + start[opposite.get(name, name)] for name, p in pieces.items()]),
        base=np.concatenate([piece.base for piece in pieces.values()]),
    )
    changed = replace(
        head,
        topology=topology,
        mean=np.concatenate([piece.mean for piece in pieces.values()]),
        identity=np.concatenate([piece.identity for piece in pieces.values()], axis=1),
        expression=np.concatenate([piece.expression for piece in pieces.values()], axis=1),
        blinks={
            name: replace(blink, correction=_extended(blink.correction, counts))
            for name, blink in head.blinks.items()
        },
    )
    layout = Atlas(
        np.concatenate([piece.uv for piece in pieces.values()]),
        np.concatenate([piece.quads_uv + start_uv[name] for name, piece in pieces.items()]),
        np.zeros(0, int),
    )
    n, skin = sum(counts), counts[0]
    regions = {name: np.r_[mask[:skin], np.zeros(n - skin)] for name, mask in masks.items()}
    regions["gums"] = np.concatenate([piece.gums for piece in pieces.values()])
    regions["between_teeth"] = np.concatenate([piece.between for piece in pieces.values()])
    return changed, layout, regions


def _extended(correction: np.ndarray, counts: list[int]) -> np.ndarray:
    """Corrections (I, V, 3), which touch the skin alone, for the new number of vertices."""
    out = np.zeros((len(correction), sum(counts), 3))
    out[:, : counts[0]] = correction[:, : counts[0]]
    return out
