"""VRM 1.0: the head as an avatar, for programs that animate avatars of VRM.

A VRM is a GLB with the extension VRMC_vrm (https://github.com/vrm-c/vrm-specification, version 1.0), which
says which nodes are the bones of a human, and what its expressions are made of. A body is required: the head
gets bones of one, in the pose of the letter T, that carry no surface. Meshes stand on them at the height of a
person's head, in metres, facing +z, as VRM wants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from headshot.arrays import F32, Index, Mask
from headshot.errors import HeadshotError
from headshot.export.asset import HeadAsset
from headshot.export.glb import document_of
from headshot.export.rig import rigged_asset
from headshot.export.settings import ExportSettings, Target
from headshot.models.bones import Bones
from headshot.models.visemes import VISEMES

if TYPE_CHECKING:
    from headshot.head_data import HeadData

# Bone, the one above it, and its place on a person of 1.7 metres whose eyes are 1.6 metres above the floor:
# x to the subject's left and y up, metres. Depths are that of the neck.
BODY: tuple[tuple[str, str | None, float, float], ...] = (
    ("hips", None, 0.0, 0.95),
    ("spine", "hips", 0.0, 1.05),
    ("chest", "spine", 0.0, 1.2),
    *(
        (f"{side}{name}", f"{side}{above}" if above != "hips" and above != "chest" else above, sign * x, y)
        for side, sign in (("left", 1), ("right", -1))
        for name, above, x, y in (
            ("UpperLeg", "hips", 0.09, 0.9),
            ("LowerLeg", "UpperLeg", 0.09, 0.5),
            ("Foot", "LowerLeg", 0.09, 0.08),
            ("UpperArm", "chest", 0.17, 1.38),
            ("LowerArm", "UpperArm", 0.44, 1.38),
            ("Hand", "LowerArm", 0.68, 1.38),
        )
    ),
)
EYES = 1.6  # metres of the head frame's origin above the floor
_MILLI = 1000.0

LICENCE = "https://vrm.dev/licenses/1.0/"  # the only one that VRM 1.0 knows; its terms are fields beside it
AUTHOR = "made with Headshot from a photo"


def _both(name: str, weight: float = 1.0) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


# Weights of ARKit's expressions; of emotions those that FACS describes (Ekman and Friesen 1978), by eye.
PRESETS: Mapping[str, Mapping[str, float]] = {
    "happy": {**_both("mouthSmile", 0.8), **_both("cheekSquint", 0.5), **_both("eyeSquint", 0.3)},
    "angry": {
        **_both("browDown", 0.9), **_both("eyeSquint", 0.3), **_both("noseSneer", 0.3),
        **_both("mouthFrown", 0.35), **_both("mouthPress", 0.3),
    },
    "sad": {
        "browInnerUp": 0.8, **_both("mouthFrown", 0.6), "mouthShrugLower": 0.2, **_both("eyeSquint", 0.15),
    },
    "relaxed": {**_both("mouthSmile", 0.3), **_both("eyeBlink", 0.2)},
    "surprised": {"browInnerUp": 0.8, **_both("browOuterUp", 0.7), **_both("eyeWide", 0.7), "jawOpen": 0.25},
    "aa": VISEMES["viseme_aa"],
    "ih": VISEMES["viseme_I"],
    "ou": VISEMES["viseme_U"],
    "ee": VISEMES["viseme_E"],
    "oh": VISEMES["viseme_O"],
    "blink": _both("eyeBlink"),
    "blinkLeft": {"eyeBlinkLeft": 1.0},
    "blinkRight": {"eyeBlinkRight": 1.0},
    "lookUp": _both("eyeLookUp"),
    "lookDown": _both("eyeLookDown"),
    "lookLeft": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "lookRight": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
}  # fmt: skip
# Degrees that eyes turn by at weight 1: `rangeMap` of lookAt. Horizontally 28.8, up 19.2, down 24.0.
_HORIZONTAL, _UP, _DOWN = 28.8, 19.2, 24.0


def write(head: HeadData, target: Target) -> dict[str, bytes]:
    """The VRM, content by file name.

    Raises:
        HeadshotError: settings that VRM does not know.
    """
    settings = replace(target.settings, bones=True, photo_variant=False)
    if settings.quantised or settings.texture_encoding == "webp":
        raise HeadshotError("a VRM has neither quantised coordinates nor WebP: leave them out")
    asset = standing(rigged_asset(head, settings))
    return {f"{target.stem}.vrm": vrm(asset, target.stem, settings)}


def vrm(asset: HeadAsset, name: str, settings: ExportSettings) -> bytes:
    """The VRM file of an asset that stands on the bones of a body, see `standing`."""
    document, buffer = document_of(asset, settings)
    assert asset.bones is not None
    first = len(document["nodes"]) - len(asset.bones.names)
    nodes = {bone: first + number for number, bone in enumerate(asset.bones.names)}
    made = _Expressions(asset, document)
    document["extensions"] = document.get("extensions", {}) | {
        "VRMC_vrm": {
            "specVersion": "1.0",
            "meta": {
                "name": name,
                "version": "1",
                "authors": [AUTHOR],
                "licenseUrl": LICENCE,
                **({"thirdPartyLicenses": asset.comment} if asset.comment else {}),
            },
            "humanoid": {"humanBones": {bone: {"node": node} for bone, node in nodes.items()}},
            "expressions": {
                "preset": {preset: made.of(preset, weights) for preset, weights in PRESETS.items()},
                "custom": {
                    morph.name: made.of(morph.name, {morph.name: 1.0})
                    for morph in asset.morphs
                    if morph.name not in PRESETS
                },
            },
            "lookAt": _look_at(asset.bones),
        }
    }
    document.setdefault("extensionsUsed", []).append("VRMC_vrm")
    return buffer.container(document)


def standing(asset: HeadAsset) -> HeadAsset:
    """An asset with bones on those of a body, lifted to its height; its neck is over the origin."""
    bones = asset.bones
    assert bones is not None
    lift = np.array([0, EYES * _MILLI, -bones.places[0, 2]], np.float32)
    names = [name for name, *_ in BODY]
    parents = [-1 if above is None else names.index(above) for _, above, *_ in BODY]
    parents += [names.index("chest") if parent < 0 else parent + len(names) for parent in bones.parents]
    body = np.array([[x, y, 0.0] for *_, x, y in BODY]) * _MILLI
    places = np.concatenate([body, bones.places + lift]).astype(np.float32)
    weights = np.concatenate([np.zeros((len(bones.weights), len(names)), np.float32), bones.weights], axis=1)
    return replace(
        asset,
        neutral=asset.neutral + lift,
        vertices=asset.vertices + lift,
        attachments=tuple(
            replace(
                one,
                cards=replace(one.cards, vertices=one.cards.vertices + lift),
                vertices=one.vertices + lift,
            )
            for one in asset.attachments
        ),
        bones=Bones((*names, *bones.names), tuple(parents), places, weights),
    )


class _Expressions:
    """Expressions as binds of morph targets, of those meshes alone that they move."""

    def __init__(self, asset: HeadAsset, document: Mapping[str, Any]) -> None:
        self.number = {morph.name: number for number, morph in enumerate(asset.morphs)}
        moved = np.array([_moves(morph.offsets) for morph in asset.morphs])
        hung = {one.cards.name: np.any(_moves(one.offsets), axis=1) for one in asset.attachments}
        self.meshes: dict[str, list[int]] = {name: [] for name in self.number}
        for node, entry in enumerate(document["nodes"]):
            if "mesh" not in entry:
                continue
            if entry["name"] in hung:
                found = hung[entry["name"]]
            else:
                found = np.any(moved[:, _rows(asset, entry["name"])], axis=1)
            for name in np.array(list(self.number))[found].tolist():
                self.meshes[name].append(node)

    def of(self, name: str, weights: Mapping[str, float]) -> dict[str, Any]:
        """An expression of VRM: weights of morph targets by their names."""
        binds = [
            {"node": node, "index": self.number[target], "weight": weight}
            for target, weight in weights.items()
            for node in self.meshes[target]
        ]
        out: dict[str, Any] = {"isBinary": False}
        if binds:
            out["morphTargetBinds"] = binds
        if any(target.startswith("eyeBlink") for target in weights) and not name.startswith("blink"):
            out["overrideBlink"] = "blend"
        return out


def _rows(asset: HeadAsset, name: str) -> Index:
    """Vertices of a part, or, by any other name, of the neck's border, which the lid of the neck has."""
    spans = [span for part in asset.parts if part.name == name for span in part.ranges]
    if not spans:
        assert asset.neck is not None
        return asset.neck
    return np.unique(np.concatenate([asset.triangles[first:last] for first, last in spans])).astype(np.int64)


def _moves(offsets: F32) -> Mask:
    """Where (..., V) vertices move by more than a twentieth of a millimetre."""
    return np.asarray(np.abs(offsets).max(axis=-1) > 0.05)


def _look_at(bones: Bones) -> dict[str, Any]:
    """Gaze by expressions, with which lids follow the eyes."""
    places = dict(zip(bones.names, bones.places.astype(np.float64), strict=True))
    between = (places["leftEye"] + places["rightEye"]) / 2 - places["head"]

    def up_to(degrees: float) -> dict[str, float]:
        return {"inputMaxValue": degrees, "outputScale": 1.0}

    return {
        "type": "expression",
        "offsetFromHeadBone": (between / _MILLI).tolist(),
        "rangeMapHorizontalInner": up_to(_HORIZONTAL),
        "rangeMapHorizontalOuter": up_to(_HORIZONTAL),
        "rangeMapVerticalDown": up_to(_DOWN),
        "rangeMapVerticalUp": up_to(_UP),
    }
