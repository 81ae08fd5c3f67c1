"""What programs made by PyInstaller take along (built for real by hand: docs/how-to/programs.md)."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from headshot.__pyinstaller import get_hook_dirs

ROOT = Path(__file__).parent.parent


def test_the_hook_takes_assets_modules_and_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    hooks: Any = ModuleType("PyInstaller.utils.hooks")
    wanted = []
    hooks.collect_data_files = lambda package: [(f"{package}/assets/manifest.json", "assets")]
    hooks.copy_metadata = lambda package: [(f"{package}.dist-info", package)]
    hooks.collect_submodules = lambda package, filter: wanted.append(filter) or [package]
    for name in ("PyInstaller", "PyInstaller.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, hooks.__name__, hooks)
    (folder,) = get_hook_dirs()
    found = runpy.run_path(str(Path(folder) / "hook-headshot.py"))
    sources = [source for source, _ in found["datas"]]
    assert "headshot/assets/manifest.json" in sources and "headshot.dist-info" in sources
    assert found["hiddenimports"] == ["headshot"]
    assert wanted[0]("headshot.export.glb") and wanted[0]("headshot.evaluate.cli")
    assert not wanted[0]("headshot.learn.engine") and not wanted[0]("headshot.evaluate.trained.compare")


def test_pyinstaller_finds_the_hook() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.entry-points.pyinstaller40]\nhook-dirs = "headshot.__pyinstaller:get_hook_dirs"' in text
