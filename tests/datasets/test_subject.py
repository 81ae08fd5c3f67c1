"""The subject of a photo: the largest face, or the one nearest to a point."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot import NoFaceError, Photo
from headshot.datasets.subject import find_subject


def test_the_face_nearest_to_a_point_counts(photos: Path) -> None:
    """Two faces side by side, the right one smaller: the largest, and the one nearest to the point."""
    canvas = Image.new("RGB", (900, 512), (120, 120, 120))
    canvas.paste(Image.open(photos / "astronaut.jpg"), (0, 0))
    small = Image.open(photos / "grace_hopper.jpg")
    canvas.paste(small.resize((small.width * 230 // small.height, 230)), (600, 150))
    photo = Photo(np.asarray(canvas), "two")
    assert find_subject(photo).face.box[0] < 450
    assert find_subject(photo, (700, 250)).face.box[0] > 500
    assert find_subject(photo, (220, 120)).face.box[0] < 450


def test_no_face(photos: Path) -> None:
    with pytest.raises(NoFaceError):
        find_subject(Photo(np.zeros((200, 200, 3), np.uint8), "black"))
