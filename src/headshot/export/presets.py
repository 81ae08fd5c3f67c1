"""Presets of files: for a place where heads go, the formats and settings that suit it.

docs/how-to/presets.md says what each place gets, and why.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from headshot.errors import HeadshotError
from headshot.export.settings import ExportSettings


@dataclass(frozen=True)
class Preset:
    """A place where heads go.

    Attributes:
        name: in ``preset=`` and ``--preset``.
        description: a line for the help.
        formats: what is written unless formats are named.
        settings: with which, unless others are.
    """

    name: str
    description: str
    formats: tuple[str, ...]
    settings: ExportSettings


_ENGINE = ExportSettings(photo_variant=False, visemes=True, bones=True, level=1)

PRESETS: dict[str, Preset] = {
    entry.name: entry
    for entry in (
        Preset(
            "web",
            "a small GLB for browsers",
            ("glb", "json", "png"),
            replace(_ENGINE, texture_encoding="webp", jpeg_quality=85, quantised=True, level=2),
        ),
        Preset(
            "unity",
            "GLB with bones and visemes, and two levels of detail",
            ("glb", "lods", "json", "png"),
            _ENGINE,
        ),
        Preset(
            "unreal",
            "the same without sparse accessors",
            ("glb", "lods", "json", "png"),
            replace(_ENGINE, sparse=False),
        ),
        Preset(
            "metahuman",
            "an OBJ in centimetres for Mesh to MetaHuman",
            ("obj", "json", "png"),
            ExportSettings(expression="neutral", unit="centimetre"),
        ),
        Preset(
            "blender",
            "GLB with all triangles, bones and visemes",
            ("glb", "json", "png"),
            replace(_ENGINE, texture_encoding="png", level=0),
        ),
        Preset(
            "vrm",
            "an avatar of VRM 1.0, with the bones that it requires",
            ("vrm", "json", "png"),
            replace(_ENGINE, visemes=False),
        ),
        Preset(
            "usdz",
            'for AR Quick Look and RealityKit; needs the extra "usd"',
            ("usdz", "json", "png"),
            replace(_ENGINE, visemes=False),
        ),
        Preset(
            "print",
            "a closed solid for 3D printers, 3MF and STL in millimetres",
            ("3mf", "json", "png"),
            ExportSettings(expression="neutral"),
        ),
    )
}


def preset_settings(name: str | None, **changes: Any) -> tuple[tuple[str, ...] | None, ExportSettings]:
    """Formats and settings of a preset, or None and the usual ones without; changes that are not None hold.

    Raises:
        HeadshotError: an unknown preset.
        ValueError: settings that do not go.
    """
    given = {field: value for field, value in changes.items() if value is not None}
    if name is None:
        return None, ExportSettings(**given)
    if name not in PRESETS:
        raise HeadshotError(f"unknown preset {name!r} of files: use one of {', '.join(PRESETS)}")
    return PRESETS[name].formats, replace(PRESETS[name].settings, **given)


def presets_help() -> str:
    """The presets in a sentence, for ``--preset``."""
    return ", ".join(f"{name} ({entry.description})" for name, entry in PRESETS.items())
