"""A small data set and a small face model for the tests of learning."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from headshot.models.readers.basel_front import BaselFront, save_front

# Test processes run side by side: more threads than cores make tiny networks many times slower. Without torch
# the tests here skip themselves.
if importlib.util.find_spec("torch"):
    import torch

    torch.set_num_threads(1)

GRID = 15


@pytest.fixture(scope="session")
def album(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> Path:
    """Two people's photos as in Labeled Faces in the Wild, four each, made from those of the repository."""
    root = tmp_path_factory.mktemp("album")
    boxes = {"astronaut": (120, 0, 340, 250), "grace_hopper": (120, 60, 400, 420)}
    for name, (x0, y0, x1, y1) in boxes.items():
        (root / name).mkdir()
        with Image.open(photos / f"{name}.jpg") as image:
            whole = image.convert("RGB")
        for k, (shift, light) in enumerate(((0, 1.0), (12, 0.8), (-12, 1.15), (6, 0.9))):
            part = whole.crop((x0 + shift, y0, x1 + shift, y1 + abs(shift)))
            part = ImageEnhance.Brightness(part).enhance(light)
            part = part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if k % 2 else part
            part.save(root / name / f"{name}_{k + 1:04d}.jpg", quality=92)
    return root


def basel_front() -> BaselFront:
    """A bulging sheet like a face, with 80 + 64 + 80 modes that mean nothing."""
    rng = np.random.default_rng(3)
    u, v = np.meshgrid(np.linspace(-1, 1, GRID), np.linspace(-1, 1, GRID))
    points = np.stack([0.7 * u, 0.9 * v, 0.6 * (1 - 0.7 * u**2 - 0.3 * v**2)], axis=-1).reshape(-1, 3)
    corner = np.arange(GRID * GRID).reshape(GRID, GRID)
    a, b, c, d = (x.ravel() for x in (corner[:-1, :-1], corner[:-1, 1:], corner[1:, 1:], corner[1:, :-1]))
    triangles = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    count = len(points)
    around = np.full((count, 8), len(triangles), np.int32)
    for vertex in range(count):
        owners = np.flatnonzero((triangles == vertex).any(axis=1))
        around[vertex, : len(owners)] = owners

    def modes(number: int, size: float) -> np.ndarray:
        # Smooth: random sums of a few waves over the sheet.
        waves = np.stack([np.cos(i * np.pi * (u + 1) / 2) * np.cos(j * np.pi * (v + 1) / 2)
                          for i in range(4) for j in range(4)]).reshape(16, -1)  # fmt: skip
        mix = rng.standard_normal((number, 16, 3)) * size / np.sqrt(number)
        return np.einsum("kwc,wv->kvc", mix, waves).astype(np.float32)

    return BaselFront(
        mean=(points - points.mean(axis=0)).astype(np.float32),
        identity=modes(80, 0.02),
        expression=modes(64, 0.02),
        texture_mean=np.full((count, 3), (200, 150, 130), np.float32),
        texture=modes(80, 15.0),
        triangles=triangles,
        vertex_triangles=around,
        keypoints=rng.choice(corner[2:-2, 2:-2].ravel(), 68, replace=False).astype(np.int32),
        front=np.arange(count, dtype=np.int32),
        front_triangles=triangles,
        skin=(rng.random(count) < 0.7).astype(np.float32),
    )


@pytest.fixture(scope="session")
def basel_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prepared Basel model, as of ``headshot convert-basel``, with 225 instead of 35,709 vertices."""
    file = tmp_path_factory.mktemp("basel") / "basel.npz"
    save_front(basel_front(), file)
    return file
