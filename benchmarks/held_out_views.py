"""Does a texture from several photos show a person in another photo better than one from a single photo?

    python benchmarks/held_out_views.py --data $HEADSHOT_DATA --people 60 -o held_out.csv

For each person a frontal photo and one from the side (CFP), or the second and the last (LFW), are held out in
turn; textures are made from one, three and all of the others. In the held-out photo each texture is compared
with what the photo shows of the skin, vertex by vertex, after exposure, white balance and light are brought
together (nine spherical harmonics a channel). The error is the mean difference in levels of sRGB, weighted by
how well the photo shows each vertex. A texture comes from the joint fit to its photos; the held-out photo is
fitted on its own.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

import numpy as np
from rich.progress import track

from headshot import Head, Reconstructor, Settings
from headshot.geometry.raster import vertex_normals
from headshot.image.colour import linear_to_srgb, srgb_to_linear
from headshot.texture import TextureSettings, TextureView
from headshot.texture.complete import vertex_colours
from headshot.texture.exposure import align_colours
from headshot.texture.layout import Layout, layout_of
from headshot.texture.make import sample_view
from headshot.texture.skin_tone import LIFT
from merged_textures import heads_of

SETTINGS = TextureSettings(size=512, grain=0)
COUNTS = (1, 3, None)  # photos of a texture; None for all that are left


def view_of(head: Head) -> TextureView:
    return TextureView(head.photo.pixels, head.vertices, head.camera, head.light, head.parts)


def error_of(layout: Layout, texture: np.ndarray, held_out: TextureView) -> float:
    """Mean difference in levels of sRGB between a texture (T, T, 3) and what a photo shows."""
    skin, model = layout.skin, layout.model
    seen, _ = sample_view(layout, held_out)
    first, last = model.parts["skin"]
    inside = (layout.texels.triangle >= first) & (layout.texels.triangle < last)
    photo, weight = vertex_colours(layout.texels, skin, seen.colour, seen.weight * inside)
    made, _ = vertex_colours(layout.texels, skin, texture, inside.astype(np.float32))
    both = np.log(srgb_to_linear(np.clip([photo, made], 0, 1)) + LIFT).astype(np.float32)
    weight = np.clip(weight, 0, 1) * skin.area
    tones = (weight / weight.sum()) @ both
    normals = vertex_normals(model.mean, model.triangles)[skin.vertices]
    gains = align_colours(both, np.stack([weight, weight]), normals, tones, 0)
    relit = linear_to_srgb(np.clip(np.exp(both[1] + gains[1]) - LIFT, 0, 1))
    return float(255 * (weight @ np.abs(relit - photo).mean(axis=1)) / weight.sum())


def rows_of(folder: Path) -> list[list[str | float]]:
    """Name, what is held out, and the errors for `COUNTS`, of each held-out photo of one person."""
    heads = heads_of(folder, 8)
    if len(heads) < 4:
        return []
    made = Reconstructor(Settings(texture=SETTINGS), preload=False)
    layout = layout_of(made.model, SETTINGS.size)
    out: list[list[str | float]] = []
    for index in (1, len(heads) - 1):
        others = [head for k, head in enumerate(heads) if k != index]
        errors: list[str | float] = []
        for count in COUNTS:
            joint = made.of_faces([(h.photo, h.face, h.landmarks) for h in others[:count]])
            assert joint.texture is not None
            errors.append(error_of(layout, joint.texture.pixels, view_of(heads[index])))
        out.append([folder.name, f"yaw {heads[index].camera.angles[0]:.0f}", *errors])
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help="folder of the research data (docs/reference/data.md)"
    )
    parser.add_argument("--people", type=int, default=60, help="two thirds of CFP, the rest of LFW")
    parser.add_argument("-o", "--out", type=Path, default=Path("held_out_views.csv"))
    options = parser.parse_args()
    cfp = sorted(p for p in (options.data / "cfp-train").iterdir() if p.is_dir())
    lfw = sorted((options.data / "lfw-deepfunneled").iterdir())
    lfw = [p for p in lfw if 4 <= len(list(p.iterdir())) <= 12]
    half = options.people // 3
    people = (
        cfp[:: len(cfp) // (options.people - half)][: options.people - half] + lfw[:: len(lfw) // half][:half]
    )
    rows = [row for folder in track(people, description="people") for row in rows_of(folder)]
    with options.out.open("w", newline="") as file:
        csv.writer(file).writerows([["person", "held out", "one", "three", "all"], *rows])
    errors = np.array([row[2:] for row in rows], float)
    for name, column in zip(("one", "three", "all"), errors.T, strict=True):
        better = 100 * (column < errors[:, 0]).mean()
        people = (
            100 * (np.diff(np.stack([errors[:, 0], column]), axis=0).reshape(-1, 2).sum(axis=1) < 0).mean()
        )
        print(
            f"{name:>5} photos: {column.mean():.2f} levels, better than one in {better:.0f} % of {len(rows)} "
            f"photos and for {people:.0f} % of the people"
        )


if __name__ == "__main__":
    main()
