"""Pictures of the albedo model for its card.

    python tools/albedo/pictures.py -o docs/images/albedo-model.jpg

First row: the mean from three sides, and the mean under light from the subject's left. Below, the first modes
from -2 to +2 standard deviations.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headshot.geometry.camera import project_for_raster
from headshot.geometry.light import shade
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.image.colour import srgb_bytes
from headshot.models.albedo import load_albedo
from headshot.models.head_model import load_head_model
from headshot.render import view_camera

CELL, SAMPLES = 190, 2
PAPER = 0.86
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0)


def picture(colours: np.ndarray, yaw: float = 0.0) -> Image.Image:
    """The mean head with linear colours (V, 3) at its vertices."""
    model = load_head_model("high")
    camera = view_camera(model.mean, yaw, size=CELL * SAMPLES)
    xy, depth = project_for_raster(model.mean, camera)
    raster = rasterise(xy, depth, model.triangles, camera.height, camera.width)
    out = interpolate(raster, np.maximum(colours, 0).astype(np.float32), model.triangles)
    out[raster.triangle < 0] = PAPER
    out = out.reshape(CELL, SAMPLES, CELL, SAMPLES, 3).mean(axis=(1, 3))
    return Image.fromarray(srgb_bytes(out))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-o", "--out", type=Path, required=True)
    parser.add_argument("--modes", type=int, default=8)
    a = parser.parse_args()
    model, head = load_albedo("high"), load_head_model("high")
    side = model.light_mean.reshape(9, 3).copy()
    side[3] += 0.45
    lit = shade(model.mean, vertex_normals(head.mean, head.triangles), side)
    rows = [[(f"mean, {yaw}°", picture(model.mean, -yaw)) for yaw in (0, 35, 75)]]
    rows[0].append(("mean, light from the left", picture(lit)))
    rows[0].append(("occlusion", picture(np.repeat(model.occlusion[:, None], 3, axis=1))))
    for k in range(a.modes):
        unit = np.eye(len(model.modes))[k]
        rows.append([(f"mode {k + 1}, {s:+.0f}", picture(model.colours(s * unit))) for s in STEPS])
    page = Image.new("RGB", (CELL * len(STEPS), CELL * len(rows)), (238, 238, 238))
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for y, row in enumerate(rows):
        for x, (caption, cell) in enumerate(row):
            page.paste(cell, (x * CELL, y * CELL))
            draw.text((x * CELL + 5, y * CELL + 3), caption, (40, 40, 40), font)
    page.save(a.out, quality=88)


if __name__ == "__main__":
    main()
