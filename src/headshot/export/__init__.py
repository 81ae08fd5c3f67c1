"""Writing heads to files.

`headshot.export.registry` says which formats there are; meshes are written of a `HeadAsset`
(`headshot.export.asset`), documents of the head itself. docs/reference/conventions.md says what is in the
files.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from headshot.errors import HeadshotError
from headshot.export.atomic import write_files
from headshot.export.mark import Mark
from headshot.export.names import is_called_like_a_file, safe_stem
from headshot.export.presets import PRESETS, Preset, preset_settings
from headshot.export.registry import (
    DEFAULT_FORMATS,
    EVERY,
    FORMATS,
    MESH_FORMATS,
    asset_contents,
    file_names,
    formats_help,
    parse_formats,
)
from headshot.export.settings import ExportSettings, Target

if TYPE_CHECKING:
    from headshot.export.origin import Origin
    from headshot.head_data import HeadData

__all__ = [
    "DEFAULT_FORMATS",
    "EVERY",
    "FORMATS",
    "MESH_FORMATS",
    "PRESETS",
    "ExportSettings",
    "Preset",
    "asset_contents",
    "contents",
    "file_names",
    "formats_help",
    "is_single_file",
    "parse_formats",
    "preset_settings",
    "safe_stem",
    "save",
    "write_files",
]


def save(
    head: HeadData,
    directory: str | Path,
    formats: str | Iterable[str] | None = None,
    stem: str | None = None,
    settings: ExportSettings | None = None,
) -> list[Path]:
    """Write a head to files; they appear complete or not at all.

    They replace earlier files of Headshot of the same names, and no others.

    Args:
        head: the head.
        directory: created when missing. A path that ends like a format ("me.glb") and is not a directory is
            a file: that format is written, under that name.
        formats: one or several of `FORMATS`, see `parse_formats`; `DEFAULT_FORMATS` when None.
        stem: file name without ending; the photo's name by default. Made safe by `safe_stem`.
        settings: see `ExportSettings`.

    Returns:
        The files written.

    Raises:
        HeadshotError: an unknown format, a file of one format where others are wanted, or no directory.
        OutputError: the directory cannot be written, or it holds a file of such a name that Headshot did not
            write.
    """
    if not str(directory):
        raise HeadshotError('the name of the directory is empty: use "." for the current one')
    mark = Mark(textured=head.texture is not None)
    folder = Path(directory)
    single = _format_of(folder)
    if single is None and is_called_like_a_file(folder):
        raise HeadshotError(
            f"{folder} is called like a file of a format that is not written: use {', '.join(FORMATS)}, or "
            "give a directory"
        )
    if single is not None:
        if stem is not None or (formats is not None and parse_formats(formats) != (single,)):
            raise HeadshotError(
                f"{folder} is the name of a single file: leave out formats and stem, or give a directory "
                f"such as {folder.with_suffix('')} for several files"
            )
        return write_files(folder.parent, contents(head, folder.stem, single, settings), mark)
    name = safe_stem(head.name if stem is None else stem, is_file=stem is None)
    wanted = DEFAULT_FORMATS if formats is None else formats
    return write_files(folder, contents(head, name, wanted, settings), mark)


def contents(
    head: HeadData,
    stem: str,
    formats: str | Iterable[str] = DEFAULT_FORMATS,
    settings: ExportSettings | None = None,
    origin: Origin | None = None,
) -> dict[str, bytes]:
    """The files of a head, content by name, without writing them; arguments as in `save`.

    ``origin`` says what the head was made from, where that is known. `write_files` adds the mark by which
    Headshot knows its files. Meshes come first and the JSON last: where it exists, the files that it lists
    exist too.
    """
    chosen = parse_formats(formats)
    options = settings or ExportSettings()
    files: dict[str, bytes] = {}
    meshes = [name for name in chosen if FORMATS[name].subject == "asset"]
    if meshes:
        # Imported as needed: a JSON alone should not wait for the writers of meshes.
        from headshot.export.rig import rigged_asset

        files |= asset_contents(rigged_asset(head, options), stem, meshes, options)
    names = file_names(stem, chosen, textured=head.texture is not None)
    target = Target(stem, options, tuple(names), origin)
    for name in chosen:
        if name not in meshes:
            files |= FORMATS[name].write(head, target)
    return files


def is_single_file(directory: str | Path) -> bool:
    """Whether what is given as the directory is the name of a file of one format, such as "me.glb"."""
    return _format_of(Path(directory)) is not None


def _format_of(path: Path) -> str | None:
    """The format of a single file by its ending; None for directories."""
    ending = path.suffix.lower()
    endings = {entry.endings[0]: name for name, entry in FORMATS.items()}
    return None if path.is_dir() else endings.get(ending)
