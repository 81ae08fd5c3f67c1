"""Types of arrays, once for the whole package, and arrays that stay as they are.

Types are only dtypes: NumPy's say nothing of shapes, which docstrings give with the dimension letters B
batch, N views, V vertices, F triangles, L landmarks, I identity modes, E expressions, A albedo modes, H x W
image.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
F32 = NDArray[np.float32]
Floats = NDArray[np.floating]
U8 = NDArray[np.uint8]
I32 = NDArray[np.int32]
Index = NDArray[np.int64]
Mask = NDArray[np.bool_]
AnyArray = TypeVar("AnyArray", bound=NDArray[np.generic])

_PIECE = 4_000_000  # elements

# float32 numbers in Numba's kernels: there they count like Python's, which NumPy's types do not know.
single = cast("Callable[[float], float]", np.float32)


def read_only(values: AnyArray) -> AnyArray:
    """The same array, which cannot be written to any more."""
    values.flags.writeable = False
    return values


def all_finite(*arrays: NDArray[Any]) -> bool:
    """Whether no number is infinite or NaN; large arrays are looked at in pieces, which saves memory."""
    return all(
        np.isfinite(part).all()
        for values in arrays
        for part in (np.array_split(values, values.size // _PIECE + 1) if values.ndim else (values,))
    )
