"""Textures merged from several photos of one person, to be looked at: contact sheets.

    python benchmarks/merged_textures.py PERSON ... -o sheet.png    # folders with photos of one person each
    python benchmarks/merged_textures.py --data $HEADSHOT_DATA --number 20 -o sheet.png    # people of CFP

Two rows a person. Above: the photos, each under a bar of its colour, the texture of the first photo alone,
the merged texture, and which photo each of its texels comes from (black where it was completed). Below: the
head of all photos from all sides, and beside it at 40 degrees that of the first photo alone.

Prints how long the textures take a photo, merged and alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Head, HeadshotError, Reconstructor, Settings, reconstruct
from headshot.render import RenderSettings, render, view_camera
from headshot.texture import TextureSettings
from headshot.texture.make import COMPLETED

CELL, BAR = 300, 6
YAWS = (-75, -40, 0, 40, 75)
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


def strip(heads: list[Head], made: Reconstructor) -> tuple[np.ndarray, np.ndarray, str]:
    """Both rows of one person, and what they took."""
    joint = made.of_faces([(h.photo, h.face, h.landmarks) for h in heads])
    first = made.of_face(heads[0].photo, heads[0].face, heads[0].landmarks)
    assert joint.texture is not None and first.texture is not None
    colours = palette(len(heads))
    photos = []
    for head, colour in zip(heads, colours, strict=True):
        photo = fitted(head.photo.pixels)
        photo[:BAR] = colour
        photos.append(photo)
    source = np.zeros((*joint.texture.source.shape, 3), np.uint8)
    seen = joint.texture.source != COMPLETED
    source[seen] = colours[joint.texture.source[seen]]
    above = [*photos, *(fitted(t) for t in (first.texture.pixels, joint.texture.pixels, source))]
    below = [turned(joint, yaw) for yaw in YAWS]
    below[1:1], below[-1:-1] = [turned(first, YAWS[1])], [turned(first, YAWS[-2])]
    merged = joint.timings["texture"] / len(heads)
    took = f"{first.timings['texture']:.2f} s a photo alone, {merged:.2f} s a photo merged"
    return np.concatenate(above, axis=1), np.concatenate(below, axis=1), took


def turned(head: Head, yaw: float) -> np.ndarray:
    """The neutral head without light but that of its texture."""
    assert head.texture is not None
    camera = view_camera(head.neutral_vertices, yaw, size=CELL)
    return render(head.neutral_vertices, head.model, camera, texture=head.texture.pixels, settings=UNLIT)


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
    made = Reconstructor(Settings(texture=TextureSettings(delit=options.delit)), preload=False)
    rows: list[np.ndarray] = []
    for folder in people:
        heads = heads_of(folder, options.photos)
        if not heads:
            print(f"{folder}: no photo with a face")
            continue
        above, below, took = strip(heads, made)
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
