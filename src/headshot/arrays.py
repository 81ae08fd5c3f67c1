"""Types of arrays, once for the whole package, and data that stay as they are.

Types are only dtypes: NumPy's say nothing of shapes, which docstrings give with the dimension letters B
batch, N views, V vertices, F triangles, L landmarks, I identity modes, E expressions, A albedo modes, H x W
image.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from difflib import get_close_matches
from typing import Any, NoReturn, TypeVar, cast

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


def read_only_view(values: AnyArray) -> AnyArray:
    """A view that cannot be written to, of an array that stays as it is."""
    return read_only(values.view()) if values.flags.writeable else values


class ReadOnlyDict(dict[Any, Any]):
    """A dictionary that cannot be changed. A `MappingProxyType` is neither pickled nor written as JSON.

    Args:
        values: a mapping, or pairs.
        instead: what to do instead, for the error.
    """

    def __init__(self, values: Any = (), instead: str = "make another with dict(...)") -> None:
        super().__init__({name: _sealed(value) for name, value in dict(values).items()})
        self._instead = instead

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError(f"these values are read-only: {self._instead}")

    __setitem__ = __delitem__ = __ior__ = _refuse
    clear = pop = popitem = setdefault = update = _refuse

    def __missing__(self, name: Any) -> NoReturn:
        near = get_close_matches(str(name), map(str, self), 1)
        raise KeyError(f"{name!r}: did you mean {near[0]!r}?" if near else name)

    def __copy__(self) -> ReadOnlyDict:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return ReadOnlyDict, (dict(self), self._instead)


class ReadOnly:
    """Base of frozen dataclasses that hold arrays: what they hold is frozen too.

    Arrays become views that cannot be written to (the caller's own array stays as it is), lists tuples, and
    dictionaries `ReadOnlyDict`; in copies and pickles as well, which NumPy makes writable. Arrays are named
    by type and shape in the ``repr``, so such a class has ``repr=False`` and, as arrays have no one truth
    value, ``eq=False``. One with a ``__post_init__`` of its own calls this one first.
    """

    def __post_init__(self) -> None:
        for field in fields(cast(Any, self)):
            object.__setattr__(self, field.name, _sealed(getattr(self, field.name)))

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update({name: _sealed(value) for name, value in state.items()})

    def __repr__(self) -> str:
        values = (f"{field.name}={_short(getattr(self, field.name))}" for field in fields(cast(Any, self)))
        return f"{type(self).__name__}({', '.join(values)})"


def _sealed(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return read_only_view(value)
    if isinstance(value, list | tuple) and type(value) in (list, tuple):
        return tuple(map(_sealed, value))
    if type(value) is dict:
        return ReadOnlyDict(value)
    return value


def _short(value: Any) -> str:
    """What fits into a line."""
    if isinstance(value, np.ndarray):
        return f"<{value.dtype} {' x '.join(map(str, value.shape)) or 'scalar'}>"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple) and len(value) <= _FEW:
        text = f"({', '.join(map(_short, value))}{',' * (len(value) == 1)})"
    else:
        text = "" if isinstance(value, dict | tuple) else repr(value)
    if 0 < len(text) <= _LINE:
        return text
    if isinstance(value, str):
        return f"{text[:_LINE]}..."
    if isinstance(value, dict | tuple):
        return f"<{len(value)} {'names' if isinstance(value, dict) else 'items'}>"
    return f"<{type(value).__name__}>"


_FEW, _LINE = 4, 70  # items and characters that are shown of a value


def all_finite(*arrays: NDArray[Any]) -> bool:
    """Whether no number is infinite or NaN; large arrays are looked at in pieces, which saves memory."""
    return all(
        np.isfinite(part).all()
        for values in arrays
        for part in (np.array_split(values, values.size // _PIECE + 1) if values.ndim else (values,))
    )
