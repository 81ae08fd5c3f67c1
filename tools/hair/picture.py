"""Make docs/images/hair-styles.jpg: every style on one head, from three sides.

python tools/hair/picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headshot import Head, reconstruct
from headshot.hair.styles import load_styles
from headshot.render import view_camera

ROOT = Path(__file__).resolve().parent.parent.parent
CELL, COLUMNS = 190, 3
VIEWS = ((0.0, 0.0), (50.0, 5.0), (180.0, -8.0))  # yaw and pitch, degrees


def row(head: Head, style: str) -> Image.Image:
    """The head with a style from all sides."""
    worn = head.with_hair(style)
    cameras = (view_camera(1.2 * head.neutral_vertices, yaw, pitch, CELL) for yaw, pitch in VIEWS)
    picture = Image.fromarray(np.hstack([worn.render(camera) for camera in cameras]))
    ImageDraw.Draw(picture).text((6, 4), style, (90, 90, 98), ImageFont.load_default(13))
    return picture


def main() -> None:
    head = reconstruct(ROOT / "photos" / "astronaut.jpg").with_expression({})
    rows = [row(head, style) for style in load_styles()]
    width, height = rows[0].size
    page = Image.new("RGB", (COLUMNS * width, -(-len(rows) // COLUMNS) * height), (238, 238, 240))
    for n, picture in enumerate(rows):
        page.paste(picture, (n % COLUMNS * width, n // COLUMNS * height))
    page.save(ROOT / "docs" / "images" / "hair-styles.jpg", quality=82, optimize=True)


if __name__ == "__main__":
    main()
