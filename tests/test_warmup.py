from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CHECK = """
import numpy as np
from headshot import raster
from headshot.warmup import kernels_are_cold
print(kernels_are_cold())
raster.vertex_normals(np.eye(3), [[0, 1, 2]])
xy = np.array([[0, 0], [9, 0], [0, 9]], np.float32)
found = raster.rasterise(xy, np.ones(3, np.float32), np.array([[0, 1, 2]], np.int32), 8, 8, cull=False)
raster.interpolate(found, np.ones((3, 1), np.float32), np.array([[0, 1, 2]], np.int32))
"""


def test_cold_once(tmp_path: Path) -> None:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}

    def run() -> str:
        done = subprocess.run(
            [sys.executable, "-c", CHECK], env=environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    assert run() == "True"
    assert run() == "False"
