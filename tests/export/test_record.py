from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.export.record import record_json
from headshot.export.settings import ExportSettings
from headshot.image.photo import Photo
from headshot.pipeline import Reconstruction

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = Path(__file__).parents[2] / "docs" / "reconstruction.schema.json"


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


def check(content: bytes, schema: dict[str, Any]) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    fields: dict[str, Any] = json.loads(content, parse_constant=refuse)
    jsonschema.Draft202012Validator(schema).validate(fields)
    return fields


def test_synthetic_head_fits_the_schema(head: Reconstruction, schema: dict[str, Any]) -> None:
    fields = check(record_json(head, files=["a.glb", "a.json"]), schema)
    assert fields["files"] == ["a.glb", "a.json"]
    assert fields["blendshapes"] == pytest.approx(head.blendshapes, abs=1e-5)
    np.testing.assert_allclose(fields["landmarks68"], head.landmarks68, atol=1e-4)
    np.testing.assert_allclose(fields["landmarks68_projected"], head.project(head.landmarks68), atol=1e-3)
    assert fields["meshes"]["expression"] == "photo"
    neutral = check(record_json(head, ExportSettings(expression="neutral")), schema)
    assert neutral["meshes"]["expression"] == "neutral"


def test_camera_can_be_rebuilt(head: Reconstruction, schema: dict[str, Any]) -> None:
    fields = check(record_json(head), schema)
    camera, points = fields["camera"], np.array(fields["landmarks68"])
    p = points @ np.array(camera["rotation"]).T + camera["translation"]
    x = camera["centre"][0] - camera["focal"] * p[:, 0] / p[:, 2]
    y = camera["centre"][1] + camera["focal"] * p[:, 1] / p[:, 2]
    np.testing.assert_allclose(np.stack([x, y], axis=1), fields["landmarks68_projected"], atol=5e-3)


def test_folders_are_not_recorded(head: Reconstruction, schema: dict[str, Any]) -> None:
    for name in ("/home/ann/secret/me.jpg", "C:\\Users\\ann\\secret\\me.jpg"):
        private = replace(head, photo=Photo(head.photo.pixels, name))
        content = record_json(private)
        assert check(content, schema)["photo"]["name"] == "me.jpg"
        assert b"secret" not in content


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_never_written(head: Reconstruction, bad: float) -> None:
    identity = head.identity.copy()
    identity[1] = bad
    with pytest.raises(HeadshotError, match="not finite"):
        record_json(replace(head, identity=identity))


def test_the_schema_notices_mistakes(head: Reconstruction, schema: dict[str, Any]) -> None:
    fields = check(record_json(head), schema)
    for wrong in (
        {"landmarks68": fields["landmarks68"][:67]},
        {"schema_version": "2.0"},
        {"surprise": 1},
        {"blendshapes": {**fields["blendshapes"], "jawOpen": 1.2}},
        {"photo": {**fields["photo"], "name": "a/b.jpg"}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.Draft202012Validator(schema).validate({**fields, **wrong})


def test_a_real_head_fits_the_schema(astronaut: Reconstruction, schema: dict[str, Any]) -> None:
    fields = check(record_json(astronaut), schema)
    assert fields["photo"]["name"] == "astronaut.jpg"
    assert abs(fields["camera"]["yaw"]) < 45
