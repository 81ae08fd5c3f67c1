"""What the regressor sees in photos that are good and bad, and in heads turned far away.

    python benchmarks/regressor_pictures.py

Writes docs/images/regressor.jpg: rows of crops with the points found over the regressed head, for the photos
in `photos/` as they are, tiny, blurred, dark, turned and covered; and for synthetic heads in their colours,
which the network did not learn from, from side to side.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from headshot import load_head_model, read_photo
from headshot.evaluate.baselines import METHODS
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.image.crop import FaceCrop
from headshot.learn.data.portraits import portrait_of
from headshot.learn.data.posed_heads import HeadMaker
from headshot.learn.data.training_crops import input_crop
from headshot.perception.detection.detect import detect_faces
from headshot.perception.landmarks.in_house import MARGIN, HeadPrediction, predict_head
from headshot.perception.landmarks.mediapipe import find_landmarks
from headshot.pipeline import Reconstructor

FIT = replace(METHODS["without networks"](), detail="low", texture=None)

ROOT = Path(__file__).resolve().parent.parent
TILE, WIDER = 150, 1.25
SUN = np.array([-0.3, 0.4, 0.86])


def tile(pixels: np.ndarray, found: HeadPrediction) -> np.ndarray:
    """(2 TILE, TILE, 3): the crop with its points above the regressed head."""
    crop = found.crop.varied(WIDER)
    picture = crop.cut(pixels, TILE)

    def local(points: np.ndarray) -> np.ndarray:
        return TILE * crop.from_photo(points)

    image = Image.fromarray(picture)
    pen = ImageDraw.Draw(image)
    for x, y in local(found.points).tolist():
        pen.ellipse((x - 0.7, y - 0.7, x + 0.7, y + 0.7), fill=(90, 255, 120))
    model = load_head_model("low")
    vertices = model.shape(found.identity, found.expression)
    camera = found.camera(pixels.shape[1], pixels.shape[0])
    xy = np.ascontiguousarray(local(camera.project(vertices)), np.float32)
    depth = -camera.to_camera(vertices)[:, 2].astype(np.float32)
    triangles = np.ascontiguousarray(model.part_triangles("skin", "eye_left", "eye_right"))
    raster = rasterise(xy, depth, triangles, TILE, TILE)
    normals = (vertex_normals(vertices, model.triangles) @ camera.rotation.T).astype(np.float32)
    bright = np.clip(interpolate(raster, normals, triangles) @ SUN, 0.1, 1)[..., None] * 235
    head = np.where((raster.triangle >= 0)[..., None], bright, picture * 0.35).astype(np.uint8)
    return np.concatenate([np.asarray(image), head])


def spoiled(image: Image.Image) -> list[Image.Image]:
    """A photo as it is, and in five bad states, all of one size."""
    width, height = image.size
    tiny = image.resize((width // 6, height // 6), Image.Resampling.BOX)
    dark = Image.fromarray((np.asarray(image) * 0.18).astype(np.uint8))
    covered = image.copy()
    face = detect_faces(np.asarray(image))[0]
    x0, y0, x1, y1 = face.box
    ImageDraw.Draw(covered).rectangle((x0, y0 + 0.55 * (y1 - y0), x1, y1 + 10), fill=(60, 90, 120))
    return [
        image,
        tiny.resize(image.size, Image.Resampling.BICUBIC),
        image.filter(ImageFilter.GaussianBlur(width / 100)),
        dark,
        image.rotate(
            35, Image.Resampling.BICUBIC, center=tuple(((face.box[:2] + face.box[2:]) / 2).tolist())
        ),
        covered,
    ]


def main() -> None:
    rows, portraits = [], []
    for name in ("astronaut", "grace_hopper"):
        photo = read_photo(ROOT / "photos" / f"{name}.jpg")
        face = detect_faces(photo.pixels)[0]
        points = find_landmarks(photo.pixels, face)
        head = Reconstructor(FIT, preload=False).of_face(photo, face, points)
        portraits.append(portrait_of(head, f"photos/{name}"))
        crop = FaceCrop.of_box(face.box, MARGIN)
        states = [np.asarray(state) for state in spoiled(Image.fromarray(photo.pixels))]
        tiles = [tile(state, predict_head(state, crop, passes=3)) for state in states]
        rows.append(np.concatenate(tiles, axis=1))
    maker = HeadMaker(portraits)
    heads = [maker.make(np.random.default_rng([2, k])) for k in range(60)]
    heads.sort(key=lambda head: float(head.name.split("/")[1]))
    middle = input_crop(MARGIN)
    for chosen in (heads[2::11][:6], heads[7::10][:6]):
        tiles = [tile(h.pixels, predict_head(h.pixels, middle, passes=1)) for h in chosen]
        rows.append(np.concatenate(tiles, axis=1))
    file = ROOT / "docs" / "images" / "regressor.jpg"
    Image.fromarray(np.concatenate(rows)).save(file, quality=82)
    print(file)


if __name__ == "__main__":
    main()
