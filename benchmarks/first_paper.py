"""What a trained network of `headshot learn face` makes of the sample photos.

    python benchmarks/first_paper.py RUN [--depth 18] [--size 128] [--output docs/images/first-paper.jpg]

Three rows: photos and their mirror images, aligned; the faces that the network with its best weights makes of
them, stitched in; those faces alone. The model is the built-in head.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.learn.data.cache import FaceCache
from headshot.learn.data.prepare import PrepareSettings, prepare
from headshot.learn.data.prepared import FaceStream, StreamSettings
from headshot.learn.engine import best_weights
from headshot.learn.face import FaceLearner, FaceSettings, Validation, make_network
from headshot.learn.face_model import load_face_model

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--depth", type=int, default=18)
    parser.add_argument("--size", type=int, default=128)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "first-paper.jpg")
    options = parser.parse_args()
    settings = FaceSettings(depth=options.depth, size=options.size, imagenet="none")
    model = load_face_model("ours", "mediapipe478")
    network = make_network(model, settings)
    network.load_state_dict(best_weights(options.run))
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        for file in sorted((ROOT / "photos").glob("*.jpg")):
            picture = Image.open(file).convert("RGB")
            picture.save(photos / f"{file.stem}_1.png")
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(photos / f"{file.stem}_2.png")
        file = Path(folder) / "cache.faces"
        prepare(photos, file, PrepareSettings(mask=True))
        cache = FaceCache(file)
        stream = FaceStream(
            cache,
            np.arange(len(cache)),
            StreamSettings(options.size, model.landmark_set, varied=False),
        )
        drawn = Validation(FaceLearner(model, settings), stream).picture(network.eval())
    Image.fromarray(drawn).save(options.output, quality=90)


if __name__ == "__main__":
    main()
