"""The files that ship with Headshot, each verified against its SHA-256 before use.

``manifest.json`` lists every file with its SHA-256, size, licence and source; ``licenses/`` holds the
licence texts. Nothing here is ever downloaded.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from headshot.errors import AssetError

DIRECTORY = Path(__file__).parent


@lru_cache(maxsize=1)
def manifest() -> dict[str, dict[str, Any]]:
    """Entries of ``manifest.json`` by file name: sha256, bytes, licence, source, made_by.

    Raises:
        AssetError: it is missing or damaged.
    """
    file = DIRECTORY / "manifest.json"
    try:
        entries: dict[str, dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))
        for entry in entries.values():
            _ = entry["sha256"], entry["bytes"], entry["licence"], entry["source"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AssetError(f"{file} is missing or damaged ({error}); reinstall headshot") from error
    return entries


@cache
def path(name: str) -> Path:
    """Path of a bundled file whose content matches its recorded SHA-256.

    Raises:
        AssetError: the file is not in the manifest, is missing, or was altered.
    """
    entry = manifest().get(name)
    if entry is None:
        raise AssetError(f"{name!r} is not an asset of this version of Headshot; it has {sorted(manifest())}")
    file = DIRECTORY / name
    if not file.is_file():
        raise AssetError(f"the asset {name!r} is missing from {DIRECTORY}; reinstall headshot")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if digest != entry["sha256"]:
        raise AssetError(
            f"the asset {name!r} is damaged: SHA-256 {digest}, expected {entry['sha256']}; reinstall headshot"
        )
    return file
