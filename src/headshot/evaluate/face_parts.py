"""Labels of face parts against those of the public data sets, on whole photos as a user gives them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8, Index
from headshot.datasets.parts import find
from headshot.datasets.parts.scheme import Sample, Scheme
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError, NoFaceError
from headshot.evaluate.drawing import png
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.evaluate.tables import table
from headshot.image.crop import FaceCrop
from headshot.image.photo import Photo, read_photo
from headshot.metrics.picture import skin_bin, typology
from headshot.metrics.segmentation import confusion, scores
from headshot.perception.segmentation import CLASSES, PALETTE, Segmentation, crop_of, segment_crop

METHOD = "headshot"
Segmenter = Callable[[U8, FaceCrop], Segmentation]
COMMON = 0.01  # classes with a smaller share of the labelled pixels do not count for the mean F1


@dataclass(frozen=True)
class PartsSettings:
    """What is measured.

    Attributes:
        photos: folder of the photos of LFW, whose labels come alone.
        held_out: only photos that training never sees.
        limit: at most so many photos, drawn with ``seed``.
        network: run of `headshot learn segment` that is measured too.
    """

    photos: Path | None = None
    held_out: bool = False
    limit: int | None = None
    seed: int = 0
    network: Path | None = None

    def methods(self) -> dict[str, Segmenter]:
        """What is measured, by name.

        Raises:
            HeadshotError: the run has no weights yet.
        """
        if self.network is None:
            return {METHOD: segment_crop}
        from headshot.evaluate.trained.parts import RunSegmenter, name_of  # PyTorch, which is an extra

        return {METHOD: segment_crop, name_of(self.network): RunSegmenter(self.network)}


def segment_photo(photo: Photo, segmenter: Segmenter = segment_crop) -> tuple[Segmentation, bool]:
    """Parts of the face nearest to the middle of a photo, and whether one was found.

    Without a face the crop is the whole photo: the label maps that this is compared with do show one.
    """
    middle = (photo.width / 2, photo.height / 2)
    try:
        return segmenter(photo.pixels, crop_of(find_subject(photo, middle).landmarks.points)), True
    except NoFaceError:
        whole = FaceCrop(*middle, side=float(max(photo.width, photo.height)))
        return segmenter(photo.pixels, whole), False


def predict(found: Segmentation, scheme: Scheme) -> U8:
    """Labels (H, W) of a scheme; one that stands for several classes has the sum of their probabilities."""
    sums = [
        found.probability(*(CLASSES[c] for c, own in enumerate(scheme.measured) if own == label))
        for label in range(len(scheme.labels))
    ]
    return np.argmax(sums, axis=0).astype(np.uint8)


def evaluate_parts(
    folder: str | Path, settings: PartsSettings | None = None, log: ResumeLog | None = None
) -> Result:
    """Accuracy, F1 and IoU on a labelled data set of `headshot.datasets.parts`.

    Raises:
        HeadshotError: the folder holds no such data set, or none of its photos is held out.
    """
    chosen = settings or PartsSettings()
    root = Path(folder)
    samples = {_name(sample): sample for sample in _select(find(root, chosen.photos), chosen)}
    depends = {"settings": chosen, "folder": root.resolve()}
    methods = chosen.methods()
    rows = (log or ResumeLog()).work(list(samples), lambda name: _attempt(samples[name], methods), depends)
    items = [Item(name, row.get("group", {}), row.get("values", {})) for name, row in rows.items()]
    lost = [name for name, row in rows.items() if not row.get("found", True)]
    notes = [failures(rows)]
    if lost:
        notes.append(f"No face was found in {len(lost)}; the whole photo was taken: {', '.join(lost[:10])}.")
    result = Result(
        measure=f"segmentation-{root.name}",
        title=f"Segmentation ({root.name})",
        protocol=_PROTOCOL,
        columns=(
            Column("accuracy", "pixel accuracy", "%", "higher"),
            Column("f1", "mean F1 of the photo's classes", "", "higher", decimals=3),
        ),
        methods=tuple(methods),
        items=items,
        statistic="mean",
        command=f"headshot evaluate segmentation {root.name}",
        machine=machine(),
        notes=[*notes, *(line for name in methods for line in _tables(samples, rows, name))],
    )
    result.pictures.extend(_worst(result, samples))
    return result


_PROTOCOL = (
    "The face nearest to the middle of the photo is found, landmarks and crop included, as at run time; what "
    "lies outside of the crop is background. Classes are brought to the data set's own labels "
    "(docs/explanation/segmentation.md has the table), labels of several classes with the sum of their "
    "probabilities; pixels without a label do not count. Pixel accuracy and F1 by photo; below, F1 and IoU "
    "of each class over the pixels of all photos together, and their mean over the classes with at least "
    "1 % of these. "
    "Weak in: borders of large classes; errors of the labels themselves."
)


def _name(sample: Sample) -> str:
    return "/".join([sample.scheme.name, *sample.photo.with_suffix("").parts[-3:]])


def _select(samples: Sequence[Sample], settings: PartsSettings) -> list[Sample]:
    chosen = [sample for sample in samples if sample.held_out or not settings.held_out]
    if not chosen:
        raise HeadshotError("none of these photos is held out of training: measure without --held-out")
    if settings.limit is not None and len(chosen) > settings.limit:
        drawn = np.random.default_rng(settings.seed).choice(len(chosen), settings.limit, replace=False)
        chosen = [chosen[i] for i in sorted(drawn)]
    return chosen


def _attempt(sample: Sample, methods: dict[str, Segmenter]) -> Row:
    photo = read_photo(sample.photo)
    pixels = photo.pixels
    truth = sample.read(sample.labels)
    values, counts, detected = {}, {}, True
    for name, segmenter in methods.items():
        found, detected = segment_photo(photo, segmenter)
        predicted = predict(found, sample.scheme)
        if truth.shape != predicted.shape:  # labels of half the photo's size
            size = (truth.shape[1], truth.shape[0])
            predicted = np.asarray(Image.fromarray(predicted).resize(size, Image.Resampling.NEAREST))
            pixels = np.asarray(Image.fromarray(photo.pixels).resize(size, Image.Resampling.BOX))
        table = confusion(predicted, truth, len(sample.scheme.labels), ignore=255)
        measured = {"accuracy": 100 * np.trace(table) / table.sum(), "f1": scores(table).mean_f1}
        values[name] = {k: round(float(v), 4) for k, v in measured.items()}
        counts[name] = table.tolist()
    skin = pixels[truth == sample.scheme.labels.index("skin")]
    return {
        "values": values,
        "group": {"skin": skin_bin(typology(np.median(skin, axis=0)))} if len(skin) else {},
        "counts": counts,
        "found": detected,
    }


def _tables(samples: dict[str, Sample], rows: dict[str, Row], method: str) -> list[str]:
    """A table of classes for each labelling scheme, of one method."""
    found = []
    for scheme in dict.fromkeys(sample.scheme for sample in samples.values()):
        used = [row for name, row in rows.items() if samples[name].scheme == scheme and "counts" in row]
        if not used:
            continue
        counts: Index = np.sum([row["counts"][method] for row in used], axis=0)
        result, share = scores(counts), counts.sum(axis=1) / counts.sum()
        lines = [
            [label, f"{100 * share[i]:.2f} %", f"{result.f1[i]:.3f}", f"{result.iou[i]:.3f}"]
            for i, label in enumerate(scheme.labels)
            if result.present[i]
        ]
        common = share >= COMMON
        lines.append(
            ["mean of those above 1 %", "", *(f"{v[common].mean():.3f}" for v in (result.f1, result.iou))]
        )
        accuracy = 100 * np.trace(counts) / counts.sum()
        heading = f"{method}, {scheme.name}, {len(used)} photos: pixel accuracy {accuracy:.2f} %"
        found.append(f"{heading}\n\n{table(['class', 'pixels', 'F1', 'IoU'], lines)}")
    return found


def _worst(result: Result, samples: dict[str, Sample]) -> list[tuple[str, bytes]]:
    """The ten photos with the least accuracy: photo, label, prediction."""
    values = result.worst(METHOD, "accuracy")
    pictures = []
    for name in values:
        sample = samples[name]
        photo = read_photo(sample.photo)
        truth = sample.read(sample.labels)
        colours = np.zeros((256, 3), np.uint8)
        for label in range(len(sample.scheme.labels)):
            colours[label] = PALETTE[sample.scheme.measured.index(label)]
        predicted = predict(segment_photo(photo)[0], sample.scheme)
        size = (truth.shape[1], truth.shape[0])
        tiles = [
            Image.fromarray(tile).resize(size) for tile in (photo.pixels, colours[truth], colours[predicted])
        ]
        row = np.concatenate([np.asarray(tile) for tile in tiles], axis=1)
        pictures.append((f"{name}: {values[name]:.1f} %; photo, label, found", png(row)))
    return pictures
