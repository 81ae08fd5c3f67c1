"""Make docs/images/relight.jpg, the picture of docs/how-to/relight.md: a head of a photo in other light.

python tools/relight_picture.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from headshot import reconstruct
from headshot.geometry.environment import Environment, lamp, sky, together

ROOT = Path(__file__).resolve().parent.parent
CELL = 360


def evening() -> Environment:
    """The example of the guide: a low warm lamp from the subject's left, and a little blue from above."""
    return together(
        lamp((1, 0.3, 0.4), (1.2, 0.8, 0.5), radius=4, count=32),
        sky(lambda d: 0.05 + 0.05 * d[:, 1:2] * [[0.6, 0.8, 1.0]]),
    )


def main() -> None:
    head = reconstruct(ROOT / "photos" / "astronaut.jpg")
    lights: list[Environment | str] = ["studio", "side", "top", evening()]
    rows = [
        np.concatenate([head.render(yaw=yaw, size=CELL, light=light) for light in lights], axis=1)
        for yaw in (0, 35)
    ]
    Image.fromarray(np.concatenate(rows)).save(ROOT / "docs" / "images" / "relight.jpg", quality=90)


if __name__ == "__main__":
    main()
