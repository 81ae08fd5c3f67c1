"""The pictures of docs/explanation/head-model.md: mean, expressions and random heads, and the texture layout.

python tools/head_model/pictures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.head_model import HeadModel, load_head_model
from headshot.render import render

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "images"
SIZE, DISTANCE = 200, 900.0
COLOURS = {
    "skin": (214, 190, 176), "mouth": (150, 90, 90),
    "eye_left": (190, 210, 230), "eye_right": (190, 210, 230),
    "teeth_upper": (235, 230, 215), "teeth_lower": (235, 230, 215), "tongue": (205, 130, 130),
}  # fmt: skip
EXPRESSIONS = (
    {"jawOpen": 1.0},
    {"mouthSmileLeft": 1.0, "mouthSmileRight": 1.0, "cheekSquintLeft": 0.7, "cheekSquintRight": 0.7},
    {"eyeBlinkLeft": 1.0, "eyeBlinkRight": 1.0},
    {"mouthPucker": 1.0, "browInnerUp": 1.0},
    {"cheekPuff": 1.0, "browDownLeft": 1.0, "browDownRight": 1.0},
)


def picture(model: HeadModel, vertices: np.ndarray, yaw: float, zoom: float, target: tuple) -> np.ndarray:
    rotation = rotation_from_angles(yaw, 0, 0)
    translation = np.array([0, 0, -DISTANCE]) - rotation @ np.array(target, float)
    focal = SIZE * DISTANCE / 300 * zoom
    camera = Camera(SIZE, SIZE, focal, (SIZE / 2, SIZE / 2), rotation, translation)
    return render(vertices, model, camera)


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    model = load_head_model("high")
    whole = {"zoom": 1.22, "target": (0, -25, -5)}
    top = [picture(model, model.mean, yaw, **whole) for yaw in (0, 45)]
    top.append(picture(model, model.mean, 90, 1.1, (0, -25, -50)))
    for chosen in EXPRESSIONS:
        weights = np.array([chosen.get(name, 0.0) for name in model.expression_names])
        top.append(picture(model, model.shape(None, weights), 15, 1.6, (0, -32, 0)))
    rng = np.random.default_rng(77)
    heads = np.clip(rng.normal(size=(len(top), len(model.identity))), -2.5, 2.5)
    below = [picture(model, model.neutral(a), (0, 30, -35)[k % 3], **whole) for k, a in enumerate(heads)]
    sheet = np.vstack([np.hstack(top), np.hstack(below)])
    Image.fromarray(sheet).save(FOLDER / "head-model.jpg", quality=88)

    low, size = load_head_model("low"), 1280
    layout = Image.new("RGB", (size, size), "white")
    draw = ImageDraw.Draw(layout)
    for part, (first, last) in low.parts.items():
        for one, two in low.triangles_uv[first:last].reshape(-1, 2, 3):
            outline = [tuple(low.uv[k] * size) for k in (*one, two[2])]
            draw.polygon(outline, fill=COLOURS[part], outline=(110, 98, 92))
    layout.resize((640, 640), Image.Resampling.LANCZOS).quantize(24).save(FOLDER / "head-model-atlas.png")


if __name__ == "__main__":
    main()
