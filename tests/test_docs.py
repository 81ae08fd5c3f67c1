"""What the documents say about files and names has to stay true."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import typer

from headshot import assets
from headshot.apps.cli.main import app
from headshot.export import FORMATS
from headshot.export.asset import HEAD_PARTS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"


def test_every_asset_is_in_the_list_of_licences() -> None:
    text = (REFERENCE / "licences.md").read_text(encoding="utf-8")
    missing = [name for name in assets.manifest() if f"`{name}`" not in text]
    assert not missing


def test_every_field_of_the_json_is_explained() -> None:
    text = (REFERENCE / "json-schema.md").read_text(encoding="utf-8")
    schema = json.loads((REFERENCE / "reconstruction.schema.json").read_text(encoding="utf-8"))
    for fields in (schema["properties"], schema["$defs"]["view"]["properties"]):
        for name, field in fields.items():
            assert f"`{name}" in text
            for part in field.get("properties", {}):
                assert re.search(rf"`({name})?\.{part}`", text), f"{name}.{part}"


def test_nodes_materials_and_formats_are_listed() -> None:
    text = (REFERENCE / "conventions.md").read_text(encoding="utf-8")
    materials = {material.name for _, material in HEAD_PARTS.values()}
    for name in (*HEAD_PARTS, *materials, *FORMATS):
        assert f"`{name}`" in text
    for entry in FORMATS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{entry.name}`"))
        assert all(f"`{file}`" in row for file in entry.file_names("me"))


PAGES = sorted(DOCS.rglob("*.md")) + sorted(ROOT.glob("*.md"))


@pytest.mark.parametrize("file", PAGES, ids=lambda f: f.relative_to(ROOT).as_posix())
def test_links_between_files_lead_somewhere(file: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#:\s]*)(#[^)\s]+)?\)", _prose(file)):
        page = file.parent / target if target else file
        assert page.exists(), target
        if heading and page.suffix == ".md":
            assert heading[1:] in _headings(page), f"{target}{heading}"


@pytest.mark.parametrize("folder", ["src", "tools", "benchmarks", "tests", "examples"])
def test_pages_that_code_mentions_exist(folder: str) -> None:
    for file in sorted((ROOT / folder).rglob("*")):
        if file.suffix not in (".py", ".json", ".txt", ".ipynb"):
            continue
        for name in re.findall(r"docs/[\w/-]+\.(?:md|json|jpg|png)", file.read_text(encoding="utf-8")):
            assert "NAME" in name or (ROOT / name).exists(), f"{file.name}: {name}"


def test_every_option_of_the_command_line_is_explained() -> None:
    text = (REFERENCE / "command-line.md").read_text(encoding="utf-8")
    program: Any = typer.main.get_command(app)
    for name, command in program.commands.items():
        assert f"## headshot {name}\n" in text or f"| `headshot {name}` |" in text
        if name in ("reconstruct", "keypoint"):
            section = text.split(f"## headshot {name}\n")[1].split("\n## ")[0]
            for option in command.params:
                if option.param_type_name == "option":
                    assert all(f"`{spelling}`" in section for spelling in option.opts + option.secondary_opts)
        for group in getattr(command, "commands", {}):
            assert f"`{group}`" in text


def test_one_version_everywhere() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    version = re.search(r'^version = "(.*)"', project, re.MULTILINE)[1]  # type: ignore[index]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {version}\n" in citation
    released = re.search(
        r"^## \[([\d.]+)\] - (.*)$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert released is not None
    assert released[1] == version
    assert f"date-released: {released[2]}\n" in citation


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(
        r"^\s+- ([\w/.-]+\.md)$", (ROOT / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert sorted(listed) == sorted(page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md"))


def _prose(file: Path, inline_code: bool = False) -> str:
    """A page without its blocks of code, and without code within lines."""
    text = re.sub(r"^```.*?^```", "", file.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    return text if inline_code else re.sub(r"`[^`\n]*`", "`", text)


def _headings(file: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and MkDocs name them."""
    titles = re.findall(r"^#+ (.*)$", _prose(file, inline_code=True), re.MULTILINE)
    plain = [re.sub(r"[^\w\s-]", "", title.lower()).strip() for title in titles]
    return {re.sub(r"[-\s]+", "-", title) for title in plain}
