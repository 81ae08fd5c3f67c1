"""Folders of synthetic heads: damaged and missing ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from headshot import HeadshotError
from headshot.datasets.synthetic import read_truths


def test_folders_without_heads_are_refused(tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="no synthetic heads"):
        read_truths(tmp_path)
    (tmp_path / "ict-mesh.npz").write_bytes(b"nonsense")
    with pytest.raises(HeadshotError, match="cannot be read as the mesh"):
        read_truths(tmp_path)
