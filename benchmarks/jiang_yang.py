"""What a trained network of `headshot learn face` makes of the sample photos.

    python benchmarks/jiang_yang.py RUN [--model FILE] [--size 160] [--output docs/images/jiang-yang.jpg]

Four rows, as the run draws them of its validation photos: photos and their mirror images, aligned; what the
network makes of them before it has learned anything, the mean face, stitched in; what it makes of them with
its best weights; those faces alone. Model and size are the run's; runs that began before they were recorded
need --model and --size, as `headshot learn apply` does.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.learn.apply.face import FaceRun
from headshot.learn.apply.runs import Given, open_run
from headshot.learn.data.cache import FaceCache
from headshot.learn.data.prepare import PrepareSettings, prepare
from headshot.learn.data.prepared import FaceStream, StreamSettings
from headshot.learn.face import FaceLearner, FaceSettings, Validation
from headshot.learn.networks.regressor import FaceRegressor

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--model", help="file of the run's Basel model")
    parser.add_argument("--size", type=int, help="pixels that the network sees")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images" / "jiang-yang.jpg")
    options = parser.parse_args()
    run = open_run(options.run, Given(options.model, options.size))
    if not isinstance(run, FaceRun):
        parser.error(f"{options.run} is no run of `headshot learn face`")
    settings, model = FaceSettings(size=run.size), run.model
    untrained = FaceRegressor(model.layout.total, 18)  # zeros, whatever its depth
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
            StreamSettings(run.size, model.landmark_set, varied=False),
        )
        validation = Validation(FaceLearner(model, settings), stream)
        _, before, _ = np.split(validation.picture(untrained.eval()), 3)
        photos, after, alone = np.split(validation.picture(run.network), 3)
    drawn = np.concatenate([photos, before, after, alone])
    Image.fromarray(drawn).save(options.output, quality=90)


if __name__ == "__main__":
    main()
