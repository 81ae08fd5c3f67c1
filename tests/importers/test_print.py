"""trimesh, whose rules slicers share, takes the head for a solid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.needs("trimesh")


@pytest.mark.parametrize("ending", ["3mf", "stl"])
def test_trimesh_finds_a_volume(ending: str, cases: Any, tmp_path: Path) -> None:
    import trimesh

    cases["whole"].head.save(tmp_path, "3mf", "ann", preset="print")
    mesh = trimesh.load(tmp_path / f"ann.{ending}", force="mesh")
    mesh.merge_vertices()
    assert mesh.is_watertight and mesh.is_winding_consistent and mesh.is_volume
    assert mesh.body_count == 1 and mesh.euler_number == 2
    low, high = mesh.bounds
    assert low[2] == pytest.approx(0, abs=1e-6) and 200 < high[2] < 350  # millimetres
    assert 2.5e6 < mesh.volume < 6e6
