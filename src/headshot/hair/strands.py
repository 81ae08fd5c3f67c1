"""The texture of all hair: grey, which is a factor of its colour, and alpha (tools/hair/strands.py).

It repeats along u, every `PERIOD` mm of hair, and has bands along v, in each of which strands run from the
root (top) to the tip: shells, which are opaque between ragged ends, and wisps, through which one sees; of
straight, wavy and coily hair; and brows and lashes.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from headshot import assets
from headshot.arrays import F32, U8, read_only
from headshot.errors import AssetError
from headshot.image.colour import TO_LINEAR
from headshot.image.formats import PNG, open_one_of
from headshot.reading.complaint import reading

ASSET = "hair_strands.png"
WIDTH, HEIGHT = 1024, 512
PERIOD = 200.0
BANDS = {
    "straight_shell": (0, 48),
    "straight_wisp": (48, 96),
    "wavy_shell": (96, 176),
    "wavy_wisp": (176, 256),
    "coily_shell": (256, 336),
    "coily_wisp": (336, 416),
    "brow": (416, 464),
    "lash": (464, 512),
}
"""First row, and the row after the last, of each band."""
GAP = 5
"""Rows at both ends of a band that stay empty, so that smaller versions do not mix it with its neighbours."""


@lru_cache(maxsize=1)
def load_strands() -> U8:
    """The texture (`HEIGHT`, `WIDTH`, 2): grey (sRGB) and alpha.

    Raises:
        AssetError: the file is missing or altered.
    """
    file = assets.path(ASSET)
    with reading(file, "strands", AssetError), open_one_of((PNG,), file.read_bytes()) as image:
        pixels = np.ascontiguousarray(image.convert("LA"))
    if pixels.shape != (HEIGHT, WIDTH, 2):
        raise AssetError(f"{file} has shape {pixels.shape}, expected {(HEIGHT, WIDTH, 2)}")
    return read_only(pixels)


@lru_cache(maxsize=1)
def mean_grey() -> float:
    """The mean factor of a colour, linear, over what is seen of strands."""
    grey, alpha = (load_strands()[..., k] for k in (0, 1))
    return float((TO_LINEAR[grey] * alpha).sum() / alpha.sum(dtype=np.float64))


def on_texture(uv: F32, bands: NDArray[np.str_] | str) -> F32:
    """Coordinates (P, 2) on the texture.

    Args:
        uv: (P, 2) across in periods, along from 0 at the root to 1 at the tip.
        bands: (P,) names of `BANDS`, or one for all.
    """
    names, band = np.unique(bands, return_inverse=True)
    first, last = np.array([BANDS[name] for name in names.tolist()], np.float32)[band.reshape(-1)].T
    along = first + GAP + uv[:, 1] * (last - first - 2 * GAP)
    return np.stack([uv[:, 0], along / HEIGHT], axis=1).astype(np.float32)
