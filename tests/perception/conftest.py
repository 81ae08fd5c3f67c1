"""The photos of the repository as pixels."""

from __future__ import annotations

from pathlib import Path

import pytest

from headshot.arrays import U8
from headshot.image.photo import read_photo


@pytest.fixture(scope="module")
def astronaut(photos: Path) -> U8:
    """A smiling face, seen from the front."""
    return read_photo(photos / "astronaut.jpg").pixels


@pytest.fixture(scope="module")
def hopper(photos: Path) -> U8:
    """A serious face with glasses under a cap."""
    return read_photo(photos / "grace_hopper.jpg").pixels
