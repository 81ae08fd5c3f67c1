"""How long finding the parts of a face takes, on one thread.

    python benchmarks/segmentation_speed.py [--photo photos/astronaut.jpg]

The network alone on its crop of 256 x 256 pixels, and all of `headshot.perception.segmentation.segment`:
crop, network, probabilities. Medians and quartiles of 60 runs after 10, in processor time, on which other
work on the machine has little influence; the shortest run beside them. Landmarks are found before.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from time import process_time

import numpy as np

from headshot import Settings, reconstruct
from headshot.assets import path
from headshot.image.crop import cut_crops
from headshot.perception.networks import session
from headshot.perception.segmentation import SIZE, crop_of, segment
from report import publish, table

RUNS, WARM = 60, 10
PHOTO = Path(__file__).resolve().parent.parent / "photos" / "astronaut.jpg"


def milliseconds(work: Callable[[], object]) -> list[float]:
    """Shortest, lower quartile, median and upper quartile."""
    times = []
    for _ in range(RUNS + WARM):
        start = process_time()
        work()
        times.append(1000 * (process_time() - start))
    return [float(x) for x in np.percentile(times[WARM:], [0, 25, 50, 75])]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--photo", type=Path, default=PHOTO)
    a = parser.parse_args()
    head = reconstruct(a.photo, settings=Settings(photometric=None, texture=None))
    pixels, points = head.photo.pixels, head.landmarks.points
    crop = cut_crops(pixels, [crop_of(points)], SIZE, clamp=False)
    network = session("segmentation")
    rows: list[list[object]] = [
        ["network alone", *milliseconds(lambda: network.run(["probabilities"], {"pixels": crop}))],
        ["`segment`", *milliseconds(lambda: segment(pixels, points))],
    ]
    publish(
        "segmentation-speed",
        "How long the segmentation takes",
        "python benchmarks/segmentation_speed.py",
        __doc__.split("\n\n", 2)[2].strip(),
        table(["what", "shortest, ms", "lower quartile", "median", "upper quartile"], rows),
        f"The network has {path('segmentation.onnx').stat().st_size / 1e6:.1f} MB; the photo is "
        f"{pixels.shape[1]} × {pixels.shape[0]} pixels.",
    )


if __name__ == "__main__":
    main()
