"""Metric scale of a head from photos: by face-recognition features.

A photo fixes a head only up to its size. But faces tell children from adults, and with age, sex and race how
large a head usually is. The identity network's embedding knows them, though nobody taught it: a linear
function of it predicts the logarithm of a head's scale. It was learned (ridge regression) from photos of
UTKFace, with the interpupillary distances of people of their age, sex and race (`headshot.datasets.growth`),
and from synthetic heads, whose size is known: tools/size.py, docs/explanation/size.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from headshot import assets
from headshot.arrays import Array
from headshot.errors import AssetError
from headshot.geometry.camera import Camera
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading

ASSET = "size.npz"


@dataclass(frozen=True)
class Scale:
    """Metric scale of a person's head.

    Attributes:
        value: millimetres of the person per millimetre of the head model.
        uncertainty: relative standard deviation of ``value``: that of its logarithm.
    """

    value: float
    uncertainty: float


ANYBODY = Scale(0.95, 0.12)
"""Where no features are known: of UTKFace's photos, a fifth of them children's
(``python tools/size.py learn``)."""


@dataclass(frozen=True, eq=False)
class SizeRegression:
    """What face-recognition features say of the size.

    Attributes:
        weights: (256,) of the embedding's numbers.
        offset: the logarithm of the scale is ``embedding @ weights + offset``.
        at, deviation: (K,) standard deviation of its error at predictions, ascending; linear in between. It
            includes by how much people of equal features differ.
        photo: standard deviation of predictions from photos of one person.
    """

    weights: Array
    offset: float
    at: Array
    deviation: Array
    photo: float

    def __call__(self, embeddings: Sequence[Array]) -> Scale:
        """The scale by embeddings (256,) of photos of one person, one at least."""
        mean = float(np.mean([e @ self.weights for e in embeddings])) + self.offset
        one = float(np.interp(mean, self.at, self.deviation))
        # More photos average out what differs between photos of a person, and nothing else.
        variance = one**2 - self.photo**2 * (1 - 1 / len(embeddings))
        return Scale(float(np.exp(mean)), float(np.sqrt(variance)))


@lru_cache(maxsize=1)
def load_size_regression() -> SizeRegression:
    """The regression that ships, for the identity network that ships.

    Raises:
        AssetError: the file is missing or altered.
    """
    file = assets.path(ASSET)
    with reading(file, "a regression of sizes", AssetError), open_arrays(file) as data:
        weights, at, deviation = (data[name].astype(np.float64) for name in ("weights", "at", "deviation"))
        return SizeRegression(weights, float(data["offset"]), at, deviation, float(data["photo"]))


def metric_scale(embeddings: Sequence[Array | None]) -> Scale:
    """The scale of a person.

    Args:
        embeddings: (256,) of the identity network (`headshot.perception.identity`) in each view; None where
            it was not run.
    """
    known = [e for e in embeddings if e is not None]
    return load_size_regression()(known) if known else ANYBODY


def scaled_camera(camera: Camera, scale: float) -> Camera:
    """The same view of a head enlarged by ``scale``: it stands proportionally farther away."""
    translation: Array = camera.translation * scale
    return Camera(camera.width, camera.height, camera.focal, camera.centre, camera.rotation, translation)
