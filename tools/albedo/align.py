"""Turn the modes of an albedo model so that coefficients mean what they meant in an earlier one.

    python tools/albedo/align.py NEW.npz --like OLD.npz -o OUT.npz

Coefficients are independent and of variance one, so that any rotation of them is the same model. The one is
taken that brings the modes nearest to the old ones on the face (orthogonal Procrustes problem: Schoenemann,
"A Generalized Solution of the Orthogonal Procrustes Problem", Psychometrika 1966). Networks that answer with
albedo coefficients can then stay.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from headshot.models.albedo import AlbedoModel, read
from headshot.models.head_model import load_head_model
from headshot.texture.surface import surface_of
from store import save


def face_weight() -> np.ndarray:
    """(V,) how much of a frontal face each vertex of the high resolution is."""
    model = load_head_model("high")
    skin = surface_of(model)
    out = np.zeros(len(model.mean))
    out[skin.vertices] = skin.frontal / skin.frontal.sum()
    return out


def rotation(new: AlbedoModel, old: AlbedoModel, weight: np.ndarray) -> np.ndarray:
    """Orthogonal (A, A): the old model's coefficients times it are the new model's."""
    common = np.einsum("avc,bvc,v->ab", old.modes, new.modes, weight, optimize=True)
    left, _, right = np.linalg.svd(common)
    return np.asarray(left @ right)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--like", type=Path, required=True)
    parser.add_argument("-o", "--out", type=Path, required=True)
    a = parser.parse_args()
    new, old, weight = read(a.model), read(a.like), face_weight()
    turn = rotation(new, old, weight)
    modes = np.einsum("ab,bvc->avc", turn, new.modes, optimize=True)

    def size(x: np.ndarray) -> float:
        return float(np.sqrt((x**2 * weight[:, None]).sum() / 3))

    spread = size(old.modes)
    print(f"one standard deviation of a colour: {spread:.4f}, the new model's {size(modes):.4f}")
    print(f"difference of colours of the same coefficients: {size(modes - old.modes) / spread:.2f} of that")
    print(f"difference of the means: {size(new.mean - old.mean) / spread:.2f} of that")
    save(a.out, np.concatenate([new.mean[None], modes]), new.light_prior, new.occlusion)


if __name__ == "__main__":
    main()
