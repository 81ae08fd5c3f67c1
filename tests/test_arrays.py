"""Data that stay as they are: arrays and dictionaries of results, in copies and pickles too."""

from __future__ import annotations

import copy
import dataclasses
import importlib
import json
import pickle
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import headshot
from headshot.arrays import Array, ReadOnly, ReadOnlyDict, read_only_view

HIDDEN = ("headshot.learn", "headshot.evaluate", "headshot.datasets", "headshot.metrics", "headshot.__")
INTERNAL = (
    *HIDDEN,
    "headshot.fitting",
    "headshot.texture",
    "headshot.geometry.raster",
    "headshot.image.formats",
    "headshot.photo_colours",
    "headshot.texturing",
)
"""Modules whose dataclasses users of heads never hold; `headshot.texture.Texture` is an exception."""


@dataclass(frozen=True, eq=False, repr=False)
class Sample(ReadOnly):
    numbers: Array
    named: dict[str, Any]
    several: tuple[Array, ...] = ()


@pytest.fixture
def sample() -> Sample:
    return Sample(np.zeros((40, 2)), {"a": np.ones(3), "b": 2.0}, [np.arange(3.0)])  # type: ignore[arg-type]


def changes(values: Sample) -> Iterator[Any]:
    """Ways to change it."""
    yield lambda: values.numbers.__setitem__(0, 1)
    yield lambda: values.named.__setitem__("b", 1)
    yield lambda: values.named["a"].__setitem__(0, 1)
    yield lambda: values.named.update(b=1)
    yield lambda: values.named.pop("b")
    yield lambda: values.several[0].__setitem__(0, 1)
    yield lambda: setattr(values, "numbers", 1)


@pytest.mark.parametrize(
    "way",
    [lambda x: x, copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x)), dataclasses.replace],
)
def test_nothing_can_be_changed(sample: Sample, way: Any) -> None:
    again = way(sample)
    np.testing.assert_array_equal(again.numbers, sample.numbers)
    for change in changes(again):
        with pytest.raises((ValueError, TypeError, AttributeError)):
            change()
    assert again.named["b"] == 2 and again.numbers[0, 0] == 0


def test_the_callers_array_stays_as_it_is(sample: Sample) -> None:
    mine = np.zeros(3)
    held = dataclasses.replace(sample, numbers=mine)
    mine[0] = 5
    assert mine.flags.writeable and not held.numbers.flags.writeable
    assert read_only_view(held.numbers) is held.numbers


def test_dictionaries_of_results() -> None:
    values = ReadOnlyDict({"jawOpen": 1.0}, "do something else")
    with pytest.raises(TypeError, match="do something else"):
        values["jawOpen"] = 0.0
    with pytest.raises(KeyError, match="did you mean 'jawOpen'"):
        values["jawopen"]
    assert json.loads(json.dumps(values)) == values == pickle.loads(pickle.dumps(values))
    assert values.get("nothing") is None and dict(values) | {"a": 1} == {"jawOpen": 1.0, "a": 1}
    with pytest.raises(TypeError, match="do something else"):
        copy.deepcopy(values).clear()


def test_a_repr_has_shapes_instead_of_numbers(sample: Sample) -> None:
    assert repr(sample) == "Sample(numbers=<float64 40 x 2>, named=<2 names>, several=(<float64 3>,))"


def public_dataclasses() -> Iterator[tuple[str, type]]:
    for module in pkgutil.walk_packages(headshot.__path__, "headshot."):
        if module.name.startswith(HIDDEN):
            continue
        for name, thing in vars(importlib.import_module(module.name)).items():
            held = (
                thing.__name__ == "Texture" or not module.name.startswith(INTERNAL)
                if isinstance(thing, type)
                else 0
            )
            if (
                held
                and dataclasses.is_dataclass(thing)
                and thing.__module__ == module.name
                and name[0] != "_"
            ):
                yield f"{module.name}.{name}", thing


def test_every_public_dataclass_that_holds_arrays_is_read_only() -> None:
    arrays = ("Array", "F32", "U8", "I32", "Index", "Mask", "Floats", "NDArray")
    checked = 0
    for name, kind in public_dataclasses():
        types = [str(field.type).split("|")[0].strip() for field in dataclasses.fields(kind)]
        if any(kind.startswith((*arrays, "dict", "tuple[Array")) for kind in types):
            parameters = kind.__dataclass_params__  # type: ignore[attr-defined]
            assert issubclass(kind, ReadOnly) and parameters.frozen, name
            assert not parameters.repr, f"{name} writes all its numbers"
            assert not parameters.eq or kind is headshot.Quality, (
                f"{name} cannot be compared: arrays have no truth"
            )
            checked += 1
    assert checked > 20
