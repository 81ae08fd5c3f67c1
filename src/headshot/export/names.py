"""What files are called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from headshot.errors import HeadshotError
from headshot.image.files import PHOTO_ENDINGS

FORMATS = ("glb", "obj", "ply", "png", "json")
DEFAULT_FORMATS = ("glb", "json", "png")

# Names that Windows keeps for devices, whatever the ending.
_RESERVED = {"con", "prn", "aux", "nul", *(f"{d}{i}" for d in ("com", "lpt") for i in range(1, 10))}
_LONGEST = 120  # bytes, so that endings and folders fit into any file system's limit


def file_names(stem: str, formats: Sequence[str], *, textured: bool = True) -> list[str]:
    """Names of the files that these formats give, for heads with or without a texture.

    Raises:
        HeadshotError: an unknown format, or none.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown or not formats:
        what = f"unknown format {', '.join(unknown)}" if unknown else "no format given"
        raise HeadshotError(f"{what}: use any of {', '.join(FORMATS)}")
    names: list[str] = []
    for name in FORMATS:
        if name in formats:
            names.append(f"{stem}.{name}")
            if name == "obj":
                names += [f"{stem}.mtl", f"{stem}_texture.png"] if textured else [f"{stem}.mtl"]
    return names


def safe_stem(name: str, *, is_file: bool = False) -> str:
    """A file name without ending that every supported system accepts.

    Args:
        name: the wish; letters of any script, digits, spaces and most signs are kept.
        is_file: drop the folder and the last ending (".jpg") first.
    """
    text = unicodedata.normalize("NFC", name)
    if is_file:
        text = re.split(r"[/\\]", text)[-1]
        ending = text[text.rfind(".") :].lower() if "." in text[1:] else ""
        text = text[: -len(ending)] if ending in PHOTO_ENDINGS else text
    text = re.sub(r'[<>:"/\\|?*\x00-\x1f\x7f]', "_", text).strip(" .")
    text = text.encode("utf-8", "replace")[:_LONGEST].decode("utf-8", "ignore").rstrip(" .")
    if text.split(".")[0].lower() in _RESERVED:
        text = f"_{text}"
    return text or "photo"
