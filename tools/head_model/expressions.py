"""The ARKit-52 expressions, each from the better of two sources.

ICT-FaceKit's shapes come from scans and have natural folds; MakeHuman has a tongue. Left and right shapes are
made exact mirror images, tiny offsets exactly zero, and lips do not cross at weight 1 (`mouthClose` excepted,
which means nothing without `jawOpen`: their sum is the closed mouth).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eyes import Ball, Blink, blink, clear_of_ball, gaze
from grids import Grid
from headshot.ramps import smoothstep
from ict import Ict
from identity import transfer
from makehuman import MakeHuman
from mouth import Inside, ict_lower_teeth, join_lips, part_lips
from register import FLIP, Registration
from topology import Topology

NAMES = (
    "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff",
    "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight", "eyeLookDownLeft",
    "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft", "eyeLookOutRight",
    "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight", "eyeWideLeft", "eyeWideRight",
    "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose", "mouthDimpleLeft", "mouthDimpleRight",
    "mouthFrownLeft", "mouthFrownRight", "mouthFunnel", "mouthLeft", "mouthLowerDownLeft",
    "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight", "mouthPucker", "mouthRight",
    "mouthRollLower", "mouthRollUpper", "mouthShrugLower", "mouthShrugUpper", "mouthSmileLeft",
    "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight", "mouthUpperUpLeft", "mouthUpperUpRight",
    "noseSneerLeft", "noseSneerRight", "tongueOut",
)  # fmt: skip
JAW = ("jawForward", "jawLeft", "jawOpen", "jawRight")

# name without side -> (share of ICT's shape, share of MakeHuman's); ICT's alone where nothing is said
BLEND = {
    "jawOpen": (0.85, 0.0),  # 28 mm between the lips
    "mouthClose": (0.85, 0.0),
    "noseSneer": (0.45, 0.55),  # ICT's bares the teeth
    "mouthLeft": (0.7, 0.0),
    "mouthRight": (0.7, 0.0),
    "eyeLookDown": (0.55, 0.0),  # the rest of the way down is a blink's
    "eyeLookUp": (0.7, 0.0),
    "tongueOut": (0.0, 1.0),
}
# Brows and eyes leave the lower face alone (ICT's move the jaw by half a millimetre): mm below the eyes.
UPPER, FADE = ("brow", "eye"), (40.0, 58.0)
QUIET = (0.15, 0.45)  # mm: offsets below the first vanish, those above the second stay as they are


@dataclass(frozen=True)
class Sources:
    """Everything that the expressions are made from, all in one frame (ICT's orientation, mm)."""

    topology: Topology
    makehuman: MakeHuman
    ict: Ict
    registration: Registration
    mean: np.ndarray
    modes: np.ndarray
    grids: dict[str, Grid]
    balls: dict[str, Ball]
    changes: dict[str, list[Ball]]
    inside: Inside


def partner(name: str) -> str:
    """The same expression on the other side; itself when it is symmetric."""
    for a, b in (("Left", "Right"), ("Right", "Left")):
        if name.endswith(a):
            return name.removesuffix(a) + b
    return name


def ict_names(name: str) -> list[str]:
    """ICT's shapes whose sum is an ARKit expression."""
    if name in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return [name]
    for side in ("Left", "Right"):
        if name.endswith(side):
            return [f"{name.removesuffix(side)}_{side[0]}"]
    return [f"{name}_L", f"{name}_R"] if name in ("browInnerUp", "cheekPuff") else [name]


def quieted(offsets: np.ndarray) -> np.ndarray:
    """Offsets (..., 3) with the smallest faded to exactly zero, so that expressions have local support."""
    size = np.linalg.norm(offsets, axis=-1, keepdims=True)
    return offsets * smoothstep(size, *QUIET)


def expressions(s: Sources) -> tuple[np.ndarray, dict[str, Blink]]:
    """All expressions (52, V, 3) at weight 1 on the mean head, mm, and the blinks with their corrections."""
    n, skin = len(s.mean), s.topology.part("skin")
    names = list(s.ict.expression)
    carried = dict(
        zip(
            names,
            transfer(np.array([s.ict.expression[k] for k in names]), s.registration.skin, s.topology, s.ict),
            strict=True,
        )
    )
    shapes = {}
    for name in NAMES:
        stem = name.removesuffix("Left").removesuffix("Right") if name not in BLEND else name
        ict_share, makehuman_share = BLEND.get(stem, (1.0, 0.0))
        offsets = np.zeros((n, 3))
        if ict_share:
            offsets[skin] = ict_share * sum(carried[k] for k in ict_names(name))
        if makehuman_share:
            target = s.registration.turned(s.makehuman.target(name)[s.topology.makehuman])
            offsets[skin] += makehuman_share * target[skin]
            if name == "tongueOut":
                tongue = s.topology.part("tongue")
                offsets[tongue] = target[tongue]
        if name in JAW:
            offsets = s.inside.follow_jaw(offsets, ict_lower_teeth(s.ict, name, ict_share))
        if name.startswith(UPPER):
            below = s.balls["eye_left"].centre[1] - s.mean[:, 1]
            offsets *= np.clip((FADE[1] - below) / (FADE[1] - FADE[0]), 0, 1)[:, None]
        shapes[name] = offsets
    shapes = _symmetric(shapes, s.topology.mirror)

    mouth = s.grids["mouth"]
    opened = shapes["jawOpen"]
    shapes["mouthClose"] = join_lips(opened + shapes["mouthClose"], mouth) - opened
    shapes["tongueOut"] = _around_tongue(shapes["tongueOut"], shapes, s.topology)
    shapes = {name: quieted(offsets) for name, offsets in shapes.items()}
    for name in NAMES:
        if name != "mouthClose":
            shapes[name] = part_lips(shapes[name], s.mean, mouth)
    for name in NAMES:
        if name.startswith(("eye", "cheekSquint")):
            for side, grid in s.grids.items():
                if side != "mouth" and np.abs(shapes[name][grid.vertices]).max() > 0:
                    shapes[name] = clear_of_ball(shapes[name], s.mean, grid, s.balls[side])
    eye = s.topology.part("eye_left")
    for direction in ("Down", "Up", "In", "Out"):
        shapes[f"eyeLook{direction}Left"][eye] = gaze(s.mean, eye, s.balls["eye_left"], direction)
    sock = s.inside.sock
    stretched = s.inside.stretch_sock(np.array([shapes[name] for name in NAMES]))
    stretched[:, sock] = quieted(stretched[:, sock])
    shapes = dict(zip(NAMES, stretched, strict=True))

    left = blink(
        shapes["eyeBlinkLeft"],
        s.mean,
        s.modes,
        s.grids["eye_left"],
        s.balls["eye_left"],
        s.changes["eye_left"],
    )
    right = blink(
        shapes["eyeBlinkRight"], s.mean, s.modes, s.grids["eye_right"], s.balls["eye_right"],
        s.changes["eye_right"],
    )  # fmt: skip
    blinks = {"eyeBlinkLeft": left, "eyeBlinkRight": right}
    for name, made in blinks.items():
        shapes[name] = made.offsets
    shapes = _symmetric(shapes, s.topology.mirror, one_sided=("eyeLook",))
    return np.array([shapes[name] for name in NAMES]), blinks


def _around_tongue(offsets: np.ndarray, shapes: dict[str, np.ndarray], topology: Topology) -> np.ndarray:
    """Let lips and jaw make room for a tongue that comes out, and lay it on the lower lip."""
    tongue = topology.part("tongue")
    out = offsets + 0.35 * shapes["jawOpen"] + 0.25 * shapes["mouthFunnel"]
    out[tongue] = offsets[tongue] + 0.35 * shapes["jawOpen"][tongue]
    out[tongue, 1] -= 0.12 * offsets[tongue, 2]
    return out


def _symmetric(
    shapes: dict[str, np.ndarray], mirror: np.ndarray, one_sided: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """Make partners exact mirror images (those that start with ``one_sided`` after the left one)."""
    result = {}
    for name, offsets in shapes.items():
        other = shapes[partner(name)][mirror] * FLIP
        if name.startswith(one_sided) and one_sided:
            result[name] = offsets if name.endswith("Left") else other
        else:
            result[name] = (offsets + other) / 2
    return result
