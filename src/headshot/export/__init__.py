"""Writing reconstructions to files.

| format | files | content |
|---|---|---|
| ``glb`` | ``STEM.glb`` | glTF 2.0: neutral head, 52 ARKit morph targets, texture; metres |
| ``obj`` | ``STEM.obj``, ``STEM.mtl``, ``STEM_texture.png`` | the head as in the photo; millimetres |
| ``ply`` | ``STEM.ply`` | the same, with a colour per vertex; millimetres |
| ``json`` | ``STEM.json`` | every number of the result (docs/json-schema.md) |
| ``png`` | ``STEM.png`` | preview picture |
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from headshot.export.atomic import write_files
from headshot.export.names import DEFAULT_FORMATS, FORMATS, file_names, safe_stem
from headshot.export.settings import ExportSettings

if TYPE_CHECKING:
    from headshot.pipeline import Reconstruction

__all__ = [
    "DEFAULT_FORMATS",
    "FORMATS",
    "ExportSettings",
    "contents",
    "file_names",
    "safe_stem",
    "save",
    "write_files",
]


def save(
    reconstruction: Reconstruction,
    directory: str | Path,
    formats: Sequence[str] = DEFAULT_FORMATS,
    stem: str | None = None,
    settings: ExportSettings | None = None,
) -> list[Path]:
    """Write a reconstruction to files; they appear complete or not at all, and replace earlier ones.

    Args:
        reconstruction: the head.
        directory: created when missing.
        formats: any of `FORMATS`.
        stem: file name without ending; the photo's name by default. Made safe by `safe_stem`.
        settings: see `ExportSettings`.

    Returns:
        The files written.

    Raises:
        HeadshotError: an unknown format, or the directory cannot be written.
    """
    name = safe_stem(reconstruction.photo.name if stem is None else stem, is_file=stem is None)
    return write_files(directory, contents(reconstruction, name, formats, settings))


def contents(
    reconstruction: Reconstruction,
    stem: str,
    formats: Sequence[str] = DEFAULT_FORMATS,
    settings: ExportSettings | None = None,
) -> dict[str, bytes]:
    """The files of a reconstruction, content by name, without writing them.

    The JSON comes last: where it exists, the files that it lists exist too.
    """
    names = file_names(stem, formats, textured=reconstruction.texture is not None)
    options = settings or ExportSettings()
    files: dict[str, bytes] = {}
    # Imported as needed: a JSON alone should not wait for the renderer of the preview.
    if {"glb", "obj", "ply"} & set(formats):
        from headshot.export.asset import asset_of

        asset = asset_of(reconstruction, options)
    if "glb" in formats:
        from headshot.export.glb import glb

        files[f"{stem}.glb"] = glb(asset, options)
    if "obj" in formats:
        from headshot.export.obj import obj

        files |= obj(asset, stem)
    if "ply" in formats:
        from headshot.export.ply import ply

        files[f"{stem}.ply"] = ply(asset)
    if "png" in formats:
        from headshot.export.preview import preview_png

        files[f"{stem}.png"] = preview_png(reconstruction)
    if "json" in formats:
        from headshot.export.record import record_json

        files[f"{stem}.json"] = record_json(reconstruction, options, names)
    return files
