"""Do two versions of the package make the same heads of the same photos?

    PYTHONPATH=OLD/src python benchmarks/regression.py make old.npz PHOTO ...
    python benchmarks/regression.py make new.npz PHOTO ...
    python benchmarks/regression.py compare old.npz new.npz [--millimetres 0.01] [--levels 1]

For changes that are to change nothing. Both versions need ``headshot.reconstruct`` with its default settings
and the attributes that have been there since 0.1: vertices, neutral_vertices, texture, camera, expression.
Exits with 1 where a vertex is farther away, or a texel differs by more, than allowed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

FIELDS = ("vertices", "neutral_vertices", "texture", "expression", "angles")


def make(file: Path, photos: list[Path]) -> None:
    """Reconstruct the largest face of each photo and keep what counts."""
    import headshot

    heads: dict[str, np.ndarray] = {}
    for photo in photos:
        try:
            head = headshot.reconstruct(photo)
        except headshot.HeadshotError as error:
            print(f"{photo}: {error}")
            continue
        values = (
            head.vertices, head.neutral_vertices, head.texture.pixels, head.expression, head.camera.angles,
        )  # fmt: skip
        for name, value in zip(FIELDS, values, strict=True):
            heads[f"{photo.parent.name}/{photo.name}:{name}"] = np.asarray(value)
    np.savez_compressed(file, **heads)
    print(f"{len(heads) // len(FIELDS)} heads in {file}")


def compare(old: Path, new: Path, millimetres: float, levels: float) -> bool:
    """Print the largest differences of each photo; whether all are within the limits."""
    with np.load(old) as a, np.load(new) as b:
        photos = sorted({key.rpartition(":")[0] for key in a.files})
        missing = [p for p in photos if f"{p}:vertices" not in b.files]
        for photo in missing:
            print(f"{photo}: only in {old}")
        good = not missing and len(a.files) == len(b.files)
        for photo in (p for p in photos if p not in missing):
            one, other = ({name: data[f"{photo}:{name}"] for name in FIELDS} for data in (a, b))
            far = max(
                float(np.linalg.norm(one[k].astype(float) - other[k], axis=1).max())
                for k in ("vertices", "neutral_vertices")
            )
            level = int(np.abs(one["texture"].astype(int) - other["texture"]).max())
            good = good and far <= millimetres and level <= levels
            turn = float(np.abs(one["angles"] - other["angles"]).max())
            print(f"{photo}: vertices {far:.4f} mm, texture {level} levels, pose {turn:.4f} degrees")
    print("the same" if good else f"NOT the same within {millimetres} mm and {levels} levels")
    return good


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("make")
    making.add_argument("file", type=Path)
    making.add_argument("photos", type=Path, nargs="+")
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    comparing.add_argument("--millimetres", type=float, default=0.01)
    comparing.add_argument("--levels", type=float, default=1)
    options = parser.parse_args()
    if options.command == "make":
        make(options.file, options.photos)
    elif not compare(options.old, options.new, options.millimetres, options.levels):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
