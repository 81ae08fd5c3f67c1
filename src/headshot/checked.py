"""Settings whose types are checked when they are made, so that none fails halfway through a photo."""

from __future__ import annotations

from dataclasses import fields
from functools import cache
from math import isnan
from numbers import Integral, Real
from types import UnionType
from typing import Any, Literal, Union, cast, get_args, get_origin, get_type_hints


class Checked:
    """Base of frozen dataclasses of settings: every value is of the type that its field is annotated with.

    Numbers of NumPy become Python's, lists tuples where tuples are expected. A class with a ``__post_init__``
    of its own calls this one first.

    Raises:
        ValueError: another type, a word that is no choice, or NaN.
    """

    def __post_init__(self) -> None:
        kind: Any = type(self)
        hints = _hints(kind)
        for field in fields(cast(Any, self)):
            value = checked(hints[field.name], getattr(self, field.name), field.name)
            object.__setattr__(self, field.name, value)


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def checked(hint: Any, value: Any, name: str) -> Any:
    """A value of the type that is expected.

    Args:
        hint: int, float, bool, str, a `Literal`, a dataclass, a tuple, or a union of these with None.
        value: what was given.
        name: what it is called in the error.

    Raises:
        ValueError: another type, a word that is no choice, or NaN.
    """
    choices = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    if value is None and type(None) in choices:
        return None
    if get_origin(hint) is Literal:
        if value not in choices_of(hint):
            raise ValueError(f"{name} must be one of {', '.join(choices_of(hint))}, got {value!r}")
        return value
    for choice in choices:
        found = _as(choice, value, name)
        if found is not None:
            return found
    raise ValueError(f"{name} must be {' or '.join(map(_said, choices))}, got {value!r}")


def choices_of(hint: Any) -> tuple[str, ...]:
    """The words of a `Literal`."""
    return get_args(hint)


def _as(kind: Any, value: Any, name: str) -> Any:
    """The value as one of a kind, or None."""
    if get_origin(kind) is tuple:
        if not isinstance(value, list | tuple):
            return None
        members = get_args(kind)
        if members[-1] is Ellipsis:
            members = (members[0],) * len(value)
        if len(members) != len(value):
            raise ValueError(f"{name} must have {len(members)} values, got {value!r}")
        return tuple(checked(member, v, name) for member, v in zip(members, value, strict=True))
    if kind is bool:
        return bool(value) if isinstance(value, bool) or type(value).__name__ == "bool" else None
    if kind is int:
        return int(value) if isinstance(value, Integral) and not isinstance(value, bool) else None
    if kind is float:
        known = isinstance(value, Real) and not isinstance(value, bool) and not isnan(value)
        return float(value) if known else None
    return value if isinstance(kind, type) and isinstance(value, kind) else None


def _said(kind: Any) -> str:
    words = {
        bool: "True or False",
        int: "a whole number",
        float: "a number",
        str: "a word",
        type(None): "None",
    }
    if get_origin(kind) is tuple:
        return "several values"
    return words.get(kind) or str(getattr(kind, "__name__", kind))
