"""The formats that a head is written to.

A new format is a module beside this one with a function ``write``, and an entry in `FORMATS`: the command's
help, the names of files, `headshot.export.save` and the tests follow.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from headshot.errors import HeadshotError
from headshot.export.settings import ExportSettings, Target

if TYPE_CHECKING:
    from headshot.export.asset import HeadAsset
    from headshot.head_data import HeadData


@dataclass(frozen=True)
class Format:
    """One format.

    Attributes:
        name: in ``formats=`` and ``--formats``; of those with one file also its ending.
        description: a line for the help.
        subject: what it is written of. "asset": a mesh with materials and colours, which any model of a face
            can give. "head": a head of the bundled model. "document": a head of any model, with its photo,
            numbers and history.
        module: of `headshot.export`, with a function ``write(subject, target)`` that gives the content of the
            files by name. Imported when first used: a JSON should not wait for the renderer.
        endings: of its files, after the stem.
        texture_endings: of those that it writes only with a texture.
        extra: of the package, that must be installed for it; empty for none.
    """

    name: str
    description: str
    subject: Literal["asset", "head", "document"]
    module: str
    endings: tuple[str, ...]
    texture_endings: tuple[str, ...] = ()
    extra: str = ""

    def file_names(self, stem: str, *, textured: bool = True) -> list[str]:
        """Names of its files, the main one first."""
        return [stem + ending for ending in self.endings + (self.texture_endings if textured else ())]

    def write(self, subject: HeadAsset | HeadData, target: Target) -> dict[str, bytes]:
        """Content of its files by name."""
        files: dict[str, bytes] = import_module(f"headshot.export.{self.module}").write(subject, target)
        return files


# In the order in which files become visible. The JSON is last: where it exists, the files that it lists do.
FORMATS: dict[str, Format] = {
    entry.name: entry
    for entry in (
        Format("glb", "animatable head with texture", "asset", "glb", (".glb",)),
        Format("obj", "mesh with texture", "asset", "obj", (".obj",), (".mtl", "_texture.png")),
        Format("ply", "mesh with a colour per vertex", "asset", "ply", (".ply",)),
        Format("lods", "GLBs with fewer triangles", "head", "lods", ("_lod1.glb", "_lod2.glb")),
        Format("vrm", "avatar of VRM 1.0", "head", "vrm", (".vrm",)),
        Format("3mf", "closed solid for 3D printers, with STL", "head", "solid", (".3mf", ".stl")),
        Format("usdz", "for AR Quick Look and USD", "head", "usdz", (".usdz",), extra="usd"),
        Format("png", "preview picture", "document", "preview", (".png",)),
        Format("json", "every number", "document", "record", (".json",)),
    )
}
DEFAULT_FORMATS = ("glb", "json", "png")
EVERY = tuple(name for name, entry in FORMATS.items() if entry.subject != "head")
"""What can be written of every head, whatever its model."""
MESH_FORMATS = tuple(name for name, entry in FORMATS.items() if entry.subject == "asset")


def parse_formats(formats: str | Iterable[str], known: Iterable[str] = FORMATS) -> tuple[str, ...]:
    """The formats that a user names, each once, in the order of ``known``.

    Args:
        formats: one name, names with commas between, or several names; "all" stands for those of ``known``
            that every head has (`EVERY`). Upper and lower case count as the same.
        known: names that may be chosen.

    Raises:
        HeadshotError: an unknown format, or none.
    """
    choice = tuple(known)
    given = [formats] if isinstance(formats, str) or not isinstance(formats, Iterable) else list(formats)
    if not all(isinstance(name, str) for name in given):
        raise HeadshotError(f"formats must be words such as {choice[0]}, got {formats!r:.80}")
    names = [name.strip().lower() for words in given for name in words.split(",")]
    unknown = [name for name in names if name not in (*choice, "all")]
    if unknown or not names:
        what = f"unknown format {', '.join(map(repr, unknown))}" if unknown else "no format given"
        raise HeadshotError(f"{what}: use any of {', '.join(choice)}, with commas between, or all")
    if "all" in names:
        names += EVERY
    return tuple(name for name in choice if name in names)


def formats_help() -> str:
    """The formats in a sentence, for ``--formats``."""
    names = ", ".join(f"{name} ({entry.description})" for name, entry in FORMATS.items())
    return f'Any of {names}, with commas between; or "all", which is {", ".join(EVERY)}.'


def file_names(stem: str, formats: str | Iterable[str], *, textured: bool = True) -> list[str]:
    """Names of the files that these formats give, for heads with or without a texture.

    Raises:
        HeadshotError: an unknown format, or none.
    """
    return [
        name
        for chosen in parse_formats(formats)
        for name in FORMATS[chosen].file_names(stem, textured=textured)
    ]


def asset_contents(
    asset: HeadAsset, stem: str, formats: str | Iterable[str], settings: ExportSettings | None = None
) -> dict[str, bytes]:
    """The files of an asset, content by name, without writing them.

    Args:
        asset: the mesh.
        stem: name of the files without ending.
        formats: any of `MESH_FORMATS`; documents of a head cannot be written of a mesh alone.
        settings: how files are written.

    Raises:
        HeadshotError: another format, or none.
    """
    target = Target(stem, settings or ExportSettings())
    files: dict[str, bytes] = {}
    for name in parse_formats(formats, MESH_FORMATS):
        files |= FORMATS[name].write(asset, target)
    return files
