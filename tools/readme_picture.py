"""Make docs/images/heads.jpg, the picture of the README, from the photos of the repository.

python tools/readme_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Head, reconstruct
from headshot.arrays import U8
from headshot.hair.worn import Hair, HairColour
from headshot.render import view_camera

ROOT = Path(__file__).resolve().parent.parent
PHOTOS = ROOT / "photos"
CELL = 300
SURPRISED = {"jawOpen": 0.7, "browInnerUp": 0.6}
CHOSEN = Hair("short02", HairColour(root=(0.22, 0.20, 0.17), tip=(0.36, 0.34, 0.30)))


def portrait(head: Head) -> U8:
    """The photo, square around the head."""
    assert head.photo is not None
    seen = head.project(head.vertices)
    side = min(1.25 * np.ptp(seen, axis=0).max(), *head.photo.pixels.shape[:2])
    left, top = np.clip(
        (seen.min(0) + seen.max(0) - side) / 2, 0, [head.photo.width - side, head.photo.height - side]
    )
    box = tuple(round(float(v)) for v in (left, top, left + side, top + side))
    return np.asarray(
        Image.fromarray(head.photo.pixels).crop(box).resize((CELL, CELL), Image.Resampling.LANCZOS)
    )


def row(head: Head, other: Head) -> U8:
    """Photo, three views, clay; and ``other`` with another expression and in light from the side."""
    pictures = [portrait(head)]
    pictures += [head.render(yaw=yaw, size=CELL) for yaw in (0, -40, 75)]
    pictures.append(head.render(view_camera(head.neutral_vertices, -40, size=CELL), textured=False))
    pictures.append(other.with_expression(SURPRISED).render(yaw=20, size=CELL))
    pictures.append(other.render(yaw=-20, size=CELL, light="side"))
    return np.concatenate(pictures, axis=1)


def main() -> None:
    astronaut, admiral = (reconstruct(PHOTOS / f"{name}.jpg") for name in ("astronaut", "grace_hopper"))
    # What is below a hat no photo shows: hair that was chosen.
    rows = [row(astronaut, astronaut), row(admiral, admiral.with_hair(CHOSEN))]
    picture = Image.fromarray(np.concatenate(rows))
    picture.save(ROOT / "docs" / "images" / "heads.jpg", quality=90)


if __name__ == "__main__":
    main()
