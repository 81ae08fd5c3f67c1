"""Names of files that every supported system accepts."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from headshot.image.files import PHOTO_ENDINGS, readable_name

# Endings of files that people ask for, written here or not; no folder is meant to be called like that.
_FILES = (
    *PHOTO_ENDINGS, ".3ds", ".blend", ".csv", ".dae", ".fbx", ".glb", ".gltf", ".json", ".mtl", ".npy",
    ".npz", ".obj", ".off", ".ply", ".stl", ".usd", ".usda", ".usdc", ".usdz", ".vrm", ".x3d", ".zip",
)  # fmt: skip

# Names that Windows keeps for devices, whatever the ending.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10))}
_LONGEST = 120  # bytes, so that endings and folders fit into any file system's limit


def safe_stem(name: str, *, is_file: bool = False) -> str:
    """A file name without ending that every supported system accepts.

    Args:
        name: as wanted; letters of any script, digits, spaces and most signs stay. Bytes that are no Unicode
            become ``_xE9`` and the like, so that files which refer to each other can name each other.
        is_file: drop the folder and the last ending (".jpg") first.
    """
    text = unicodedata.normalize("NFC", readable_name(name))
    if is_file:
        text = re.split(r"[/\\]", text)[-1]
        ending = text[text.rfind(".") :].lower() if "." in text[1:] else ""
        text = text[: -len(ending)] if ending in PHOTO_ENDINGS else text
    text = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", text).strip(" .")
    text = text.encode()[:_LONGEST].decode("utf-8", "ignore").rstrip(" .")
    if text.split(".")[0].lower() in _RESERVED:
        text = f"_{text}"
    return text or "photo"


def is_called_like_a_file(path: Path) -> bool:
    """Whether what is meant to be a folder has the name of a file, and is not there as a folder already."""
    return path.suffix.lower() in _FILES and not path.is_dir()
