"""Keep ``src/headshot/assets/manifest.json`` in step with the files beside it.

    python tools/manifest.py add FILE --licence SPDX --source WHERE --made-by COMMAND
    python tools/manifest.py check

``add`` writes or renews one entry (texts that are not given stay as they are); ``check`` exits with 1 and
names every file that is missing, altered, unlisted or without a licence text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
from pathlib import Path

ASSETS = Path(__file__).resolve().parent.parent / "src" / "headshot" / "assets"
NOT_ASSETS = {"__init__.py", "manifest.json"}
TEXTS = ("licence", "source", "made_by")


def digest(file: Path) -> dict[str, str | int]:
    """SHA-256 and size of a file, as the manifest records them."""
    content = file.read_bytes()
    return {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}


def read(assets: Path = ASSETS) -> dict[str, dict[str, str | int]]:
    """Entries of the manifest by file name."""
    return json.loads((assets / "manifest.json").read_text(encoding="utf-8"))


def add(file: Path, *, assets: Path = ASSETS, **texts: str | None) -> None:
    """Write or renew the entry of a file that lies in the assets folder.

    Args:
        file: the asset.
        assets: folder of the manifest.
        **texts: ``licence`` (an SPDX expression), ``source`` and ``made_by``; None keeps what is there.

    Raises:
        ValueError: the file lies elsewhere, or a new entry lacks one of its texts.
    """
    file = file.resolve()
    if file.parent != assets.resolve():
        raise ValueError(f"{file} is not in {assets}")
    entries = read(assets)
    entry = entries.get(file.name, {}) | digest(file) | {k: v for k, v in texts.items() if v is not None}
    if missing := [name for name in TEXTS if not entry.get(name)]:
        raise ValueError(f"the entry of {file.name} needs {', '.join(missing)}")
    entries[file.name] = {name: entry[name] for name in ("sha256", "bytes", *TEXTS)}
    text = json.dumps(dict(sorted(entries.items())), indent=2, ensure_ascii=False) + "\n"
    # Written beside and renamed, so that two builders at work never leave half a manifest.
    partial = assets / f".manifest.{os.getpid()}.json"
    partial.write_text(text, encoding="utf-8")
    partial.replace(assets / "manifest.json")


def problems(assets: Path = ASSETS) -> list[str]:
    """What is wrong with the assets folder, one sentence each; empty when all is well."""
    entries, found = read(assets), []
    present = {f.name for f in assets.iterdir() if f.is_file() and not f.name.startswith(".")} - NOT_ASSETS
    found += [f"{name} is in the manifest but not in the folder" for name in sorted(set(entries) - present)]
    found += [f"{name} is in the folder but not in the manifest" for name in sorted(present - set(entries))]
    for name in sorted(present & set(entries)):
        entry = entries[name]
        if any(entry.get(key) != value for key, value in digest(assets / name).items()):
            found.append(f"{name} differs from its recorded SHA-256 or size")
        found += [f"{name} has no {text} recorded" for text in TEXTS if not entry.get(text)]
    if entries and not any((assets / "licenses").glob("*.txt")):
        found.append("licenses/ holds no licence text")
    return found


def main() -> int:
    """Run the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    adding = commands.add_parser("add", help="write or renew the entry of a file")
    adding.add_argument("file", type=Path)
    adding.add_argument("--licence", help="SPDX expression")
    adding.add_argument("--source", help="where its content comes from")
    adding.add_argument("--made-by", help="the command that makes it")
    commands.add_parser("check", help="compare the folder with the manifest")
    options = parser.parse_args()
    if options.command == "add":
        add(options.file, licence=options.licence, source=options.source, made_by=options.made_by)
        return 0
    found = problems()
    print("\n".join(found) or f"{len(read())} assets are as recorded")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
