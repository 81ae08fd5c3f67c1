"""Files of the formats' exact layouts with made-up content: the real ones need licences."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

GRID = 13


def surface() -> tuple[np.ndarray, np.ndarray]:
    """A bulging sheet like a face: vertices (V, 3) in mm, triangles (F, 3) counter-clockwise from outside."""
    u, v = np.meshgrid(np.linspace(-1, 1, GRID), np.linspace(-1, 1, GRID))
    points = np.stack([70 * u, 90 * v, 60 * (1 - 0.7 * u**2 - 0.3 * v**2)], axis=-1).reshape(-1, 3)
    corner = np.arange(GRID * GRID).reshape(GRID, GRID)
    a, b, c, d = (x.ravel() for x in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    return points.astype(np.float32), np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def matrix(values: np.ndarray) -> bytes:
    """An Eigen matrix in cereal's binary archive: rows, columns, floats by columns."""
    v = np.asarray(values, "<f4")
    v = v[:, None] if v.ndim == 1 else v
    return struct.pack("<ii", *v.shape) + v.tobytes(order="F")


def vector(values: np.ndarray, kind: str) -> bytes:
    v = np.asarray(values, kind)
    return struct.pack("<Q", len(v)) + v.tobytes()


def text(value: str) -> bytes:
    return struct.pack("<Q", len(value)) + value.encode()


def pca(mean: np.ndarray, basis: np.ndarray, variance: np.ndarray, triangles: np.ndarray) -> bytes:
    return matrix(mean) + matrix(basis) + matrix(variance) + vector(triangles, "<i4")


MAPPING = {18: 5, 22: 20, 23: 33, 27: 40, 31: 84, 37: 60, 40: 70, 43: 90, 46: 100, 49: 120, 55: 130, 9: 150}


class EosMaker:
    """Writes a model in eos's format and knows what is in it."""

    def __init__(self, folder: Path) -> None:
        rng = np.random.default_rng(5)
        self.folder = folder
        self.mean, self.triangles = surface()
        self.basis, _ = np.linalg.qr(rng.standard_normal((self.mean.size, 7)))
        self.variance = np.array([900.0, 400, 225, 100, 64, 25, 4])
        self.blendshapes = rng.standard_normal((2, self.mean.size)).astype(np.float32)
        self.uv = rng.uniform(0, 1, (len(self.mean), 2))

    def shape_model(self) -> bytes:
        return pca(self.mean.ravel(), self.basis, self.variance, self.triangles)

    def colour_model(self, filled: bool) -> bytes:
        if not filled:
            return pca(np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 0)), np.zeros((0, 3)))
        return pca(
            np.full(self.mean.size, 0.5), self.basis[:, :3], np.array([0.04, 0.01, 0.01]), self.triangles
        )

    def expression_blendshapes(self) -> bytes:
        out = struct.pack("<Q", len(self.blendshapes))
        for name, offset in zip(("smile", "frown"), self.blendshapes, strict=True):
            out += text(name) + matrix(offset)
        return out

    def write(self, version: int, expressions: str = "none", colour: bool = False) -> Path:
        """A model file; ``expressions`` inside: "none", "blendshapes" or "pca"."""
        data = struct.pack("<I", version) + self.shape_model() + self.colour_model(colour)
        if version >= 2:
            if expressions == "none":
                data += b"\1"
            elif expressions == "pca":
                mean = np.full(self.mean.size, 0.5)
                data += (
                    b"\0" + struct.pack("<i", 0) + pca(mean, self.basis[:, 2:4], np.ones(2), self.triangles)
                )
            else:
                data += b"\0" + struct.pack("<i", 1) + self.expression_blendshapes()
        if version >= 3:
            data += b"\0" + struct.pack("<Q", len(MAPPING) + 1) + text("nose") + struct.pack("<i", 3)
            for number, vertex in MAPPING.items():
                data += text(str(number)) + struct.pack("<i", vertex)
        data += vector(self.uv, "<f8")
        if version >= 4:
            data += vector(self.triangles, "<i4")
        file = self.folder / "toy_shape_169.bin"
        file.write_bytes(data)
        return file

    def write_companions(self) -> None:
        (self.folder / "expression_blendshapes_169.bin").write_bytes(self.expression_blendshapes())
        lines = [f" {a} = {b}  # a point" for a, b in MAPPING.items()]
        (self.folder / "ibug_to_toy.txt").write_text(
            "# comment 1 = 2\n[landmark_mappings] # from, to\n" + "\n".join(lines)
            + "\n#61 = 7\n\n[contour_landmarks]\nright = [ 1,\n 2 ]\nleft = [ 10, 11 ]\n"
        )  # fmt: skip
        (self.folder / "toy_model_contours.json").write_text(
            '{"model_contour": {"right_contour": [143, 130, 117, 104], "left_contour": [155, 142, 129]}}'
        )


@pytest.fixture
def eos_files(tmp_path: Path) -> EosMaker:
    return EosMaker(tmp_path)
