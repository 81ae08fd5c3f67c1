"""The albedo model: what colours skin has, whatever the light, and how light usually is.

    a(delta) = mean + sum_k delta_k * modes_k          (linear reflectance at every vertex of the head model)

The texture equation of "3D Face Reconstruction from RGB", section D, with coefficients in standard
deviations. Learned from photos (docs/explanation/albedo-model.md). Dimension letters: V vertices, A albedo
modes.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot import assets
from headshot.arrays import F32, Array, ReadOnly
from headshot.errors import ModelFormatError
from headshot.geometry.light import LightPrior
from headshot.models.head_model import HeadModel, combine, load_head_model

ASSET = "albedo.npz"
FORMAT_VERSION = 1
_UNREADABLE = (OSError, EOFError, BadZipFile, zlib.error)  # what a truncated or foreign file raises


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
    try:
        with np.load(file, allow_pickle=False) as archive:
            data = {key: archive[key] for key in archive.files}
        version = int(data["format_version"])
        if version != FORMAT_VERSION:
            raise ModelFormatError(
                f"{file} has format version {version}; this version reads {FORMAT_VERSION}"
            )
        modes = data["modes"][:, half].astype(np.float32) * data["scale"].astype(np.float32)[:, None, None]
        model = AlbedoModel(
            mean=data["mean"].astype(np.float32)[half],
            modes=modes,
            occlusion=data["occlusion"].astype(np.float32)[half] / np.float32(255),
            light_mean=data["light_mean"].astype(np.float64),
            light_precision=data["light_precision"].astype(np.float64),
        )
        if len(data["mean"]) != half_of(load_head_model("high")).max() + 1:
            raise ValueError("it was made for another head model")
        v, a = len(half), len(modes)
        shapes = {
            "mean": (model.mean.shape, (v, 3)),
            "modes": (model.modes.shape, (a, v, 3)),
            "occlusion": (model.occlusion.shape, (v,)),
            "light_mean": (model.light_mean.shape, (27,)),
            "light_precision": (model.light_precision.shape, (27, 27)),
        }
        for name, (shape, expected) in shapes.items():
            if shape != expected:
                raise ValueError(f"{name} has shape {shape}, expected {expected}")
        if not all(np.isfinite(x).all() for x in (model.mean, model.modes, model.light_precision)):
            raise ValueError("it contains numbers that are not finite")
        return model
    except ModelFormatError:
        raise
    except (*_UNREADABLE, ValueError, KeyError, IndexError, AttributeError, TypeError) as error:
        raise ModelFormatError(f"{file} is not a Headshot albedo model: {error}") from error


@lru_cache(maxsize=2)
def load_albedo(resolution: str = "high") -> AlbedoModel:
    """The built-in albedo model for the built-in head model at "low" or "high" resolution."""
    return read(assets.path(ASSET), resolution)
