"""Reading what MakeHuman's body wears (CC0): a text OBJ and the ``.mhclo`` that ties it to the base mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

BASE_MESH = "hm08"


@dataclass(frozen=True)
class Clothes:
    """One piece as its files describe it.

    Attributes:
        name: as in ``.mhclo``.
        corners: (P, 3) vertices of the base mesh that each vertex hangs on.
        weights: (P, 3) their weights; sums to 1, may be negative.
        offsets: (P, 3) what is added, along x, y and z, in lengths of the three scales.
        scales: axis -> (vertex, vertex, distance of them along the axis that the offsets were made with).
        uv: (T, 2) texture coordinates, origin at the bottom left.
        triangles, triangles_uv: (F, 3) indices into the vertices and ``uv``; quads are split at corners 0-2.
    """

    name: str
    corners: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    scales: dict[str, tuple[int, int, float]]
    uv: np.ndarray
    triangles: np.ndarray
    triangles_uv: np.ndarray

    def on(self, base: np.ndarray) -> np.ndarray:
        """Where the piece's vertices lie (P, 3) on a base mesh (V, 3), in its unit.

        As MakeHuman does it: the weighted corners plus the offset, scaled by how far apart each axis' two
        vertices are now and were when the piece was made.
        """
        scale = [
            abs(base[first, axis] - base[second, axis]) / distance
            for axis, (first, second, distance) in enumerate(self.scales[name] for name in "xyz")
        ]
        return (base[self.corners] * self.weights[..., None]).sum(1) + self.offsets * scale


def read_clothes(folder: Path) -> Clothes:
    """Read ``NAME/NAME.mhclo`` and ``NAME/NAME.obj``.

    Raises:
        ValueError: another base mesh, or the two files disagree about the number of vertices.
    """
    scales, rows, inside = {}, [], False
    for line in (folder / f"{folder.name}.mhclo").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if not words or words[0] == "#":
            continue
        if words[0] == "basemesh" and words[1] != BASE_MESH:
            raise ValueError(f"{folder.name} was made for base mesh {words[1]}, not {BASE_MESH}")
        if words[0] in ("x_scale", "y_scale", "z_scale"):
            scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        if words[0] == "verts":
            inside = True
        elif words[0] == "delete_verts":  # vertices of the body that the piece hides
            inside = False
        elif inside and len(words) == 9:
            rows.append([float(word) for word in words])
        elif inside and len(words) == 1:  # on one vertex of the base mesh
            rows.append([float(words[0])] * 3 + [1, 0, 0, 0, 0, 0])
    count, uv, triangles, triangles_uv = 0, [], [], []
    for line in (folder / f"{folder.name}.obj").read_text(encoding="utf-8").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            count += 1
        elif kind == "vt":
            uv.append([float(word) for word in rest.split()[:2]])
        elif kind == "f":
            face = np.array([corner.split("/")[:2] for corner in rest.split()], int) - 1
            for second in range(1, len(face) - 1):
                triangles.append(face[[0, second, second + 1], 0])
                triangles_uv.append(face[[0, second, second + 1], 1])
    if count != len(rows):
        raise ValueError(f"{folder.name}: {count} vertices in the OBJ, {len(rows)} in the mhclo")
    table = np.array(rows)
    return Clothes(
        folder.name,
        table[:, :3].astype(int),
        table[:, 3:6],
        table[:, 6:],
        scales,
        np.array(uv),
        np.array(triangles),
        np.array(triangles_uv),
    )
