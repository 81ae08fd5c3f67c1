"""The 15 visemes of Oculus Lipsync (Meta), as mixtures of ARKit's 52 expressions.

Names, and what each mouth does, are those of Meta's reference of visemes
(https://developers.meta.com/horizon/documentation/unity/audio-ovrlipsync-viseme-reference/), as files of
Ready Player Me carried them. Meta gives pictures and no numbers: the weights are ours, from how these sounds
are made (lips, teeth, tongue, jaw), and were looked at on heads of this model. Public tables for other heads
with ARKit's shapes, such as that of TalkingHead (met4citizen, MIT licence), use much the same shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType


def _both(name: str, weight: float) -> dict[str, float]:
    return {f"{name}Left": weight, f"{name}Right": weight}


VISEMES: Mapping[str, Mapping[str, float]] = MappingProxyType(
    {
        "viseme_sil": {},
        # p, b, m: lips pressed together
        "viseme_PP": {"mouthRollLower": 0.45, "mouthRollUpper": 0.4, **_both("mouthPress", 0.5)},
        # f, v: upper teeth on the lower lip
        "viseme_FF": {
            "jawOpen": 0.03, "mouthRollLower": 0.75, "mouthShrugLower": 0.15, **_both("mouthUpperUp", 0.25),
        },
        # th: tip of the tongue between the teeth
        "viseme_TH": {
            "jawOpen": 0.16, "tongueOut": 0.35, **_both("mouthLowerDown", 0.25),
            **_both("mouthUpperUp", 0.15),
        },
        # t, d: tongue behind the upper teeth, lips apart
        "viseme_DD": {"jawOpen": 0.12, **_both("mouthLowerDown", 0.3), **_both("mouthUpperUp", 0.2)},
        # k, g: jaw a little open, lips at rest
        "viseme_kk": {"jawOpen": 0.2, **_both("mouthLowerDown", 0.2), **_both("mouthStretch", 0.15)},
        # ch, j, sh: lips forward and apart, teeth close
        "viseme_CH": {"jawOpen": 0.08, "mouthFunnel": 0.55, "mouthPucker": 0.2, **_both("mouthUpperUp", 0.1)},
        # s, z: teeth together, lips drawn wide
        "viseme_SS": {
            "jawOpen": 0.04, **_both("mouthStretch", 0.3), **_both("mouthLowerDown", 0.35),
            **_both("mouthUpperUp", 0.2), **_both("mouthSmile", 0.15),
        },
        # n, l: as for t and d, more open
        "viseme_nn": {"jawOpen": 0.17, **_both("mouthLowerDown", 0.25), **_both("mouthUpperUp", 0.15)},
        # r: lips a little rounded
        "viseme_RR": {"jawOpen": 0.12, "mouthFunnel": 0.35, "mouthPucker": 0.3},
        # a as in car
        "viseme_aa": {"jawOpen": 0.5, **_both("mouthLowerDown", 0.15), **_both("mouthUpperUp", 0.1)},
        # e as in bed
        "viseme_E": {
            "jawOpen": 0.25, **_both("mouthStretch", 0.3), **_both("mouthSmile", 0.15),
            **_both("mouthLowerDown", 0.2),
        },
        # i as in tip
        "viseme_I": {
            "jawOpen": 0.14, **_both("mouthSmile", 0.3), **_both("mouthStretch", 0.3),
            **_both("mouthLowerDown", 0.2),
        },
        # o as in toe
        "viseme_O": {"jawOpen": 0.32, "mouthFunnel": 0.55, "mouthPucker": 0.25},
        # u as in book
        "viseme_U": {"jawOpen": 0.14, "mouthFunnel": 0.3, "mouthPucker": 0.7},
    }
)  # fmt: skip
"""Weights of ARKit's expressions for each viseme at weight 1, in Meta's order."""
