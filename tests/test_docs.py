"""What the documents say about files and names has to stay true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from headshot import assets
from headshot.export import FORMATS
from headshot.export.asset import HEAD_PARTS

DOCS = Path(__file__).parent.parent / "docs"


def test_every_asset_is_in_the_list_of_licences() -> None:
    text = (DOCS / "licences.md").read_text(encoding="utf-8")
    missing = [name for name in assets.manifest() if f"`{name}`" not in text]
    assert not missing


def test_every_field_of_the_json_is_explained() -> None:
    text = (DOCS / "json-schema.md").read_text(encoding="utf-8")
    schema = json.loads((DOCS / "reconstruction.schema.json").read_text(encoding="utf-8"))
    for fields in (schema["properties"], schema["$defs"]["view"]["properties"]):
        for name, field in fields.items():
            assert f"`{name}" in text
            for part in field.get("properties", {}):
                assert re.search(rf"`({name})?\.{part}`", text), f"{name}.{part}"


def test_nodes_materials_and_formats_are_listed() -> None:
    text = (DOCS / "conventions.md").read_text(encoding="utf-8")
    materials = {material.name for _, material in HEAD_PARTS.values()}
    for name in (*HEAD_PARTS, *materials, *FORMATS):
        assert f"`{name}`" in text
    for entry in FORMATS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{entry.name}`"))
        assert all(f"`{file}`" in row for file in entry.file_names("me"))


@pytest.mark.parametrize(
    "file", sorted(DOCS.glob("*.md")) + [DOCS.parent / "CHANGELOG.md"], ids=lambda f: f.name
)
def test_links_between_files_lead_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
        assert (file.parent / target).exists(), target
