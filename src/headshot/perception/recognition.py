"""A face-recognition network, for measuring likeness and for training. It never ships: its file is given.

The network takes faces of 112 x 96 pixels, aligned by five points as in SphereFace (Liu et al.,
"SphereFace: Deep Hypersphere Embedding for Face Recognition", CVPR 2017), and returns feature vectors that
are similar for pictures of one person. As its authors do, the vectors of a face and of its mirror image count
together, and the cosine between two such pairs is their similarity. An ONNX file with an input
(B, 3, 112, 96), RGB as (level - 127.5) / 128, and an output (B, n) will do, such as a MobileFaceNet (Chen et
al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices", CCBR 2018).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import ArrayLike

from headshot.arrays import U8, Array
from headshot.errors import HeadshotError
from headshot.geometry.align import planar_similarity
from headshot.image.resample import warp
from headshot.perception.networks import FAILURES, open_network
from headshot.reading.bounds import MODEL_FILE, open_regular
from headshot.reading.complaint import reading

HEIGHT, WIDTH = 112, 96
_GIVE = "give the ONNX file of a face-recognition network, from somebody whom you trust"
# Eyes, nose tip and corners of the mouth in such a picture; counted in whole pixels from 0, so centres lie
# at +0.5 of our coordinates.
POINTS = np.array([[30.29, 51.70], [65.53, 51.50], [48.03, 71.74], [33.55, 92.37], [62.73, 92.20]]) + 0.5


@dataclass(frozen=True)
class Recogniser:
    """The network of a file; `vectors` runs it.

    Attributes:
        file: ONNX.
    """

    file: Path

    def vectors(self, faces: U8) -> Array:
        """Unit vectors (N, 2 n) of aligned faces (N, 112, 96, 3) uint8 RGB.

        Raises:
            HeadshotError: there is no such file, or the network in it is another.
        """
        pictures = (np.concatenate([faces, faces[:, :, ::-1]]).astype(np.float32) - 127.5) / 128
        network = _session(self.file)
        feed = {network.get_inputs()[0].name: np.ascontiguousarray(pictures.transpose(0, 3, 1, 2))}
        with reading(self.file, "a face-recognition network", HeadshotError, _GIVE, FAILURES):
            found = np.asarray(network.run(None, feed)[0], np.float64)
            if found.ndim != 2 or len(found) != len(pictures) or not np.isfinite(found).all():
                raise ValueError(f"it returns {found.shape} for {len(pictures)} pictures, expected vectors")
            if not found.any(axis=1).all():
                raise ValueError("it returns a vector of zeros")
        both = np.concatenate(np.split(found, 2), axis=1)
        return np.asarray(both / np.linalg.norm(both, axis=1, keepdims=True))

    def both_sides(self, pixels: U8, points: ArrayLike) -> Array:
        """Unit vector (n,) of a face in a picture, the same for the mirror image; see `aligned_face`."""
        face, mirror = np.split(self.vectors(aligned_face(pixels, points)[None])[0], 2)
        return np.asarray((face + mirror) / np.linalg.norm(face + mirror))


@lru_cache(maxsize=1)
def _session(file: Path) -> ort.InferenceSession:
    with reading(file, "a network of ONNX Runtime", HeadshotError, _GIVE, FAILURES):
        with open_regular(file, MODEL_FILE):
            network = open_network(file)
        shapes = [found.shape for found in network.get_inputs()]
        if len(shapes) != 1 or shapes[0][1:] != [3, HEIGHT, WIDTH]:
            raise ValueError(f"it takes pictures {shapes}, expected (B, 3, {HEIGHT}, {WIDTH})")
        return network


def aligned_face(pixels: U8, points: ArrayLike) -> U8:
    """The face (112, 96, 3) as the network expects it.

    Args:
        pixels: (H, W, 3) uint8 RGB.
        points: (5, 2) pixels: the eye on the left of the picture, the other eye, the tip of the nose, the
            corner of the mouth on the left, the other corner.
    """
    return warp(pixels, planar_similarity(POINTS, points)[None], (HEIGHT, WIDTH), clamp=True)[0]
