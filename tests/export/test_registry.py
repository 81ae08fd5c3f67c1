"""The table of formats is what everything else follows."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from importlib import import_module

import pytest

from headshot.errors import HeadshotError
from headshot.export import ExportSettings
from headshot.export.asset import HeadAsset
from headshot.export.registry import (
    EVERY,
    FORMATS,
    MESH_FORMATS,
    asset_contents,
    file_names,
    formats_help,
    parse_formats,
)
from headshot.export.settings import Target
from headshot.results import Head


@pytest.mark.parametrize("name", [name for name, entry in FORMATS.items() if not entry.extra])
def test_a_format_writes_the_files_that_it_names(head: Head, bare: Head, astronaut: Head, name: str) -> None:
    from headshot.export.asset import asset_of

    entry = FORMATS[name]
    pairs = {"head": ((astronaut, True), (replace(astronaut, texture=None), False))}
    for one, textured in pairs.get(entry.subject, ((head, True), (bare, False))):
        subject = asset_of(one) if entry.subject == "asset" else one
        files = entry.write(subject, Target("ann", ExportSettings()))
        assert list(files) == entry.file_names("ann", textured=textured)
        assert all(files.values())


def test_no_two_formats_share_a_file() -> None:
    names = file_names("x", "all")
    assert len(set(names)) == len(names)
    assert all(name == entry.name for name, entry in FORMATS.items())


def test_the_help_names_every_format() -> None:
    assert all(f"{name} ({entry.description})" in formats_help() for name, entry in FORMATS.items())


def test_modules_load_when_they_are_needed() -> None:
    code = "import sys, headshot.export.record; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(loaded.stdout.split())
    assert "headshot.export.registry" in modules
    assert not {"headshot.render", "numba", "PIL.Image", "headshot.export.glb"} & modules
    assert all(callable(import_module(f"headshot.export.{e.module}").write) for e in FORMATS.values())


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("glb", ("glb",)),
        ("json,glb", ("glb", "json")),
        (" PNG , obj", ("obj", "png")),
        (["ply", "glb", "ply"], ("glb", "ply")),
        ("all", EVERY),
        (["lods", "all"], ("glb", "obj", "ply", "lods", "png", "json")),
        (FORMATS, tuple(FORMATS)),
    ],
)
def test_formats_are_parsed(given: str | list[str], found: tuple[str, ...]) -> None:
    assert parse_formats(given) == found


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ("g", "unknown format 'g'"),
        ("glb,,obj", "unknown format ''"),
        ([], "no format"),
        (["a", "b"], "'a', 'b'"),
    ],
)
def test_other_formats_are_refused(given: str | list[str], what: str) -> None:
    with pytest.raises(HeadshotError, match=what):
        parse_formats(given)


def test_documents_of_a_head_cannot_be_written_of_a_mesh(square: HeadAsset) -> None:
    assert list(asset_contents(square, "x", "all")) == ["x.glb", "x.obj", "x.ply"]
    assert set(MESH_FORMATS) == {"glb", "obj", "ply"}
    with pytest.raises(HeadshotError, match="unknown format 'json': use any of glb, obj, ply"):
        asset_contents(square, "x", ["json"])
