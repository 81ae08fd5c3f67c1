from __future__ import annotations

from pathlib import Path

import pytest

from headshot.errors import HeadshotError
from headshot.export import FORMATS, atomic, contents, file_names, safe_stem, save
from headshot.export.settings import ExportSettings
from headshot.pipeline import Reconstruction


def test_all_formats(head: Reconstruction, tmp_path: Path) -> None:
    written = save(head, tmp_path, FORMATS)
    assert {p.name for p in written} == {p.name for p in tmp_path.iterdir()}
    assert [p.name for p in written] == file_names("Ann O'Neill (é)", FORMATS)
    assert written[-1].suffix == ".json"
    assert all(p.stat().st_size for p in written)


def test_the_record_lists_the_files(head: Reconstruction, bare: Reconstruction) -> None:
    for one in (head, bare):
        files = contents(one, "x", ("obj", "json"))
        assert all(f'"{name}"'.encode() in files["x.json"] for name in files)
        assert (b"x_texture.png" in files["x.json"]) == (one is head)


def test_own_name(head: Reconstruction, tmp_path: Path) -> None:
    assert [p.name for p in save(head, tmp_path, ["json"], "anna.v2")] == ["anna.v2.json"]
    assert [p.name for p in save(head, tmp_path, ["json"], "../../etc/passwd")] == ["_.._etc_passwd.json"]


def test_save_of_the_reconstruction(head: Reconstruction, tmp_path: Path) -> None:
    assert [p.suffix for p in head.save(tmp_path, ("json", "ply"))] == [".ply", ".json"]


@pytest.mark.parametrize("formats", [["fbx"], ["glb", "GLB"], []])
def test_unknown_formats(head: Reconstruction, tmp_path: Path, formats: list[str]) -> None:
    with pytest.raises(HeadshotError, match="use any of glb"):
        save(head, tmp_path, formats)
    assert not list(tmp_path.iterdir())


def test_a_failing_writer_changes_nothing(
    head: Reconstruction, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
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
    ],
)
def test_safe_stem(name: str, expected: str) -> None:
    assert safe_stem(name, is_file=True) == expected


def test_safe_stem_is_short_and_whole_characters() -> None:
    stem = safe_stem("é" * 500 + ".jpg", is_file=True)
    assert len(stem.encode()) <= 120
    assert set(stem) == {"é"}


@pytest.mark.parametrize(
    "wrong", [{"expression": "smile"}, {"texture_encoding": "webp"}, {"jpeg_quality": 0}]
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="must be"):
        ExportSettings(**wrong)  # type: ignore[arg-type]
