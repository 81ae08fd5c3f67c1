"""Training leaves out all that the default benchmark measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headshot.datasets.annotations import Annotation
from headshot.datasets.benchmark import IDENTITY, LFW, annotated_photos, measured_people, measured_photos
from headshot.datasets.selection import photo_names_of_people
from headshot.evaluate import benchmark
from headshot.evaluate.landmarks import NmeSettings


def test_every_third_photo_is_left_out_before_some_are_drawn() -> None:
    found = [Annotation(Path(f"{k:02d}.jpg"), np.zeros((68, 2))) for k in range(30)]
    left = annotated_photos(found, None, 3)
    assert [int(a.photo.stem) % 3 for a in left] == [1, 2] * 10
    drawn = annotated_photos(found, 5, 3)
    assert len(drawn) == 5 and all(any(a is b for b in left) for a in drawn)
    assert NmeSettings(limit=5, leave_out=3).chosen(found) == drawn


def test_the_benchmark_is_left_out(data: Path) -> None:
    people, photos = measured_people(data / LFW), measured_photos(data)
    assert {n.split("/")[0] for n in photo_names_of_people(data / LFW, IDENTITY)} <= people
    assert len([p for p in photos if p.parent.name == "helen-train"]) == 200 == benchmark.HELEN.limit
    assert len([p for p in photos if p.parent.name == "utkface-balanced"]) == 240 + 54  # children
