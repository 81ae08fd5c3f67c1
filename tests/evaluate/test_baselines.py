"""The methods: the same face for all, and the mean face is the mean face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot import Settings, load_head_model, read_photo, reconstruct
from headshot.datasets.subject import find_subject
from headshot.evaluate.baselines import (
    MeanFace,
    NetworkPoints,
    Reconstructed,
    default_predictors,
    named_method,
)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (named_method("headshot", detail="high"), Settings()),
        (named_method("without networks", detail="high"), Settings(prior="none")),
        (named_method("landmarks only", detail="high"), Settings(prior="none", photometric=None)),
        (named_method("fast", detail="high"), Settings(preset="fast")),
    ],
)
def test_the_methods_are_reconstruct(photos: Path, method: Reconstructed, settings: Settings) -> None:
    subject = find_subject(read_photo(photos / "grace_hopper.jpg"))
    found = method(subject, textured=True)
    head = reconstruct(photos / "grace_hopper.jpg", settings=settings)
    assert found.head is not None and found.head.texture is not None
    assert found.head.vertices == pytest.approx(head.vertices)
    assert found.points == pytest.approx(head.project(head.landmarks68))


def test_the_mean_face_has_only_a_pose(photos: Path) -> None:
    found = MeanFace()(find_subject(read_photo(photos / "astronaut.jpg"))).head
    assert found is not None and found.texture is None
    assert np.array_equal(found.vertices, load_head_model("low").mean)
    assert not found.identity.any()
    pose = reconstruct(photos / "astronaut.jpg").camera.angles
    assert found.camera.angles == pytest.approx(pose, abs=8)  # a mean face nods to imitate a shape


def test_all_start_from_the_same_face(photos: Path) -> None:
    subject = find_subject(read_photo(photos / "astronaut.jpg"))
    points = [p(subject).points for p in (*default_predictors(), NetworkPoints())]
    extent = np.ptp(points[0][:, 0])
    for other in points[1:]:
        assert np.linalg.norm(other - points[0], axis=1)[17:].mean() < 0.06 * extent
