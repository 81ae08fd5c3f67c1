"""The files that ship with Headshot, each verified against its SHA-256 before use.

``manifest.json`` lists every file with its SHA-256, size, licence and source; ``licenses/`` holds the
licence texts. Nothing here is ever downloaded.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from headshot.errors import AssetError
from headshot.reading.bounds import MODEL_FILE, read_bytes
from headshot.reading.complaint import reading
from headshot.reading.documents import read_json

DIRECTORY = Path(__file__).parent


@lru_cache(maxsize=1)
def manifest() -> dict[str, dict[str, Any]]:
    """Entries of ``manifest.json`` by file name: sha256, bytes, licence, source, made_by.

    Raises:
        AssetError: it is missing or damaged.
    """
    file = DIRECTORY / "manifest.json"
    with reading(file, "the list of assets", AssetError, "reinstall headshot"):
        entries = read_json(file)
        for name, entry in entries.items():
            texts = all(isinstance(entry[key], str) for key in ("licence", "source"))
            if not texts or not isinstance(entry["bytes"], int):
                raise ValueError(f"{name} needs a size, a licence and a source")
            if not re.fullmatch("[0-9a-f]{64}", entry["sha256"]):
                raise ValueError(f"{name} has no SHA-256")
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
    with reading(file, "an asset", AssetError, "reinstall headshot"):
        digest = hashlib.sha256(read_bytes(file, MODEL_FILE)).hexdigest()
    if digest != entry["sha256"]:
        raise AssetError(
            f"the asset {name!r} is damaged: SHA-256 {digest}, expected {entry['sha256']}; reinstall headshot"
        )
    return file
