"""The files that ship: complete, unaltered, licensed, and refused when they are not."""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from headshot import assets
from headshot.errors import AssetError


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    file = Path(__file__).parent.parent / "tools" / "manifest.py"
    spec = importlib.util.spec_from_file_location("manifest_tool", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["manifest_tool"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the manifest and one asset, in place of the real folder."""
    shutil.copy(assets.DIRECTORY / "mtcnn_pnet.onnx", tmp_path)
    entry = {"mtcnn_pnet.onnx": assets.manifest()["mtcnn_pnet.onnx"]}
    (tmp_path / "manifest.json").write_text(json.dumps(entry), encoding="utf-8")
    (tmp_path / "licenses").mkdir()
    (tmp_path / "licenses" / "MIT.txt").write_text("text", encoding="utf-8")
    monkeypatch.setattr(assets, "DIRECTORY", tmp_path)
    assets.manifest.cache_clear()
    assets.path.cache_clear()
    yield tmp_path
    assets.manifest.cache_clear()
    assets.path.cache_clear()


def test_assets_are_as_recorded(tool: ModuleType) -> None:
    assert tool.problems() == []
    for name in assets.manifest():
        assert assets.path(name).is_file()


def test_licence_texts_are_there() -> None:
    texts = {
        file.stem.partition("-")[2]: file.read_text(encoding="utf-8")
        for file in (assets.DIRECTORY / "licenses").glob("*.txt")
    }
    assert "Permission is hereby granted" in texts["MIT"]
    assert "TERMS AND CONDITIONS FOR USE, REPRODUCTION" in texts["Apache-2.0"]


def test_altered_asset_is_refused(copy: Path) -> None:
    assert assets.path("mtcnn_pnet.onnx").parent == copy
    assets.path.cache_clear()
    file = copy / "mtcnn_pnet.onnx"
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    with pytest.raises(AssetError, match=r"damaged.*reinstall"):
        assets.path("mtcnn_pnet.onnx")
    file.unlink()
    with pytest.raises(AssetError, match=r"missing.*reinstall"):
        assets.path("mtcnn_pnet.onnx")
    with pytest.raises(AssetError, match="not an asset"):
        assets.path("other.onnx")


def test_manifest_tool_finds_what_is_wrong(copy: Path, tool: ModuleType) -> None:
    assert tool.problems(copy) == []
    (copy / "extra.bin").write_bytes(b"x")
    assert any("extra.bin" in problem for problem in tool.problems(copy))
    with pytest.raises(ValueError, match="licence"):
        tool.add(copy / "extra.bin", assets=copy)
    tool.add(copy / "extra.bin", assets=copy, licence="CC0-1.0", source="nowhere", made_by="hand")
    assert tool.problems(copy) == []
    (copy / "extra.bin").write_bytes(b"xy")
    assert any("differs" in problem for problem in tool.problems(copy))
    tool.add(copy / "extra.bin", assets=copy)  # renews the digest, keeps the texts
    assert tool.read(copy)["extra.bin"]["licence"] == "CC0-1.0" and tool.problems(copy) == []
    (copy / "extra.bin").unlink()
    (copy / "licenses" / "MIT.txt").unlink()
    assert len(tool.problems(copy)) == 2
    with pytest.raises(ValueError, match="not in"):
        tool.add(Path(__file__), assets=copy)


@pytest.mark.parametrize("content", [None, "", '{"mtcnn_pnet.onnx": {"sha', "[]", '{"a": 1}', "[" * 100_000])
def test_a_damaged_manifest_is_an_error_of_the_package(copy: Path, content: str | None) -> None:
    file = copy / "manifest.json"
    file.unlink()
    if content is not None:
        file.write_text(content, encoding="utf-8")
    for use in (assets.manifest, lambda: assets.path("mtcnn_pnet.onnx")):
        with pytest.raises(AssetError, match=r"manifest\.json.*: reinstall headshot"):
            use()
