from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import HeadshotError
from headshot.export import FORMATS, PRESETS, ExportSettings, file_names, preset_settings
from headshot.export.presets import presets_help
from headshot.loading import load
from headshot.results import Head

SIZES = {"web": ("me.glb", 1.5e6)}


@pytest.mark.parametrize(
    "name", [n for n, p in PRESETS.items() if not any(FORMATS[f].extra for f in p.formats)]
)
def test_a_preset_writes_its_formats(astronaut: Head, tmp_path: Path, name: str) -> None:
    written = astronaut.save(tmp_path, preset=name, stem="me")
    assert [file.name for file in written] == file_names("me", PRESETS[name].formats)
    if name in SIZES:
        file, most = SIZES[name]
        assert (tmp_path / file).stat().st_size < most


def test_presets_are_known_by_their_names() -> None:
    assert all(
        name == preset.name and preset.description in presets_help() for name, preset in PRESETS.items()
    )
    assert all(set(preset.formats) <= set(FORMATS) for preset in PRESETS.values())


def test_what_is_named_holds_beside_a_preset(astronaut: Head, tmp_path: Path) -> None:
    formats, settings = preset_settings("web", level=3, texture=None, expression="photo")
    assert formats == PRESETS["web"].formats
    assert settings == replace(PRESETS["web"].settings, level=3, expression="photo")
    assert preset_settings(None) == (None, ExportSettings())
    assert [file.name for file in astronaut.save(tmp_path, "glb", "a", preset="unity")] == ["a.glb"]
    assert [file.name for file in astronaut.save(tmp_path / "b.glb", preset="web")] == ["b.glb"]
    assert (tmp_path / "b.glb").stat().st_size < (tmp_path / "a.glb").stat().st_size / 3


def test_unknown_presets_are_refused(astronaut: Head, tmp_path: Path) -> None:
    with pytest.raises(HeadshotError, match="unknown preset 'wbe' of files: use one of web"):
        astronaut.save(tmp_path, preset="wbe")


def test_settings_of_presets_differ_from_the_usual() -> None:
    usual = ExportSettings()
    for preset in PRESETS.values():
        assert any(getattr(preset.settings, f.name) != getattr(usual, f.name) for f in fields(usual))


@pytest.mark.parametrize("name", ["web", "unity", "metahuman", "vrm"])
def test_heads_come_back_with_their_texture(astronaut: Head, tmp_path: Path, name: str) -> None:
    astronaut.save(tmp_path, preset=name, stem="me")
    found = load(tmp_path / "me.json").texture
    true = astronaut.albedo_texture
    assert found is not None and true is not None and found.delit
    assert np.abs(found.pixels.astype(float) - true.pixels).mean() < 3
