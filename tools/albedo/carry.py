"""Carry the albedo model to a head model whose skin is the same and whose eyes and teeth are other meshes.

    python tools/albedo/carry.py albedo.npz --earlier OLD_HEAD.npz --head NEW_HEAD.npz -o NEW_ALBEDO.npz

Parts with as many triangles as before keep their colours; the others take the mean of what they replace,
which is one constant colour each.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from headshot.models.albedo import half_of
from headshot.models.head_model import HeadModel, read


def carried(values: np.ndarray, earlier: HeadModel, model: HeadModel) -> np.ndarray:
    """Values (P, ...) of the points of one half of the earlier model's vertices, for the new one's."""
    full = values[half_of(earlier)]
    out = np.empty((len(model.mean), *values.shape[1:]), np.float64)
    for part, (first, last) in model.parts.items():
        before, after = earlier.part_triangles(part).ravel(), model.triangles[first:last].ravel()
        if len(before) == len(after):
            out[after] = full[before]
        else:
            out[np.unique(after)] = full[np.unique(before)].astype(np.float64).mean(0)
    half = half_of(model)
    _, one = np.unique(half, return_index=True)
    if values.dtype.kind in "iu":
        out = np.round(out)
    return out[one].astype(values.dtype)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("albedo", type=Path)
    parser.add_argument("--earlier", type=Path, required=True, help="the head model that it was made for")
    parser.add_argument("--head", type=Path, required=True, help="the head model that it is wanted for")
    parser.add_argument("-o", "--out", type=Path, required=True)
    options = parser.parse_args()
    earlier, model = read(options.earlier), read(options.head)
    with np.load(options.albedo, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    for name in ("mean", "occlusion"):
        arrays[name] = carried(arrays[name], earlier, model)
    modes = arrays["modes"].transpose(1, 0, 2)
    arrays["modes"] = np.ascontiguousarray(carried(modes, earlier, model).transpose(1, 0, 2))
    np.savez_compressed(options.out, **arrays)


if __name__ == "__main__":
    main()
