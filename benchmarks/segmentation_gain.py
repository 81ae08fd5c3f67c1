"""What the segmentation gains: textures and fits with and without it, on photos with label maps.

    python benchmarks/segmentation_gain.py CELEBAMASK [--limit N] [--photometric]

Only photos that the network's training never saw count. For each, with and without segmentation:

    foreign     share of the texture's weight where the photo shows hair, a hat, glasses, clothes or
    background, by label used        share of the visible face, by label, that the texture uses error
    photometric error where the photo shows the face, by label (as in `headshot evaluate picture`) outside
    share of the head's face that lies on pixels labelled as background

for all photos, and for those with glasses or a hat.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from headshot.arrays import F32, U8
from headshot.datasets.parts import celebamask
from headshot.datasets.parts.scheme import Sample
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head, named_method
from headshot.evaluate.picture import face_mask, overlay, shrunk
from headshot.evaluate.tables import table
from headshot.geometry.camera import project_for_raster
from headshot.geometry.raster import interpolate, rasterise
from headshot.image.photo import read_photo
from headshot.metrics.picture import photometric_error

FACE = ("skin", "nose", "brows", "eyes", "mouth", "upper_lip", "lower_lip")
FOREIGN = ("background", "glasses", "hair", "hat", "cloth")


def texture_weight(head: Head, height: int, width: int) -> F32:
    """Weight (H, W) of the photo's pixels in the texture of the face's skin."""
    assert head.texture is not None
    model, size = head.model, head.texture.observed.shape[0]
    raster = rasterise(*project_for_raster(head.vertices, head.camera), model.triangles, height, width)
    uv = interpolate(raster, model.uv, model.triangles_uv)
    column, row = (np.clip((uv[..., axis] * size).astype(int), 0, size - 1) for axis in (0, 1))
    return np.where(face_mask(head, height, width), head.texture.observed[row, column], 0).astype(np.float32)


def measure(sample: Sample, head: Head, pixels: U8) -> dict[str, float]:
    """The four numbers of one head, in percent or levels."""
    labels = sample.read(sample.labels)
    names = np.array(sample.scheme.labels)[labels]
    height, width = labels.shape
    drawn = face_mask(head, height, width)
    weight = texture_weight(head, height, width)
    own = np.isin(names, FACE)
    picture, small, factor = overlay(head, pixels, 160)
    return {
        "foreign": 100 * float(weight[np.isin(names, FOREIGN)].sum() / max(weight.sum(), 1e-6)),
        "used": 100 * float(weight[own].sum() / max((drawn & own).sum(), 1)),
        "error": photometric_error(picture, small, shrunk(drawn & own, factor)),
        "outside": 100 * float((drawn & (names == "background")).sum() / max(drawn.sum(), 1)),
    }


def groups(sample: Sample) -> list[str]:
    """Which tables a photo counts for."""
    labels = sample.read(sample.labels)
    found = ["all"]
    for name, least in (("glasses", 0.005), ("hat", 0.01)):
        if (labels == sample.scheme.labels.index(name)).mean() > least:
            found.append(name)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=int, default=None)
    parser.add_argument("--photometric", action="store_true", help="with the fit to colours")
    options = parser.parse_args(arguments)
    method = "without networks" if options.photometric else "landmarks only"
    samples = [sample for sample in celebamask.find(options.folder) if sample.held_out]
    # Photos with glasses or hats first: a limit should not leave them out.
    samples.sort(key=lambda sample: -len(groups(sample)))
    rows: dict[tuple[str, bool], list[dict[str, float]]] = {}
    for sample in samples[: options.limit]:
        try:
            subject = find_subject(read_photo(sample.photo))
        except HeadshotError:
            continue
        found = []
        for segment in (False, True):
            head = named_method(method, segment=segment)(subject, textured=True).head
            assert head is not None
            found.append(measure(sample, head, subject.photo.pixels))
        for group in groups(sample):
            for segment, values in zip((False, True), found, strict=True):
                rows.setdefault((group, segment), []).append(values)
    keys = ("foreign", "used", "error", "outside")
    lines = [
        [group, str(len(values)), "with" if segment else "without"]
        + [f"{np.nanmean([v[key] for v in values]):.2f}" for key in keys]
        for (group, segment), values in rows.items()
    ]
    header = ["photos", "n", "segmentation", "foreign, %", "used, %", "error, levels", "outside, %"]
    print(table(header, lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
