from __future__ import annotations

import dataclasses
import inspect
from dataclasses import replace
from pathlib import Path

import pytest

from headshot.errors import HeadshotError
from headshot.export import DEFAULT_FORMATS, EVERY, FORMATS, atomic, contents, file_names, safe_stem, save
from headshot.export.mark import Mark, read_mark
from headshot.export.record import read_record
from headshot.export.settings import ExportSettings
from headshot.results import Head


def test_all_formats(head: Head, tmp_path: Path) -> None:
    written = save(head, tmp_path, EVERY)
    assert {p.name for p in written} == {p.name for p in tmp_path.iterdir()}
    assert [p.name for p in written] == file_names("Ann O'Neill (é)", EVERY)
    assert written[-1].suffix == ".json"
    assert all(p.stat().st_size for p in written)


def test_the_record_lists_the_files(head: Head, bare: Head) -> None:
    for one in (head, bare):
        files = contents(one, "x", ("obj", "json"))
        assert all(f'"{name}"'.encode() in files["x.json"] for name in files)
        assert (b"x_texture.png" in files["x.json"]) == (one is head)


def test_own_name(head: Head, tmp_path: Path) -> None:
    assert [p.name for p in save(head, tmp_path, ["json"], "anna.v2")] == ["anna.v2.json"]
    assert [p.name for p in save(head, tmp_path, ["json"], "../../etc/passwd")] == ["_.._etc_passwd.json"]


def test_saving_into_the_folder_of_the_photo(head: Head, tmp_path: Path) -> None:
    photo = tmp_path / "me.png"
    photo.write_bytes(b"a photo")
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    for folder in (tmp_path, tmp_path / "link"):
        with pytest.raises(HeadshotError, match=r"me\.png was not written by .* give the results another"):
            save(head, folder, stem="me")
        with pytest.raises(HeadshotError, match="was not written by"):
            save(head, folder / "me.png")
    assert photo.read_bytes() == b"a photo"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "me.png"]


def test_saving_again_replaces(head: Head, bare: Head, tmp_path: Path) -> None:
    for one in (head, bare, head):
        written = save(one, tmp_path, EVERY, "x")
        assert [read_mark(file) for file in written] == [Mark(textured=one is head)] * len(written)


def test_what_was_edited_stays(head: Head, tmp_path: Path) -> None:
    """As a mesh that was opened in another program and saved under its name."""
    (file,) = save(head, tmp_path / "x.ply")
    edited = file.read_bytes()[:-1] + b"\x01"
    assert edited != file.read_bytes()
    file.write_bytes(edited)
    with pytest.raises(HeadshotError, match=r"x\.ply was not written by .*, or was changed since"):
        save(head, tmp_path / "x.ply")
    assert file.read_bytes() == edited


def test_names_of_photos_that_are_no_unicode(head: Head, tmp_path: Path) -> None:
    """A head may come from a pickle, so names are made readable when they are written, too."""
    view = replace(head.view, photo=replace(head.view.photo, name="caf\udce9.jpg"))
    odd = replace(head, estimate=replace(head.estimate, views=(view,)))
    files = save(odd, tmp_path, "obj,json,glb")
    assert {file.name for file in files} == set(file_names("caf_xE9", "obj,json,glb"))
    assert b"mtllib caf_xE9.mtl" in files[1].read_bytes()
    assert b"map_Kd caf_xE9_texture.png" in files[2].read_bytes()
    assert read_record(files[-1])["views"][0]["photo"]["name"] == "caf_xE9.jpg"


def test_save_of_the_reconstruction(head: Head, tmp_path: Path) -> None:
    assert [p.suffix for p in head.save(tmp_path, ("json", "ply"))] == [".ply", ".json"]


def test_formats_in_a_string_are_as_on_the_command_line(head: Head, tmp_path: Path) -> None:
    for formats, endings in (
        ("ply", [".ply"]),
        ("json, PLY", [".ply", ".json"]),
        ("all", [".glb", ".obj", ".mtl", ".png", ".ply", ".png", ".json"]),
        (None, [f".{name}" for name in FORMATS if name in DEFAULT_FORMATS]),
    ):
        assert [p.suffix for p in head.save(tmp_path, formats, "x")] == endings


def test_every_setting_is_an_option_of_save() -> None:
    options = inspect.signature(Head.save).parameters.values()
    keywords = {option.name: option.default for option in options if option.kind is option.KEYWORD_ONLY}
    names = ["preset", *(field.name for field in dataclasses.fields(ExportSettings))]
    assert keywords == dict.fromkeys(names)


def test_options_of_save_reach_the_files(head: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[ExportSettings] = []
    monkeypatch.setattr("headshot.export.save", lambda *arguments: given.append(arguments[-1]) or [])
    options = {
        "expression": "neutral",
        "texture": "albedo",
        "texture_encoding": "png",
        "jpeg_quality": 50,
        "photo_variant": False,
        "morph_normals": False,
        "sparse": False,
        "quantised": True,
        "unit": "centimetre",
        "visemes": True,
        "bones": True,
        "level": 2,
    }
    head.save(tmp_path, **options)  # type: ignore[arg-type]
    assert given == [ExportSettings(**options)]  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="texture must be one of"):
        head.save(tmp_path, texture="albdo")


@pytest.mark.parametrize("name", ["me.v2.glb", "me.OBJ", "me.json"])
def test_the_name_of_a_file_gives_that_file(head: Head, tmp_path: Path, name: str) -> None:
    stem, ending = name[:-4].rstrip("."), name.lower().split(".")[-1]
    written = head.save(tmp_path / "new" / name)
    assert [p.name for p in written] == file_names(stem, ending)
    assert written[0].parent == tmp_path / "new"
    assert head.save(tmp_path / "new" / name, ending) == written


@pytest.mark.parametrize("name", ["me.gltf", "me.FBX", "me.blend", "me.stl", "me.jpg"])
def test_the_name_of_a_file_that_is_not_written_makes_no_folder(
    head: Head, tmp_path: Path, name: str
) -> None:
    with pytest.raises(HeadshotError, match="called like a file"):
        head.save(tmp_path / name)
    assert not list(tmp_path.iterdir())
    (tmp_path / name).mkdir()
    assert head.save(tmp_path / name, "json")[0].parent == tmp_path / name


def test_folders_may_have_dots(head: Head, tmp_path: Path) -> None:
    assert head.save(tmp_path / "2026.11", "json")[0].parent.name == "2026.11"


@pytest.mark.parametrize("formats", [b"glb", 3, ["glb", None], [], "", [""]])
def test_formats_that_are_none(head: Head, tmp_path: Path, formats: object) -> None:
    with pytest.raises(HeadshotError, match="format"):
        head.save(tmp_path, formats)  # type: ignore[arg-type]
    with pytest.raises(HeadshotError, match="empty"):
        head.save("")


def test_the_name_of_a_file_for_several_formats(head: Head, tmp_path: Path) -> None:
    for options in ({"formats": "all"}, {"formats": "ply"}, {"stem": "you"}):
        with pytest.raises(HeadshotError, match=r"me\.glb is the name of a single file: .* give a directory"):
            head.save(tmp_path / "me.glb", **options)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())
    (tmp_path / "me.glb").mkdir()
    assert [p.parent.name for p in head.save(tmp_path / "me.glb", "ply", "you")] == ["me.glb"]


@pytest.mark.parametrize("formats", [["fbx"], "fbx", "glb,", [], "", ["glb", "g"]])
def test_unknown_formats(head: Head, tmp_path: Path, formats: str | list[str]) -> None:
    with pytest.raises(HeadshotError, match="use any of glb"):
        head.save(tmp_path, formats)
    assert not list(tmp_path.iterdir())


def test_a_failing_writer_changes_nothing(
    head: Head, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(head, tmp_path, ["glb"], "a")
    before = (tmp_path / "a.glb").read_bytes()

    def failing(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr("headshot.export.record.record_json", failing)
    with pytest.raises(MemoryError):
        save(head, tmp_path, ["glb", "json"], "a", ExportSettings(expression="photo"))
    assert [p.name for p in tmp_path.iterdir()] == ["a.glb"]
    assert (tmp_path / "a.glb").read_bytes() == before
    assert not list(tmp_path.glob(f"{atomic._PREFIX}*"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("me.jpg", "me"),
        ("me.JPEG", "me"),
        ("holiday.2019.heic", "holiday.2019"),
        ("John.Smith", "John.Smith"),
        ("folder/me.png", "me"),
        ("c:\\folder\\me.png", "me"),
        (".jpg", "jpg"),
        ("写真.jpg", "写真"),
        ("e\u0301.png", "é"),
        ('a<b>:"|?*.png', "a_b______"),
        ("con.png", "_con"),
        ("...", "photo"),
        ("", "photo"),
        ("tab\t\n.png", "tab__"),
        ("caf\udce9.jpg", "caf_xE9"),
        ("a\ud83d.jpg", "a_"),
    ],
)
def test_safe_stem(name: str, expected: str) -> None:
    assert safe_stem(name, is_file=True) == expected


def test_safe_stem_is_short_and_whole_characters() -> None:
    stem = safe_stem("é" * 500 + ".jpg", is_file=True)
    assert len(stem.encode()) <= 120
    assert set(stem) == {"é"}


@pytest.mark.parametrize(
    "wrong", [{"expression": "smile"}, {"texture_encoding": "avif"}, {"jpeg_quality": 0}, {"unit": "inch"}]
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ExportSettings(**wrong)  # type: ignore[arg-type]
