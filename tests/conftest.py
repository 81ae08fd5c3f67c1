"""Fixtures: the photos of the repository, and the optional research data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def photos() -> Path:
    """Folder of the public-domain photos in this repository."""
    return ROOT / "photos"


@pytest.fixture(scope="session")
def data() -> Path:
    """Research data (see docs/reference/data.md); the tests that need it are skipped where it is absent."""
    folder = os.environ.get("HEADSHOT_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("set HEADSHOT_DATA to the folder of the research data sets to run this test")
    return Path(folder)
