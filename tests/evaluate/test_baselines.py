"""The methods: the same face for all, and the mean face is the mean face."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import NoFaceError, Photo, Settings, load_head_model, read_photo, reconstruct
from headshot.evaluate.baselines import (
    Hybrid,
    LandmarksOnly,
    MeanFace,
    NetworkPoints,
    Reconstructed,
    default_predictors,
    look,
)


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        (Hybrid(detail="high"), Settings()),
        (Reconstructed(detail="high"), Settings(method="fit")),
        (LandmarksOnly(detail="high"), Settings(method="fit", photometric=None)),
    ],
)
def test_the_methods_are_reconstruct(photos: Path, method: Reconstructed, settings: Settings) -> None:
    seen = look(read_photo(photos / "grace_hopper.jpg"), textured=True)
    found = method(seen)
    head = reconstruct(photos / "grace_hopper.jpg", settings=settings)
    assert found.head is not None and found.head.texture is not None
    assert found.head.vertices == pytest.approx(head.vertices)
    assert found.points == pytest.approx(head.project(head.landmarks68))


def test_the_mean_face_has_only_a_pose(photos: Path) -> None:
    found = MeanFace()(look(read_photo(photos / "astronaut.jpg"))).head
    assert found is not None and found.texture is None
    assert np.array_equal(found.vertices, load_head_model("low").mean)
    assert not found.identity.any()
    pose = reconstruct(photos / "astronaut.jpg").camera.angles
    assert found.camera.angles == pytest.approx(pose, abs=6)


def test_all_start_from_the_same_face(photos: Path) -> None:
    seen = look(read_photo(photos / "astronaut.jpg"))
    points = [p(seen).points for p in (*default_predictors(), NetworkPoints())]
    extent = np.ptp(points[0][:, 0])
    for other in points[1:]:
        assert np.linalg.norm(other - points[0], axis=1)[17:].mean() < 0.06 * extent


def test_the_face_nearest_to_a_point_counts(photos: Path) -> None:
    """Two faces side by side, the right one smaller: the largest, and the one that was asked for."""
    canvas = Image.new("RGB", (900, 512), (120, 120, 120))
    canvas.paste(Image.open(photos / "astronaut.jpg"), (0, 0))
    small = Image.open(photos / "grace_hopper.jpg")
    canvas.paste(small.resize((small.width * 230 // small.height, 230)), (600, 150))
    photo = Photo(np.asarray(canvas), "two")
    assert look(photo).face.box[0] < 450
    assert look(photo, (700, 250)).face.box[0] > 500
    assert look(photo, (220, 120)).face.box[0] < 450


def test_no_face(photos: Path) -> None:
    with pytest.raises(NoFaceError):
        look(Photo(np.zeros((200, 200, 3), np.uint8), "black"))
