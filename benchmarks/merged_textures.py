"""Textures merged from several photos of one person, to be looked at: contact sheets.

    python benchmarks/merged_textures.py PERSON ... -o sheet.png    # folders with photos of one person each
    python benchmarks/merged_textures.py --data $HEADSHOT_DATA --number 20 -o sheet.png    # people of CFP

Two rows a person. Above: the photos, each under a bar of its colour, the texture of the first photo alone,
the merged texture, and which photo each of its texels comes from (black where it was completed). Below: the
head with the merged texture from all sides, and at 45 degrees beside it with that of the first photo alone.

Each photo is fitted on its own, and each texture is taken from the head that fits its photo. Prints how long
merging takes against the photos one by one.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from headshot import Head, HeadshotError, Settings, reconstruct
from headshot.render import RenderSettings, render, view_camera
from headshot.texture import PersonAlbedo, TextureSettings, TextureView, make_texture
from headshot.texture.appearance import person_albedo
from headshot.texture.make import COMPLETED

CELL, BAR = 220, 6
UNLIT = RenderSettings(lighting=0.0)
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def heads_of(folder: Path, most: int) -> list[Head]:
    """The heads of a person's photos, without textures."""
    files = [f for f in sorted(folder.iterdir()) if f.suffix.lower() in ENDINGS]
    out = []
    for file in files[:most]:
        try:
            out.append(reconstruct(file, settings=Settings(texture=None)))
        except HeadshotError as error:
            print(f"{file}: {error}")
    return out


def albedo_of(heads: list[Head]) -> PersonAlbedo:
    """The mean albedo of several photos, of which those from the front count most."""
    facing = [max(np.cos(np.radians(head.camera.angles[0])), 0.05) for head in heads]
    found = np.average([head.albedo for head in heads], axis=0, weights=facing)
    return person_albedo(found, heads[0].model.resolution)


def strip(heads: list[Head], settings: TextureSettings) -> tuple[np.ndarray, np.ndarray, str]:
    """Both rows of one person, and what they took."""
    model = heads[0].model
    views = [TextureView(h.photo.pixels, h.vertices, h.camera, h.light, h.parts) for h in heads]
    albedo = albedo_of(heads)
    start = perf_counter()
    alone = [make_texture([view], model, settings, albedo) for view in views]
    between = perf_counter()
    merged = make_texture(views, model, settings, albedo)
    seconds = between - start, perf_counter() - between
    colours = palette(len(views))
    photos = []
    for head, colour in zip(heads, colours, strict=True):
        photo = fitted(head.photo.pixels)
        photo[:BAR] = colour
        photos.append(photo)
    source = np.zeros((*merged.source.shape, 3), np.uint8)
    seen = merged.source != COMPLETED
    source[seen] = colours[merged.source[seen]]
    above = [*photos, *(fitted(t) for t in (alone[0].pixels, merged.pixels, source))]
    first, neutral = alone[0], heads[0].neutral_vertices
    below = [(-85, merged), (-45, first), (-45, merged), (0, merged), (45, merged), (45, first), (85, merged)]
    turned = [
        render(neutral, model, view_camera(neutral, yaw, size=CELL), texture=t.pixels, settings=UNLIT)
        for yaw, t in below
    ]
    took = f"{seconds[0] / len(views):.2f} s a photo alone, {seconds[1] / len(views):.2f} s a photo merged"
    return np.concatenate(above, axis=1), np.concatenate(turned, axis=1), took


def fitted(picture: np.ndarray) -> np.ndarray:
    """A picture scaled to the height of a cell."""
    image = Image.fromarray(picture)
    width = max(1, image.width * CELL // image.height)
    return np.array(image.resize((width, CELL), Image.Resampling.LANCZOS))


def palette(count: int) -> np.ndarray:
    """Colours (count, 3) that are easily distinguished."""
    hues = [Image.new("HSV", (1, 1), (k * 256 // count, 190, 230)).convert("RGB") for k in range(count)]
    return np.array([hue.getpixel((0, 0)) for hue in hues], np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("people", nargs="*", type=Path, help="folders with photos of one person each")
    parser.add_argument(
        "--data", type=Path, help="folder of the research data (docs/reference/data.md): people of CFP"
    )
    parser.add_argument("--number", type=int, default=20, help="of those people")
    parser.add_argument("--photos", type=int, default=8, help="at most, of a person")
    parser.add_argument("--delit", action="store_true", help="take the light out of the textures")
    parser.add_argument("-o", "--out", type=Path, default=Path("merged_textures.png"))
    options = parser.parse_args()
    people = list(options.people)
    if options.data is not None:
        cfp = sorted(p for p in (options.data / "cfp-train").iterdir() if p.is_dir())
        people += cfp[:: max(1, len(cfp) // options.number)][: options.number]
    settings = TextureSettings(delit=options.delit)
    rows: list[np.ndarray] = []
    for folder in people:
        heads = heads_of(folder, options.photos)
        if not heads:
            print(f"{folder}: no photo with a face")
            continue
        above, below, took = strip(heads, settings)
        rows += [above, below]
        print(f"{folder.name}: {len(heads)} photos, {took}")
    if not rows:
        raise SystemExit("give folders with photos of one person each, or --data")
    width = max(row.shape[1] for row in rows)
    rows = [np.pad(row, ((0, 4), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    Image.fromarray(np.concatenate(rows)).save(options.out)
    print(options.out)


if __name__ == "__main__":
    main()
