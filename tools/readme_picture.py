"""Make docs/images/heads.jpg, the picture of the README, from the photos of the repository.

python tools/readme_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Head, reconstruct
from headshot.render import render, view_camera

ROOT = Path(__file__).resolve().parent.parent
CELL = 300
EXPRESSIONS = {"jawOpen": 0.7, "browInnerUp": 0.6}


def portrait(head: Head) -> np.ndarray:
    """The photo, square around the head."""
    seen = head.project(head.vertices)
    side = min(1.25 * np.ptp(seen, axis=0).max(), *head.photo.pixels.shape[:2])
    left, top = np.clip(
        (seen.min(0) + seen.max(0) - side) / 2, 0, [head.photo.width - side, head.photo.height - side]
    )
    box = tuple(round(float(v)) for v in (left, top, left + side, top + side))
    return np.asarray(
        Image.fromarray(head.photo.pixels).crop(box).resize((CELL, CELL), Image.Resampling.LANCZOS)
    )


def row(head: Head) -> np.ndarray:
    """Photo, three views with the photo's expression, one untextured, one with another expression."""
    assert head.texture is not None
    texture = head.texture.pixels
    weights = np.array([EXPRESSIONS.get(name, 0.0) for name in head.model.expression_names])
    surprised = head.scale * head.model.shape(head.identity, weights)
    pictures = [portrait(head)]
    for vertices, yaw, colours in (
        (head.vertices, 0, texture),
        (head.vertices, -40, texture),
        (head.vertices, 75, texture),
        (head.vertices, -40, None),
        (surprised, 20, texture),
    ):
        camera = view_camera(vertices, yaw, size=CELL)
        pictures.append(render(vertices, head.model, camera, texture=colours))
    return np.concatenate(pictures, axis=1)


def main() -> None:
    heads = [reconstruct(ROOT / "photos" / name) for name in ("astronaut.jpg", "grace_hopper.jpg")]
    picture = Image.fromarray(np.concatenate([row(head) for head in heads]))
    picture.save(ROOT / "docs" / "images" / "heads.jpg", quality=90)


if __name__ == "__main__":
    main()
