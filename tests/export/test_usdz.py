from __future__ import annotations

import io
import sys
from zipfile import ZipFile

import pytest

from headshot.errors import MissingExtraError
from headshot.export import contents
from headshot.export.usdz import package
from headshot.results import Head


def test_without_openusd_it_says_what_to_install(astronaut: Head, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pxr", None)
    with pytest.raises(MissingExtraError, match=r"headshot\[usd\]"):
        contents(astronaut, "ann", "usdz")


def test_files_in_the_package_start_where_usd_can_map_them() -> None:
    files = {"head.usdc": b"a stage" * 9, "texture.jpg": b"x" * 100, "Größe.png": b"y"}
    content = package(files)
    with ZipFile(io.BytesIO(content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == files
        for entry in archive.infolist():
            name = entry.filename.encode()
            extra = int.from_bytes(content[entry.header_offset + 28 : entry.header_offset + 30], "little")
            start = entry.header_offset + 30 + len(name) + extra
            assert start % 64 == 0 and entry.compress_type == 0
            assert content[start : start + entry.file_size] == files[entry.filename]
