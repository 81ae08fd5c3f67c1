"""The landmark noise model: bias, correlated errors and independent errors of the landmark network.

The network does not report where its points are. It shrinks every face towards an average one, sees turned
heads in its own way, and its errors at neighbouring points are alike. All of this is taken as linear, in
millimetres in the head frame, so that a fit needs nothing new: the points that the network *reports* for a
head are those of another `PointModel`,

    reported = mean + sum_i alpha_i (identity_i + identity'_i)
                    + sum_e beta_e expression_e + sum_k q_k mode_k(yaw) + noise,

with q ~ N(0, I) and independent noise of a standard deviation for each point and yaw. The q are fitted along
with identity and expression and then forgotten; with the robust weights held fixed this is the generalised
least-squares estimate under the covariance ``modes modes' + diag(deviation^2)``.

Measured on synthetic heads in the colours of real photos: tools/landmark_noise,
docs/explanation/landmark-noise.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from headshot import assets
from headshot.arrays import F32, Array, all_finite
from headshot.errors import ModelFormatError
from headshot.geometry.camera import angles_of
from headshot.models.head_model import PointModel
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

ASSET = "landmark_noise.npz"
FORMAT_VERSION = 1


@dataclass(frozen=True, eq=False)
class ReportedModel:
    """The head model as the landmark network reports it at one pose.

    Attributes:
        model: at the landmarks, with K more "identity" modes behind the I of people: the network's errors q.
        deviation: (L,) mm, standard deviation of what is left, independent between points.
        nuisance: K.
    """

    model: PointModel
    deviation: Array
    nuisance: int


@dataclass(frozen=True, eq=False)
class LandmarkNoiseModel:
    """The network's errors: Y yaws, I identity modes, K modes of error, L landmarks.

    Attributes:
        yaw: (Y,) increasing, degrees; between them errors are interpolated, beyond them constant.
        identity: (I, L, 3) mm per standard deviation: what the points lack of each mode, or exaggerate.
        modes: (Y, K, L, 3) mm per standard deviation.
        deviation: (Y, L) mm.
    """

    yaw: Array
    identity: F32
    modes: F32
    deviation: F32

    def at(self, model: PointModel, rotation: ArrayLike) -> ReportedModel:
        """What the network reports of a head turned like that.

        Args:
            model: our head model at the landmarks.
            rotation: (3, 3) head frame to camera frame.

        Raises:
            ValueError: the model has other landmarks or modes than those whose errors were measured.
        """
        if model.identity.shape != self.identity.shape:
            raise ValueError(
                f"these errors are of a model whose identity modes have the shape {self.identity.shape}, "
                f"got {model.identity.shape}"
            )
        yaw = float(np.clip(angles_of(rotation)[0], self.yaw[0], self.yaw[-1]))
        first = min(int(np.searchsorted(self.yaw, yaw, side="right")) - 1, len(self.yaw) - 2)
        share = (yaw - self.yaw[first]) / (self.yaw[first + 1] - self.yaw[first])
        weight = np.array([1 - share, share], np.float32)
        both = slice(first, first + 2)
        # The sum of two covariances has the modes of both.
        modes = (self.modes[both] * np.sqrt(weight)[:, None, None, None]).reshape(-1, *model.mean.shape)
        k = len(modes)
        correction = np.pad(model.correction, ((0, 0), (0, k), (0, 0), (0, 0)))
        reported = PointModel(
            model.mean,
            np.concatenate([model.identity + self.identity, modes]),
            model.expression,
            model.corrected,
            correction,
        )
        variance = weight.astype(np.float64) @ self.deviation[both].astype(np.float64) ** 2
        return ReportedModel(reported, np.sqrt(variance), k)


@lru_cache(maxsize=1)
def load_landmark_noise() -> LandmarkNoiseModel:
    """The noise model of the landmark network that ships."""
    return read(assets.path(ASSET))


def read(file: str | Path) -> LandmarkNoiseModel:
    """Read a file of tools/landmark_noise/learn.py.

    Raises:
        ModelFormatError: the file is not such a file, or has another format version.
    """
    with reading(file, "a landmark noise model", ModelFormatError), open_arrays(file) as data:
        version = int(data["format_version"])
        if version != FORMAT_VERSION:
            raise ModelFormatError(
                f"{file} has format version {version}; this version reads {FORMAT_VERSION}"
            )
        yaw = data["yaw"].astype(np.float64)
        names = ("identity", "modes", "deviation")
        identity, modes, deviation = (data[name].astype(np.float32) for name in names)
        shape = identity.shape[1:]
        if not (
            len(yaw) == len(modes) == len(deviation) >= 2
            and yaw.ndim == 1
            and (np.diff(yaw) > 0).all()
            and all_finite(yaw, identity, modes, deviation)
            and len(shape) == 2
            and modes.shape[2:] == shape
            and deviation.shape[1:] == shape[:1]
            and (deviation > 0).all()
        ):
            raise ModelFormatError(f"the arrays of {file} do not belong together")
        return LandmarkNoiseModel(yaw, identity, modes, deviation)
