"""What photos show of the skin: one row of vertex colours a photo, in files of a hundred photos.

    python tools/albedo/collect.py --data $HEADSHOT_DATA --out work/albedo [--processes 2]

LFW (one photo of each of 1,200 people and a second one of those who have it, which shows how much light
varies), HELEN, and UTKFace balanced over age, sex and skin. Photos whose face is small, turned far away,
badly fitted or greyscale are left out. What the segmentation does not surely take for skin, brows or lips
does not count, nor what is close to it. Can be interrupted; files that exist are not made again.
"""

from __future__ import annotations

import argparse
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from headshot import HeadshotError, read_photo, reconstruct
from headshot.datasets.utkface import with_border
from headshot.evaluate.baselines import METHODS
from headshot.geometry.raster import vertex_normals
from headshot.perception.segmentation import CLASSES, Segmentation
from headshot.ramps import smoothstep
from headshot.texture.complete import vertex_colours
from headshot.texture.crop import crop_head
from headshot.texture.layout import layout_of
from headshot.texture.sample import sample_texels
from headshot.texture.view import TextureView

TEXELS = 512  # on which a photo is observed before it is gathered at the vertices
CHUNK = 100
LFW_PEOPLE = 1200
BORDER = 3  # pixels at the photo's border that are not trusted
SMALLEST, FARTHEST, MISFIT = 70.0, 45.0, 4.0  # face in pixels, yaw in degrees, residual in % of the face
# Not the inside of the mouth; eyes only so that lids keep their edges, eyeballs are no vertices of the skin.
OWN = ("skin", "nose", "brows", "eyes", "ears", "upper_lip", "lower_lip", "neck")
SURE = (0.70, 0.95)  # probabilities of skin below which nothing counts, and above which all does
AROUND = 5  # pixels of the segmentation (about 1 mm each), odd: how far around all must be skin
LEAST_COLOUR = 0.06  # saturation below which a photo counts as greyscale


@dataclass(frozen=True, eq=False)
class Row:
    """One photo's skin.

    Attributes:
        name: the photo's name.
        colour: (S, 3) uint8 sRGB of the skin vertices of the high resolution.
        visibility: (S,) uint8, 255 where the photo certainly shows skin there.
        normals: (S, 3) int8, unit normals in the head frame times 127.
        measures: yaw, pitch, extent of the face in pixels, residual, saturation.
    """

    name: str
    colour: np.ndarray
    visibility: np.ndarray
    normals: np.ndarray
    measures: tuple[float, ...]


def files(data: Path, seed: int = 0) -> list[Path]:
    """The photos, in random order."""
    rng = np.random.default_rng(seed)
    people = sorted(p for p in (data / "lfw-deepfunneled").iterdir() if p.is_dir())
    several = [p for p in people if len(list(p.iterdir())) > 1]
    chosen = [several[i] for i in rng.permutation(len(several))[: LFW_PEOPLE // 2]]
    others = sorted(set(people) - set(chosen))
    chosen += [others[i] for i in rng.permutation(len(others))[: LFW_PEOPLE - len(chosen)]]
    out = [f for p in chosen for f in sorted(p.iterdir())[:2]]
    out += sorted((data / "helen-train").glob("*.jpg")) + sorted((data / "utkface-balanced").glob("*.jpg"))
    return [out[i] for i in rng.permutation(len(out))]


def bare(parts: Segmentation, pixels: np.ndarray) -> np.ndarray:
    """How surely (N,), in [0, 1], pixels (N, 2) of the photo and all around them show skin, brows or lips."""
    own = parts.crop[[CLASSES.index(name) for name in OWN]].sum(axis=0)
    levels = Image.fromarray(np.round(np.clip(own, 0, 1) * 255).astype(np.uint8))
    least = np.asarray(levels.filter(ImageFilter.MinFilter(AROUND)), np.float64) / 255
    back = np.linalg.inv(np.vstack([parts.map, (0, 0, 1)]))[:2]
    column, row = np.clip((pixels @ back[:, :2].T + back[:, 2]).astype(int), 0, len(least) - 1).T
    return np.asarray(smoothstep(least[row, column], *SURE))


def observe(file: Path) -> Row | None:
    """The skin in a photo, or None where it is of no use."""
    photo = read_photo(file)
    pad = photo.width // 2 if "utkface" in str(file) else 0  # cropped inside the head: detectors need more
    if pad:
        photo = with_border(photo, pad)
    try:
        head = reconstruct(photo, settings=replace(METHODS["landmarks only"](), texture=None))
    except HeadshotError:
        return None
    yaw, pitch, _ = head.camera.angles
    measures = head.quality.measures
    if measures["face_pixels"] < SMALLEST or abs(yaw) > FARTHEST or measures["residual"] > MISFIT:
        return None
    model = head.model
    assert head.parts is not None
    view = TextureView(photo.pixels, head.vertices, head.camera, segmentation=head.parts)
    layout = layout_of(model, TEXELS)
    skin = layout.skin
    found = sample_texels(layout, crop_head(view, model, TEXELS))
    seen, visibility = vertex_colours(layout.texels, skin, found.colour, found.weight)
    saturation = float(1 - found.tone.tone.min() / found.tone.tone.max())
    if saturation < LEAST_COLOUR:
        return None
    where = head.project(head.vertices[skin.vertices])
    inside = (where - pad - BORDER) / (np.array([photo.width, photo.height]) - 2 * (pad + BORDER))
    visibility = visibility * ((inside > 0) & (inside < 1)).all(axis=1) * bare(head.parts, where)
    normals = vertex_normals(head.vertices, model.triangles)[skin.vertices]
    return Row(
        str(file.relative_to(file.parents[2 if "lfw" in str(file) else 1])),
        np.round(np.clip(seen, 0, 1) * 255).astype(np.uint8),
        np.round(np.clip(visibility, 0, 1) * 255).astype(np.uint8),
        np.round(normals * 127).astype(np.int8),
        (yaw, pitch, measures["face_pixels"], measures["residual"], saturation),
    )


def collect(part: list[Path], target: Path) -> int:
    """Observe some photos into one file; returns how many were of use."""
    rows = [row for row in map(observe, part) if row is not None]
    partial = target.with_suffix(".partial.npz")
    np.savez(
        partial,
        name=np.array([r.name for r in rows]),
        colour=np.stack([r.colour for r in rows]),
        visibility=np.stack([r.visibility for r in rows]),
        normals=np.stack([r.normals for r in rows]),
        measures=np.array([r.measures for r in rows], np.float32),
    )
    partial.replace(target)
    return len(rows)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data (docs/reference/data.md)"
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--files", type=int, help="make only the first so many files")
    a = parser.parse_args()
    a.out.mkdir(parents=True, exist_ok=True)
    every = files(a.data)
    parts = [every[k : k + CHUNK] for k in range(0, len(every), CHUNK)][: a.files]
    targets = [a.out / f"rows-{k:03d}.npz" for k in range(len(parts))]
    todo = [(p, t) for p, t in zip(parts, targets, strict=True) if not t.exists()]
    print(f"{len(every)} photos, {len(todo)} of {len(parts)} files to make")
    with ProcessPoolExecutor(a.processes) as pool:
        for target, count in zip(
            todo, pool.map(collect, *zip(*todo, strict=True)) if todo else [], strict=True
        ):
            print(target[1].name, count, flush=True)


if __name__ == "__main__":
    main()
