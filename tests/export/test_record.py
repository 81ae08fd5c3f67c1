from __future__ import annotations

import json
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headshot.errors import HeadshotError, RecordError
from headshot.export import contents, write_files
from headshot.export.origin import Origin, PhotoFile, place_of
from headshot.export.record import MAX_BYTES, parse_record, read_record, record, record_json
from headshot.export.settings import ExportSettings
from headshot.results import Head
from headshot.settings import Settings

jsonschema = pytest.importorskip("jsonschema")
SCHEMA = Path(__file__).parents[2] / "docs" / "reference" / "reconstruction.schema.json"


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


def test_synthetic_head_fits_the_schema(head: Head, schema: dict[str, Any]) -> None:
    fields = check(record_json(head, files=["a.glb", "a.json"]), schema)
    assert fields["files"] == ["a.glb", "a.json"]
    view = fields["views"][0]
    np.testing.assert_allclose(view["landmarks68"], head.landmarks68, atol=1e-4)
    np.testing.assert_allclose(view["landmarks68_projected"], head.project(head.landmarks68), atol=1e-3)
    assert fields["meshes"]["expression"] == "photo"
    neutral = check(record_json(head, ExportSettings(expression="neutral")), schema)
    assert neutral["meshes"]["expression"] == "neutral"


def test_camera_can_be_rebuilt(head: Head, schema: dict[str, Any]) -> None:
    view = check(record_json(head), schema)["views"][0]
    camera, points = view["camera"], np.array(view["landmarks68"])
    p = points @ np.array(camera["rotation"]).T + camera["translation"]
    x = camera["centre"][0] - camera["focal"] * p[:, 0] / p[:, 2]
    y = camera["centre"][1] + camera["focal"] * p[:, 1] / p[:, 2]
    np.testing.assert_allclose(np.stack([x, y], axis=1), view["landmarks68_projected"], atol=5e-3)


def test_what_makes_a_head_is_written_without_loss(astronaut: Head) -> None:
    fields = parse_record(record_json(astronaut))
    person, view = fields["person"], fields["views"][0]
    assert astronaut.light is not None and astronaut.albedo is not None
    for written, value in (
        (person["identity"], astronaut.identity),
        (person["albedo"], astronaut.albedo),
        (person["scale"], astronaut.scale),
        (person["scale_uncertainty"], astronaut.scale_uncertainty),
        (list(view["expression"].values()), astronaut.expression),
        (view["light"], astronaut.light),
        (view["camera"]["rotation"], astronaut.camera.rotation),
        (view["camera"]["translation"], astronaut.camera.translation),
        (view["camera"]["centre"], astronaut.camera.centre),
        (view["camera"]["focal"], astronaut.camera.focal),
        (view["landmarks"]["points"], astronaut.landmarks.points),
    ):
        np.testing.assert_array_equal(written, value)
    assert list(view["expression"]) == list(astronaut.model.expression_names)
    shape = astronaut.model.shape(person["identity"], list(view["expression"].values()))
    np.testing.assert_array_equal(np.float32(person["scale"]) * shape, astronaut.vertices)


def test_reading_gives_what_was_written(head: Head, astronaut: Head, tmp_path: Path) -> None:
    for one in (head, astronaut):
        assert parse_record(record_json(one, files=["x.json"])) == record(one, files=["x.json"])
        assert parse_record(record_json(one).decode()) == record(one)
    (path,) = head.save(tmp_path / "Ann.json")
    read = read_record(path)
    assert read.pop("mark").startswith("headshot-file/1 ")
    assert read == record(head, files=["Ann.json"])


def test_folders_are_not_recorded(head: Head, schema: dict[str, Any]) -> None:
    for name in ("/home/ann/secret/me.jpg", "C:\\Users\\ann\\secret\\me.jpg"):
        view = replace(head.view, photo=replace(head.view.photo, name=name))
        private = replace(head, estimate=replace(head.estimate, views=(view,)))
        content = record_json(private)
        assert check(content, schema)["views"][0]["photo"]["name"] == "me.jpg"
        assert b"secret" not in content


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_never_written(head: Head, bad: float) -> None:
    views = (replace(head.view, score=bad), *head.estimate.views[1:])
    with pytest.raises(HeadshotError, match="not finite"):
        record_json(replace(head, estimate=replace(head.estimate, views=views)))


def test_a_real_head_fits_the_schema(astronaut: Head, schema: dict[str, Any]) -> None:
    fields = check(record_json(astronaut), schema)
    assert fields["views"][0]["photo"]["name"] == "astronaut.jpg"
    assert abs(fields["views"][0]["camera"]["yaw"]) < 45


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "x.json cannot be read as JSON"),
        (b"\xff\xfe\x00", "x.json cannot be read as JSON"),
        (b'{"schema_version": "2.0", ', "x.json cannot be read as JSON"),
        (b"[" * 100_000, "x.json cannot be read as JSON .it is nested too deeply"),
        (b"[]", 'not a JSON file of a head: it has no "schema_version"'),
        (b'{"generator": "Headshot"}', 'no "schema_version"'),
        (b'{"schema_version": 2.0}', 'no "schema_version"'),
        (b'{"schema_version": "2"}', 'no "schema_version"'),
        (b'{"schema_version": "1.2"}', r"Headshot 0\.1 \(schema 1\.2\).*: reconstruct the photo again"),
        (b'{"schema_version": "3.0"}', r"has schema 3\.0, .* reads 2\.x: pip install --upgrade headshot"),
        (b'{"schema_version": "2.0"}', "x.json: headshot_version is missing"),
        (b" " * (MAX_BYTES + 1), "x.json has more than 20 MB"),
    ],
)
def test_other_files_are_refused(content: bytes, message: str) -> None:
    with pytest.raises(RecordError, match=message):
        parse_record(content, "x.json")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match=r"cannot read .*none\.json"):
        read_record(tmp_path / "none.json")
    with pytest.raises(RecordError, match="cannot read"):
        read_record(tmp_path)
    assert issubclass(RecordError, HeadshotError)


@pytest.mark.parametrize("minor", ["2.0", "2.7"])
def test_fields_of_later_minor_versions_are_passed_on(head: Head, minor: str) -> None:
    fields = record(head) | {"schema_version": minor, "beard": {"style": "goatee", "lengths": [1.5, [2]]}}
    assert parse_record(json.dumps(fields)) == fields


def test_what_a_head_was_made_from(head: Head, schema: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "me.jpg").write_bytes(b"a photo")
    names = ("me.jpg", "none.jpg")
    origin = Origin(
        tuple(PhotoFile.of(tmp_path / name) for name in names), place_of(tmp_path), None, True, False,
        Settings().to_dict(), asdict(ExportSettings()), "headshot", 2, 3,
    )  # fmt: skip
    (path,) = write_files(tmp_path, contents(head, "x", "json", origin=origin), origin.mark(textured=True))
    source = check(path.read_bytes(), schema)["source"]
    assert read_record(path)["source"] == source
    assert source["photos"] == [
        {"name": "me.jpg", "bytes": 7, "sha256": sha256(b"a photo").hexdigest()},
        {"name": "none.jpg", "bytes": None, "sha256": None},
    ]
    assert (source["head"], source["heads"], source["face"]) == (2, 3, None)
    assert Settings.from_dict(source["settings"]) == Settings()
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
    assert check(record_json(head), schema)["source"] is None


def test_files_of_earlier_minor_versions_are_read(head: Head) -> None:
    """They do not say what they were made from, nor of hair."""
    fields = record(head)
    del fields["hair"]
    assert parse_record(json.dumps({**fields, "schema_version": "2.2"}))
    del fields["source"]
    for version in ("2.0", "2.1"):
        assert parse_record(json.dumps({**fields, "schema_version": version}))
    with pytest.raises(RecordError, match=r"x\.json: source is missing"):
        parse_record(json.dumps(fields), "x.json")


def test_several_views(head: Head) -> None:
    fields = record(head)
    fields["views"] *= 3
    assert parse_record(json.dumps(fields)) == fields
    broken = json.dumps({**fields, "views": [*fields["views"], 5]})
    with pytest.raises(RecordError, match=r"views\[3\] must be an object, got 5"):
        parse_record(broken, "x.json")
