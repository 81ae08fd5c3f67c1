"""Write the albedo model in the format that headshot.models.albedo reads: one half of the head, in bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from headshot.geometry.light import LightPrior
from headshot.models.albedo import FORMAT_VERSION, half_of
from headshot.models.head_model import load_head_model


def save(file: Path, values: np.ndarray, prior: LightPrior, occlusion: np.ndarray) -> None:
    """Store mean and modes (K + 1, V, 3) and ambient occlusion (V,) of the high resolution."""
    model = load_head_model("high")
    left = np.flatnonzero(np.arange(len(model.mean)) <= model.mirror)
    assert np.array_equal(half_of(model)[left], np.arange(len(left)))
    both = (values + values[:, model.mirror]) / 2
    modes = both[1:, left]
    scale = np.abs(modes).max(axis=(1, 2)) / 127
    np.savez_compressed(
        file,
        format_version=np.int32(FORMAT_VERSION),
        mean=both[0, left].astype(np.float16),
        modes=np.round(modes / scale[:, None, None]).astype(np.int8),
        scale=scale.astype(np.float32),
        occlusion=np.round((occlusion + occlusion[model.mirror])[left] / 2 * 255).astype(np.uint8),
        light_mean=prior.mean.astype(np.float32),
        light_precision=prior.precision.astype(np.float32),
    )
