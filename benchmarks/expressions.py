"""How the 52 expressions behave on many heads, alone, in pairs and in random company.

    python benchmarks/expressions.py --heads 30 --mixtures 200

Prints for each kind of fault how often and how strongly it occurs: eyeballs that are no balls, eyes that a
blink leaves open, eyeballs that come through lids, and mouths that show their inside where nothing means to
open them. Pairs of opposites (looking left and right) are counted apart.
"""

from __future__ import annotations

import argparse
from itertools import combinations

import numpy as np

from headshot.metrics.animation import eye_radii, eye_shown, eye_through_lids, mouth_shown
from headshot.models.head_model import HeadModel, load_head_model

OPPOSITES = (("eyeLookIn", "eyeLookOut"), ("eyeLookUp", "eyeLookDown"))
# What does not open the lips, see tools/head_model/expressions.py; both sides together.
SEALED = (
    "cheekPuff", "cheekSquint", "jawForward", "jawLeft", "jawRight", "mouthDimple", "mouthFrown", "mouthLeft",
    "mouthPress", "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmile", "mouthStretch",
)  # fmt: skip
EYES = (
    "browDown", "browInnerUp", "browOuterUp", "cheekSquint", "eyeLookDown", "eyeLookIn", "eyeLookOut",
    "eyeLookUp", "eyeSquint", "eyeWide",
)  # fmt: skip


def weights(model: HeadModel, **chosen: float) -> np.ndarray:
    """Expression (52,); a name without its side means both."""
    out = np.zeros(len(model.expression_names))
    for k, name in enumerate(model.expression_names):
        out[k] = chosen.get(name, chosen.get(name.removesuffix("Left").removesuffix("Right"), 0.0))
    return out


def report(what: str, values: list[float], bound: float, unit: str) -> None:
    """One line of the table."""
    found = np.array(values)
    print(
        f"{what:44s} {len(found):6d} checked, over {bound:g} {unit}: {100 * (found > bound).mean():5.1f} %, "
        f"median {np.median(found):6.2f}, most {found.max():6.2f} {unit}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heads", type=int, default=30)
    parser.add_argument("--mixtures", type=int, default=200)
    parser.add_argument("--resolution", choices=("low", "high"), default="high")
    options = parser.parse_args()
    model, rng = load_head_model(options.resolution), np.random.default_rng(19)
    heads = np.clip(rng.normal(size=(options.heads, len(model.identity))), -2.5, 2.5)
    sizes, gazes, opposed, closed, through, half, lips, mixed = ([] for _ in range(8))
    for identity in heads:
        neutral = model.neutral(identity)

        def posed(identity: np.ndarray = identity, **chosen: float) -> np.ndarray:
            return model.shape(identity, weights(model, **chosen))

        rest = eye_radii(model, neutral, neutral, "left")
        sizes.append(float(np.median(rest)))
        for one, two in combinations(("eyeLookIn", "eyeLookOut", "eyeLookUp", "eyeLookDown"), 2):
            radii = eye_radii(model, posed(**{one: 1, two: 1}), neutral, "left")
            off = float(np.abs(radii - rest).max())
            (opposed if (one, two) in OPPOSITES else gazes).append(off)
        for name in EYES:
            vertices = posed(eyeBlink=1, **{name: 1})
            closed.append(eye_shown(model, vertices, neutral, "left"))
            through.append(eye_through_lids(model, posed(**{name: 1}), neutral, "left"))
        for share in (0.25, 0.5, 0.75):
            half.append(eye_through_lids(model, posed(eyeBlink=share), neutral, "left"))
        for one in SEALED:
            lips.append(mouth_shown(model, posed(**{one: 1}), yaws=(0,)))
        for one, two in combinations(SEALED, 2):
            lips.append(mouth_shown(model, posed(**{one: 1, two: 1}), yaws=(0,)))
        lips += [mouth_shown(model, posed(jawOpen=w, mouthClose=w), yaws=(0,)) for w in (0.3, 0.6, 1)]
    names = [name for name in model.expression_names if not name.startswith(("eyeBlink", "mouthClose"))]
    for k in range(options.mixtures):
        identity = heads[k % len(heads)]
        chosen = rng.choice(names, 6, replace=False)
        shares = dict(zip(chosen.tolist(), rng.uniform(0.2, 1, 6), strict=True))
        vertices = model.shape(identity, weights(model, **shares))
        mixed.append(eye_through_lids(model, vertices, model.neutral(identity), "left"))
    print(f"{options.heads} heads, {options.mixtures} mixtures of six expressions, {options.resolution} mesh")
    print(f"eyeballs' radius: {min(sizes):.2f} to {max(sizes):.2f} mm")
    report("distance from the ball, two gazes", gazes, 1.5, "mm")
    report("distance from the ball, opposite gazes", opposed, 1.5, "mm")
    report("eyeball shown by closed lids", closed, 0.5, "mm2")
    report("eyeball through lids, one expression", through, 0.1, "mm")
    report("eyeball through lids, part of a blink", half, 0.1, "mm")
    report("eyeball through lids, mixtures", mixed, 0.3, "mm")
    report("mouth shown by shut lips, alone and in pairs", lips, 3.0, "mm2")


if __name__ == "__main__":
    main()
