"""What a trained network of `headshot learn face` makes of the sample photos.

    python benchmarks/jiang_yang.py RUN [--depth 50] [--size 160] [--output docs/images/jiang-yang.jpg]

Four rows: photos and their mirror images, aligned; what the network makes of them before it has learned
anything, the mean face, stitched in; what it makes of them with its best weights; those faces alone. The
model is the built-in head.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.learn.checkpoints import best_weights
from headshot.learn.data.cache import FaceCache
from headshot.learn.data.prepare import PrepareSettings, prepare
from headshot.learn.data.prepared import FaceStream, StreamSettings
from headshot.learn.face import FaceLearner, FaceSettings, Validation, make_network
from headshot.learn.face_model import load_face_model

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--depth", type=int, default=50)
    parser.add_argument("--size", type=int, default=160)
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "jiang-yang.jpg")
    options = parser.parse_args()
    settings = FaceSettings(depth=options.depth, size=options.size, imagenet="none")
    model = load_face_model("ours", "mediapipe478")
    network = make_network(model, settings)
    with tempfile.TemporaryDirectory() as folder:
        samples = Path(folder) / "photos"
        samples.mkdir()
        for file in sorted((ROOT / "photos").glob("*.jpg")):
            picture = Image.open(file).convert("RGB")
            picture.save(samples / f"{file.stem}_1.png")
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(samples / f"{file.stem}_2.png")
        file = Path(folder) / "cache.faces"
        prepare(samples, file, PrepareSettings(mask=True))
        cache = FaceCache(file)
        stream = FaceStream(
            cache,
            np.arange(len(cache)),
            StreamSettings(options.size, model.landmark_set, varied=False),
        )
        validation = Validation(FaceLearner(model, settings), stream)
        _, before, _ = np.split(validation.picture(network.eval()), 3)
        network.load_state_dict(best_weights(options.run))
        photos, after, alone = np.split(validation.picture(network), 3)
    drawn = np.concatenate([photos, before, after, alone])
    Image.fromarray(drawn).save(options.output, quality=90)


if __name__ == "__main__":
    main()
