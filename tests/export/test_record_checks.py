"""Nothing impossible gets past the checks, and each message says where it stands."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.errors import RecordError
from headshot.export.origin import Origin, PhotoFile
from headshot.export.record import parse_record, record
from headshot.export.record_checks import DEEPEST, Field, check_numbers
from headshot.export.settings import ExportSettings
from headshot.results import Head
from headshot.settings import Settings

SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "reconstruction.schema.json"
Place = tuple[str | int, ...]
# Objects whose entries may have any name.
FREE = {"assets", "expression", "measures", "timings", "settings", "export"}


@pytest.fixture(scope="module")
def fields(astronaut: Head) -> dict[str, Any]:
    photo = PhotoFile("astronaut.jpg", 7, "0" * 64)
    settings = Settings().to_dict()
    origin = Origin((photo,), "0" * 16, 1, False, False, settings, asdict(ExportSettings()), "headshot")
    fields: dict[str, Any] = json.loads(json.dumps(record(astronaut, files=["a.glb"], origin=origin)))
    return fields


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Where values stand; of lists, and objects with entries of any name, only the first and last."""
    if path:
        yield path
    if isinstance(value, dict):
        names = list(value)
        for name in dict.fromkeys([names[0], names[-1]]) if path and path[-1] in FREE else names:
            yield from places(value[name], (*path, name))
    elif isinstance(value, list):
        for i in sorted({0, len(value) - 1} & set(range(len(value)))):
            yield from places(value[i], (*path, i))


def changed(fields: dict[str, Any], path: Place, new: Any) -> dict[str, Any]:
    """A copy with another value at a place."""
    out = copy.deepcopy(fields)
    inner: Any = out
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return out


def named(path: Place) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.lstrip(".")


def test_each_missing_field_is_named(fields: dict[str, Any]) -> None:
    count = 0
    for path in places(fields):
        if isinstance(path[-1], int) or FREE.intersection(path[:-1]) or path == ("schema_version",):
            continue
        without = changed(fields, path, None)
        inner: Any = without
        for step in path[:-1]:
            inner = inner[step]
        del inner[path[-1]]
        with pytest.raises(RecordError) as error:
            parse_record(json.dumps(without), "me.json")
        assert str(error.value) == f"me.json: {named(path)} is missing"
        count += 1
    assert count > 50


def test_what_the_schema_refuses_is_refused(fields: dict[str, Any]) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    wrong = [None, True, "text", -1e8, 10**9, {}, [], [[1.0]], {"a": {"b": "c"}}]
    refused = 0
    for i, path in enumerate(places(fields)):
        if path == ("schema_version",):
            continue
        # Every place with two of them, every one of them in many places: validation takes its time.
        for new in (wrong[i % len(wrong)], wrong[(i // len(wrong) + 4 + i) % len(wrong)]):
            broken = changed(fields, path, new)
            if validator.is_valid(broken):
                continue
            with pytest.raises(RecordError, match=r"me\.json: "):
                parse_record(json.dumps(broken), "me.json")
            refused += 1
    assert refused > 120


@pytest.mark.parametrize(
    ("path", "new", "message"),
    [
        (("person", "identity", 3), float("nan"), r"person\.identity\[3\] must be a finite number"),
        (("person", "identity", 3), 101.0, r"identity\[3\] must be a number from -100 to 100, got 101"),
        (("person", "scale"), 0, r"person\.scale must be above 0"),
        (("views",), [], r"views must be a list of 1 to"),
        (("views", 0, "camera", "focal"), 10**400, r"views\[0\]\.camera\.focal must be a finite number"),
        (("views", 0, "camera", "rotation"), (2 * np.eye(3)).tolist(), r"rotation\[0\]\[0\] must be"),
        (("views", 0, "camera", "rotation"), (-np.eye(3)).tolist(), r"camera\.rotation must be a rotation"),
        (("views", 0, "camera", "rotation", 0), [1.0, 1.0, 0.0], r"camera\.rotation must be a rotation"),
        (("views", 0, "camera", "translation", 2), 700.0, r"translation must be in front of the camera"),
        (("views", 0, "camera", "width"), 7, r"camera\.width must be an integer from 512 to 512, got 7"),
        (("views", 0, "photo", "name"), "../me.jpg", r"name must be the name of a file without folders"),
        (("views", 0, "landmarks", "points"), [[1.0, 2.0]] * 477, r"points must be a list of 478, got"),
        (("views", 0, "expression", "jawOpen"), 1.01, r"expression\.jawOpen must be a number from 0 to 1"),
        (("files", 0), "/etc/passwd", r"files\[0\] must be the name of a file"),
        (("files", 0), "..", r"files\[0\] must be the name of a file"),
        (("model", "assets", "head_model.npz"), "12", r"model\.assets\.head_model\.npz must be a text like"),
        (("meshes", "texture"), "normal", r'meshes\.texture must be one of "photo", "albedo", null'),
        (("meshes", "texture"), ["photo"], r"meshes\.texture must be one of"),
        (("extra",), [0, {"a": [float("inf")]}], r"extra\[1\]\.a\[0\] must be a finite number"),
    ],
)
def test_messages_say_where_and_what(fields: dict[str, Any], path: Place, new: Any, message: str) -> None:
    with pytest.raises(RecordError, match=rf"me\.json: .*{message}"):
        parse_record(json.dumps(changed(fields, path, new)), "me.json")


def test_deep_nesting_is_refused(fields: dict[str, Any]) -> None:
    nested: Any = 0
    for _ in range(DEEPEST + 5):
        nested = [nested]
    with pytest.raises(RecordError, match=r"extra\[0\].* is nested too deeply"):
        parse_record(json.dumps({**fields, "extra": nested}), "me.json")
    check_numbers(Field("me.json", "", [[[[0.5]]]]))


def test_messages_stay_short(fields: dict[str, Any]) -> None:
    for wrong in ({"x" * 5000: [float("nan")]}, {"prior": ["x" * 5000]}):
        with pytest.raises(RecordError) as error:
            parse_record(json.dumps({**fields, **wrong}), "me.json")
        assert len(str(error.value)) < 400
