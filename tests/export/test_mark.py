from __future__ import annotations

import io
import json
import os
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from headshot.evaluate import report
from headshot.export import FORMATS, contents
from headshot.export.mark import NOTHING_KNOWN, PLACES, Mark, carries_mark, marked, read_mark
from headshot.export.usdz import package
from headshot.loading import _glb_pictures
from headshot.results import Head

MARK = Mark("1234" * 16, "ab" * 8, "cd" * 8, 2, 3, True)


@pytest.fixture(scope="module")
def files(astronaut: Head) -> dict[str, bytes]:
    """A file of every kind that Headshot writes, without marks."""
    picture = io.BytesIO()
    Image.new("RGB", (40, 30), "brown").save(picture, "JPEG")
    others = {
        "x.md": b"# Table\n\n| a |\n",
        "x.html": b"<!doctype html>\n<p>a</p>\n",
        "x.jpg": picture.getvalue(),
        "x.usdz": package({"head.usdc": b"a stage"}),
    }
    formats = [name for name, entry in FORMATS.items() if not entry.extra]
    return contents(astronaut, "x", formats) | others


def test_every_format_has_a_place_for_it(files: dict[str, bytes]) -> None:
    assert {Path(name).suffix for name in files} == set(PLACES)
    endings = {ending for entry in FORMATS.values() for ending in entry.endings + entry.texture_endings}
    assert {Path(f"x{ending}").suffix for ending in endings} <= set(PLACES)


def test_files_on_disk_say_what_they_were_made_from(files: dict[str, bytes], tmp_path: Path) -> None:
    for name, content in files.items():
        for mark in (MARK, NOTHING_KNOWN):
            (tmp_path / name).write_bytes(content)
            assert read_mark(tmp_path / name) is None
            assert not carries_mark(tmp_path / name)
            (tmp_path / name).write_bytes(marked(name, content, mark))
            assert read_mark(tmp_path / name) == mark, name
            assert carries_mark(tmp_path / name)


def test_whatever_changes_a_file_is_noticed(files: dict[str, bytes], tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    file = tmp_path / "x"
    for name, content in files.items():
        whole = marked(name, content, MARK)
        for _ in range(15):
            place = int(random.integers(len(whole)))
            changes: dict[str, bytes] = {
                "one bit": whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :],
                "cut off": whole[:place],
                "longer": whole + b"\n",
            }
            for what, changed in changes.items():
                file.write_bytes(changed)
                assert read_mark(file) is None, (name, what, place)


def test_a_mark_of_another_file_does_not_fit(files: dict[str, bytes], tmp_path: Path) -> None:
    """As when somebody's program copies comments from one picture to another."""
    file = tmp_path / "x.png"
    ours = marked("x.png", files["x.png"], MARK)
    with Image.open(io.BytesIO(ours)) as image:
        text = image.text  # type: ignore[attr-defined]
    assert list(text) == ["Headshot"]
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Headshot", text["Headshot"])
    Image.new("RGB", (40, 40)).save(file, pnginfo=info)
    assert read_mark(file) is None
    assert carries_mark(file)


def test_readers_do_not_mind(files: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("x.png", "x_texture.png", "x.jpg"):
        pictures = [Image.open(io.BytesIO(c)) for c in (files[name], marked(name, files[name], MARK))]
        np.testing.assert_array_equal(*map(np.asarray, pictures))
        with Image.open(io.BytesIO(marked(name, files[name], MARK))) as image:
            image.verify()
    glb = marked("x.glb", files["x.glb"], MARK)
    assert struct.unpack_from("<4sII", glb) == (b"glTF", 2, len(glb))
    (length,) = struct.unpack_from("<I", glb, 12)
    assert length % 4 == 0
    document, plain = json.loads(glb[20 : 20 + length]), files["x.glb"]
    assert document.pop("extras")["headshot"].startswith("headshot-file/1 ")
    (old,) = struct.unpack_from("<I", plain, 12)
    assert document == json.loads(plain[20 : 20 + old])
    assert glb[20 + length :] == plain[20 + old :]
    assert _glb_pictures(glb, Path("x.glb")) == _glb_pictures(plain, Path("x.glb"))
    fields = json.loads(marked("x.json", files["x.json"], MARK))
    assert fields.pop("mark").startswith("headshot-file/1 ")
    assert fields == json.loads(files["x.json"])
    for name in ("x.obj", "x.mtl", "x.ply"):
        with_mark, without = marked(name, files[name], MARK), files[name]
        (line,) = set(with_mark.split(b"\n")) - set(without.split(b"\n"))
        assert with_mark.replace(line + b"\n", b"", 1) == without


def test_other_endings_are_refused() -> None:
    with pytest.raises(ValueError, match=r"x\.fbx: only files of \.png"):
        marked("x.fbx", b"", MARK)


def test_what_is_no_file_has_none(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        assert read_mark(path) is None
        assert not carries_mark(path)
    (tmp_path / "empty.png").write_bytes(b"")
    assert read_mark(tmp_path / "empty.png") is None


@pytest.mark.parametrize("field", ["made", "photos", "place", "head", "heads", "textured"])
def test_marks_are_compared_field_by_field(field: str) -> None:
    other = {
        "made": "0" * 64,
        "photos": "0" * 16,
        "place": "0" * 16,
        "head": 1,
        "heads": 9,
        "textured": False,
    }
    assert replace(MARK, **{field: other[field]}) != MARK


def test_reports_are_marked(tmp_path: Path) -> None:
    for file in report.write([], tmp_path, "empty"):
        assert read_mark(file) == NOTHING_KNOWN
    assert report.read(tmp_path / "empty.json") == []


@pytest.mark.skipif(os.name != "posix", reason="needs links")
def test_links_are_read_through(files: dict[str, bytes], tmp_path: Path) -> None:
    (tmp_path / "x.ply").write_bytes(marked("x.ply", files["x.ply"], MARK))
    (tmp_path / "y.ply").symlink_to(tmp_path / "x.ply")
    assert read_mark(tmp_path / "y.ply") == MARK
