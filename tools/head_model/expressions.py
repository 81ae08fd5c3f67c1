"""The ARKit-52 expressions, each from the better of two sources.

ICT-FaceKit's shapes come from scans and have natural folds; MakeHuman has a tongue. Left and right shapes are
made exact mirror images, tiny offsets exactly zero, and lips do not cross at weight 1 (`mouthClose` excepted,
which means nothing without `jawOpen`: their sum is the closed mouth). What does not mean to open the mouth
leaves it shut, and so do sums.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eyeball import clear_of_eyeball, pupil_looking
from eyes import MARGIN, Ball, Blink, blink, clear_of_ball, opened
from grids import Grid
from headshot.ramps import smoothstep
from ict import Ict
from identity import transfer
from makehuman import MakeHuman
from mouth import Inside, close_over_jaw, ict_lower_teeth, part_lips, raise_upper_lip, seal_lips
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
# What leaves lips that touch touching, alone and together.
SEALED = (
    "cheek", "jawForward", "jawLeft", "jawRight", "mouthDimple", "mouthFrown", "mouthLeft", "mouthPress",
    "mouthPucker", "mouthRight", "mouthRoll", "mouthShrug", "mouthSmile", "mouthStretch",
)  # fmt: skip
# What may come with a blink, and where the eye looks then; mm that closed lids keep from the eyeball.
WITH_BLINKS = {
    "eyeWide": None, "eyeSquint": None, "eyeLookUp": "Up", "eyeLookDown": "Down", "eyeLookIn": "In",
    "eyeLookOut": "Out",
}  # fmt: skip
BLINK_CLEARANCE = 1.1
HALF_WAY = (0.3, 0.5, 0.7)  # weights at which the straight path of lids has to pass the cornea, too
OPENING = ("eyeWide", "eyeLookUp", "browOuterUp")  # what opens lids, and may not open closed ones
ROLLED = 1.0  # mm by which lips overlap that roll in, as their edges come farther apart than their contact
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
    eye_centres: dict[str, np.ndarray]


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
    shapes["jawOpen"] = raise_upper_lip(shapes["jawOpen"], mouth)
    shapes["mouthClose"] = close_over_jaw(shapes["jawOpen"], shapes["mouthClose"], mouth, s.topology)
    shapes["tongueOut"] = _around_tongue(shapes["tongueOut"], shapes, s.topology)
    shapes = {name: quieted(offsets) for name, offsets in shapes.items()}
    for name in NAMES:
        if name != "mouthClose":
            shapes[name] = part_lips(shapes[name], s.mean, mouth)
        if name.startswith(SEALED):
            overlap = ROLLED if name.startswith("mouthRoll") else 0.0
            shapes[name] = seal_lips(shapes[name], s.mean, mouth, overlap)
    for name in NAMES:
        if name.startswith(("eye", "cheekSquint")):
            for side, grid in s.grids.items():
                if side != "mouth" and np.abs(shapes[name][grid.vertices]).max() > 0:
                    shapes[name] = clear_of_ball(shapes[name], s.mean, grid, s.balls[side])
    for direction in ("Down", "Up", "In", "Out"):
        pupil = pupil_looking(direction)
        shapes[f"eyeLook{direction}Left"] = clear_of_eyeball(
            shapes[f"eyeLook{direction}Left"], s.mean, s.grids["eye_left"], s.eye_centres["eye_left"], pupil
        )
    shapes = _symmetric(shapes, s.topology.mirror, one_sided=("eyeLook",))
    for name in NAMES:
        for side, grid in s.grids.items():
            if side != "mouth" and not name.startswith("eyeBlink"):
                shapes[name] = _border_along(shapes[name], s.mean, grid, s.eye_centres[side])
    sock = s.inside.sock
    stretched = s.inside.stretch_sock(np.array([shapes[name] for name in NAMES]))
    stretched[:, sock] = quieted(stretched[:, sock])
    shapes = dict(zip(NAMES, stretched, strict=True))

    blinks = {}
    for eye, side in (("eye_left", "Left"), ("eye_right", "Right")):
        wider = opened([shapes[f"{name}{side}"] for name in OPENING], s.grids[eye])
        base = shapes[f"eyeBlink{side}"]
        blinks[f"eyeBlink{side}"] = blink(
            base, s.mean, s.modes, s.grids[eye], s.balls[eye], s.changes[eye], wider
        )
    lifted, grid, centre = blinks["eyeBlinkLeft"].offsets, s.grids["eye_left"], s.eye_centres["eye_left"]
    for name, direction in WITH_BLINKS.items():  # what else the eye does may not push it through the lid
        both, pupil = lifted + shapes[f"{name}Left"], pupil_looking(direction)
        lifted = lifted + clear_of_eyeball(both, s.mean, grid, centre, pupil, BLINK_CLEARANCE) - both
    for share in HALF_WAY:
        path = share * lifted
        lifted += (clear_of_eyeball(path, s.mean, grid, centre, pupil_looking(None)) - path) / share
    shapes["eyeBlinkLeft"], shapes["eyeBlinkRight"] = lifted, lifted[s.topology.mirror] * FLIP
    blinks = {name: replace(made, offsets=shapes[name]) for name, made in blinks.items()}
    shapes = _symmetric(shapes, s.topology.mirror)
    return np.array([shapes[name] for name in NAMES]), blinks


def _border_along(offsets: np.ndarray, mean: np.ndarray, grid: Grid, centre: np.ndarray) -> np.ndarray:
    """Let the border of the lids, ring 0, follow the margin along the eyeball without leaving it."""
    offsets, border = offsets.copy(), grid.vertices[0]
    normal = mean[border] - centre
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    moved = offsets[grid.vertices[MARGIN]]
    offsets[border] = moved - (moved * normal).sum(1, keepdims=True) * normal
    return offsets


def _around_tongue(offsets: np.ndarray, shapes: dict[str, np.ndarray], topology: Topology) -> np.ndarray:
    """Part the lips, not the jaws, for a tongue that comes out, and lay it on the lower lip."""
    tongue = topology.part("tongue")
    lips = 0.35 * shapes["mouthFunnel"]
    lips += 0.4 * (shapes["mouthLowerDownLeft"] + shapes["mouthLowerDownRight"])
    out = offsets + lips
    out[tongue] = offsets[tongue]
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
