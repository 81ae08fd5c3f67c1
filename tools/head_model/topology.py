"""Which of MakeHuman's quads make the head, in which order, and how they split: fixed once and for all.

Landmark correspondences are stored as triangles of this mesh, so nothing here may depend on registered data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from makehuman import MakeHuman
from quadmesh import boundary_loops, islands, rings

PARTS = ("skin", "mouth", "eye_left", "eye_right", "teeth_upper", "teeth_lower", "tongue")
HELPERS = {
    "eye_left": "helper-l-eye",
    "eye_right": "helper-r-eye",
    "teeth_upper": "helper-upper-teeth",
    "teeth_lower": "helper-lower-teeth",
    "tongue": "helper-tongue",
}
NECK_HEIGHT, NECK_SLOPE = 612.0, 0.28  # the neck is cut where y = 612 - 0.28 z, mm in MakeHuman's frame
MOUTH_HEIGHT = 660.0  # mm, roughly
SOCKETS_BEHIND = 100.0  # mm: only the sockets of the eyes lie wholly in front of this
SKIN_QUADS = 3350
INNER_LIP_RINGS = 3  # rings of the mouth's inside that belong to the skin: the wet part of the lips


@dataclass(frozen=True)
class Topology:
    """The head's mesh at low resolution.

    Attributes:
        makehuman: (V,) vertex of MakeHuman's base mesh for each of ours: skin first, then the other parts.
        quads: (Q, 4) our vertices, counter-clockwise from outside, split along corners 0-2.
        makehuman_quads: (Q,) MakeHuman's quad for each of ours.
        rotation: (Q,) by how many corners ours starts later than MakeHuman's.
        parts: name -> (first, last + 1) quad.
        mirror: (V,) counterpart of each vertex.
        base: (V, 3) exactly symmetric places, mm, those of MakeHuman's base mesh.
    """

    makehuman: np.ndarray
    quads: np.ndarray
    makehuman_quads: np.ndarray
    rotation: np.ndarray
    parts: dict[str, tuple[int, int]]
    mirror: np.ndarray
    base: np.ndarray

    def part(self, *names: str) -> np.ndarray:
        """(n,) sorted vertices of the named parts."""
        return np.unique(np.concatenate([self.quads[slice(*self.parts[n])].ravel() for n in names]))


def head_topology(source: MakeHuman) -> Topology:
    """Cut the head out of MakeHuman's base mesh."""
    body = np.flatnonzero(source.groups == "body")
    quads = source.quads[body]
    chart = islands(source.quads_uv[body], len(source.uv))
    # MakeHuman's texture charts separate the parts: the head is the one with the foremost point above the
    # neck; the inside of the mouth is the one that has the loop of the lips in common with it.
    above_neck = np.unique(quads[source.vertices[quads, 1].min(1) > 600])
    nose_tip = above_neck[source.vertices[above_neck, 2].argmax()]
    head = chart == chart[(quads == nose_tip).any(1)][0]
    lips = min(
        boundary_loops(quads[head]), key=lambda loop: abs(source.vertices[loop, 1].mean() - MOUTH_HEIGHT)
    )
    sharing = [c for c in np.unique(chart[~head]) if np.isin(lips, quads[chart == c]).all()]
    inside = chart == sharing[0]
    depth = rings(quads[inside], len(source.vertices), lips)
    wet = inside & (depth[quads].max(1) <= INNER_LIP_RINGS)
    # The neck is what lies above the cutting plane and is neither head nor mouth nor the sockets of the eyes.
    height = source.vertices[:, 1] + NECK_SLOPE * source.vertices[:, 2]
    sockets = [c for c in np.unique(chart) if source.vertices[quads[chart == c], 2].min() > SOCKETS_BEHIND]
    neck = (height[quads] > NECK_HEIGHT).all(1) & ~head & ~inside & ~np.isin(chart, sockets)
    chosen = {"skin": body[head | wet | neck], "mouth": body[inside & ~wet]}
    if len(chosen["skin"]) != SKIN_QUADS:
        raise ValueError(f"the skin has {len(chosen['skin'])} quads, not {SKIN_QUADS}: another base mesh?")
    for name, group in HELPERS.items():
        chosen[name] = np.flatnonzero(source.groups == group)

    order = np.concatenate([np.unique(source.quads[chosen[name]]) for name in PARTS])
    _, first = np.unique(order, return_index=True)
    makehuman = order[np.sort(first)]
    number = np.full(len(source.vertices), -1)
    number[makehuman] = np.arange(len(makehuman))
    makehuman_quads = np.concatenate([chosen[name] for name in PARTS])
    sizes = np.cumsum([0] + [len(chosen[name]) for name in PARTS])
    rotation = _rotations(source, makehuman_quads)
    corners = (np.arange(4) + rotation[:, None]) % 4
    ours = np.take_along_axis(source.quads[makehuman_quads], corners, 1)
    return Topology(
        makehuman=makehuman,
        quads=number[ours],
        makehuman_quads=makehuman_quads,
        rotation=rotation,
        parts={name: (int(sizes[i]), int(sizes[i + 1])) for i, name in enumerate(PARTS)},
        mirror=number[source.mirror[makehuman]],
        base=source.vertices[makehuman],
    )


def _rotations(source: MakeHuman, chosen: np.ndarray) -> np.ndarray:
    """(Q,) start corner such that corners 0-2 are the shorter diagonal, the same one on both sides."""
    quads = source.quads[chosen]
    p = source.vertices[quads]
    shorter = np.linalg.norm(p[:, 0] - p[:, 2], axis=1) <= np.linalg.norm(p[:, 1] - p[:, 3], axis=1) + 1e-6
    rotation = np.where(shorter, 0, 1)
    where = {tuple(sorted(q)): i for i, q in enumerate(quads.tolist())}
    for i, quad in enumerate(quads.tolist()):
        j = where[tuple(sorted(source.mirror[quad].tolist()))]
        if p[i, :, 0].sum() > 0 and j != i:  # the subject's left side decides for both
            diagonal = {quad[rotation[i]], quad[(rotation[i] + 2) % 4]}
            mirrored = {int(source.mirror[v]) for v in diagonal}
            rotation[j] = 0 if {int(quads[j, 0]), int(quads[j, 2])} == mirrored else 1
    return rotation
