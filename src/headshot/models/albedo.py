"""The albedo model: what colours skin has, whatever the light, and how light usually is.

    a(delta) = mean + sum_k delta_k * modes_k          (linear reflectance at every vertex of the head model)

The texture equation of "3D Face Reconstruction from RGB", section D, with coefficients in standard
deviations. Learned from photos (docs/explanation/albedo-model.md). Dimension letters: V vertices, A albedo
modes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot import assets
from headshot.arrays import F32, Array, ReadOnly, all_finite
from headshot.errors import ModelFormatError
from headshot.geometry.light import LightPrior
from headshot.models.head_model import HeadModel, combine, load_head_model
from headshot.reading.arrays import open_arrays
from headshot.reading.bounds import MODEL_ARRAYS, require_at_most
from headshot.reading.complaint import reading

ASSET = "albedo.npz"
FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False, repr=False)
class AlbedoModel(ReadOnly):
    """Colours of heads, and the prior of the light that shows them.

    Colours are linear reflectance times the share of light from all around that reaches the point
    (``occlusion``), because that is what `headshot.geometry.light.shade` multiplies with light. They are
    mirror-symmetric: what differs between the halves of a face is taken for light. Eyes, teeth and tongue are
    one constant colour each, the same for everybody.

    Attributes:
        mean: (V, 3) colours of the average of all tones, sexes and ages.
        modes: (A, V, 3) per standard deviation, the strongest first.
        occlusion: (V,) in [0, 1], the share of light from all around that reaches each vertex.
        light_mean: (27,) mean light (9, 3), flattened by rows; white, level one on the middle of the face.
        light_precision: (27, 27) inverse covariance.
    """

    mean: F32
    modes: F32
    occlusion: F32
    light_mean: Array
    light_precision: Array

    def colours(self, coefficients: ArrayLike | None = None) -> F32:
        """Colours (V, 3) for coefficients (A,); the mean without. Beyond 2.5 they may fall below 0."""
        return combine(self.mean, self.modes, coefficients, "coefficients")

    @property
    def light_prior(self) -> LightPrior:
        """The prior of light as `headshot.geometry.light.estimate_light` takes it."""
        return LightPrior(self.light_mean, self.light_precision)


def half_of(model: HeadModel) -> NDArray[np.intp]:
    """For each vertex (V,) the place of its point among those of one half: what the file stores."""
    first = np.minimum(np.arange(len(model.mean)), model.mirror)
    return np.unique(first, return_inverse=True)[1].reshape(-1)


def read(file: str | Path, resolution: str = "high") -> AlbedoModel:
    """Read an albedo model for the built-in head model at "low" or "high" resolution.

    Raises:
        ModelFormatError: the file is not such a model, is for another head, or has another format version.
    """
    if resolution not in ("low", "high"):
        raise ValueError(f'resolution must be "low" or "high", got {resolution!r}')
    # The first vertices of the high resolution are those of the low one.
    half = half_of(load_head_model("high"))[: len(load_head_model(resolution).mean)]
    with reading(file, "a Headshot albedo model", ModelFormatError), open_arrays(file) as data:
        version = int(data["format_version"])
        if version != FORMAT_VERSION:
            raise ModelFormatError(
                f"{file} has format version {version}; this version reads {FORMAT_VERSION}"
            )
        if len(data["mean"]) != half_of(load_head_model("high")).max() + 1:
            raise ValueError("it was made for another head model")
        require_at_most(MODEL_ARRAYS // (12 * len(half)), modes=len(data["modes"]))
        modes = data["modes"][:, half].astype(np.float32) * data["scale"].astype(np.float32)[:, None, None]
        model = AlbedoModel(
            mean=data["mean"].astype(np.float32)[half],
            modes=modes,
            occlusion=data["occlusion"].astype(np.float32)[half] / np.float32(255),
            light_mean=data["light_mean"].astype(np.float64),
            light_precision=data["light_precision"].astype(np.float64),
        )
        v, a = len(half), len(modes)
        shapes: dict[str, tuple[int, ...]] = {
            "mean": (v, 3), "modes": (a, v, 3), "occlusion": (v,), "light_mean": (27,),
            "light_precision": (27, 27),
        }  # fmt: skip
        for name, expected in shapes.items():
            values = getattr(model, name)
            if values.shape != expected:
                raise ValueError(f"{name} has shape {values.shape}, expected {expected}")
            if not all_finite(values):
                raise ValueError(f"{name} has numbers that are not finite")
        return model


@lru_cache(maxsize=2)
def load_albedo(resolution: str = "high") -> AlbedoModel:
    """The built-in albedo model for the built-in head model at "low" or "high" resolution."""
    return read(assets.path(ASSET), resolution)
