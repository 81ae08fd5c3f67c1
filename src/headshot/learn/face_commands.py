"""What `headshot learn prepare`, `landmarks` and `face` do with their options."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from headshot.errors import HeadshotError
from headshot.image.photo import read_photo
from headshot.learn import face
from headshot.learn.data import fan
from headshot.learn.data import prepare as prepared
from headshot.learn.data.cache import FaceCache
from headshot.learn.networks.resnet import FILES, Depth
from headshot.perception.detection.detect import detect_faces


def prepare(dataset: Path, output: Path, landmarks: str, *, mask: bool, workers: int) -> None:
    """Prepare a folder, with a progress bar; report which photos cannot be used."""
    settings = prepared.PrepareSettings(landmarks, mask, workers=workers)
    columns = TextColumn("preparing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("preparing")

        def show(done: int, total: int, failure: str | None) -> None:
            bar.update(task, completed=done, total=total)
            if failure is not None:
                bar.console.print(f"cannot use {failure}", markup=False, highlight=False)

        failed = prepared.prepare(dataset, output, settings, show)
    cache = FaceCache(output)
    print(f"{output}: {len(cache)} faces of {len(set(cache.people))} people")
    for reason, count in Counter(failed.values()).most_common():
        print(f"{count} photos cannot be used: {reason}", file=sys.stderr)


def landmarks(photo: Path, output: Path, *, s3fd: bool) -> None:
    """Write the 68 landmarks of a photo's main face in 3D, as a table with a line of names."""
    pixels = read_photo(photo).pixels
    found = prepared.main_face(detect_faces(pixels), pixels.shape[1], pixels.shape[0])
    if found is None:
        raise HeadshotError(f"{photo}: no face found")
    points = fan.fan_points_3d(pixels, fan.s3fd_box(pixels, found) if s3fd else found.box)
    lines = ["x,y,z", *(",".join(f"{v:.3f}" for v in point) for point in points)]
    output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(output)


def loss_weights(preset: str, changed: dict[str, float | None]) -> face.Weights:
    """The weights of a preset with those changed that are not None.

    Raises:
        HeadshotError: there is no such preset.
    """
    if preset not in face.PRESETS:
        raise HeadshotError(f"--preset is {' or '.join(face.PRESETS)}, not {preset!r}")
    given: dict[str, Any] = {name: value for name, value in changed.items() if value is not None}
    return replace(face.PRESETS[preset], **given)


def depth_of(number: int) -> Depth:
    """A depth that there is.

    Raises:
        HeadshotError: there is none.
    """
    if number not in FILES:
        raise HeadshotError(f"--depth is 18, 34 or 50, not {number}")
    return cast(Depth, number)


def is_soft(renderer: str) -> bool:
    """Whether a renderer is the soft one.

    Raises:
        HeadshotError: it is neither.
    """
    if renderer not in ("soft", "hard"):
        raise HeadshotError(f'--renderer is "soft" or "hard", not {renderer!r}')
    return renderer == "soft"


def train(
    cache: Path, folder: Path, settings: face.FaceSettings, epochs: int, *, batch: int, **plan: Any
) -> None:
    """Train so many epochs; the rest are fields of the plan."""
    faces = FaceCache(cache)
    steps = face.steps_per_epoch(faces, settings, batch)
    face.run(faces, folder, settings, face.paper_plan(steps, epochs, batch=batch, **plan))
