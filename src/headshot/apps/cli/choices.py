"""Values of options, and checks of options that do not go together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import typer

from headshot.export.presets import PRESETS


class Detail(str, Enum):
    """Resolution of the head."""

    low = "low"
    high = "high"


class TextureKind(str, Enum):
    """What is in the texture."""

    photo = "photo"
    albedo = "albedo"


class Expression(str, Enum):
    """Expression in which meshes are shown."""

    neutral = "neutral"
    photo = "photo"


class Prior(str, Enum):
    """What is expected of a shape."""

    identity = "identity"
    none = "none"


FITS = ("accurate", "fast")
Preset = Enum("Preset", {name: name for name in (*FITS, *PRESETS)}, type=str)  # type: ignore[misc]
"""How many steps a fit takes, and presets of files."""


def fit_and_files(presets: Iterable[Preset]) -> tuple[str | None, str | None]:
    """Of what was given, the preset of the fit and that of files.

    Raises:
        typer.BadParameter: several of a kind.
    """
    names = [preset.value for preset in presets]
    fits = [name for name in dict.fromkeys(names) if name in FITS]
    files = [name for name in dict.fromkeys(names) if name not in FITS]
    for several in (fits, files):
        if len(several) > 1:
            raise typer.BadParameter(f"{' and '.join(several)} exclude each other", param_hint="--preset")
    return next(iter(fits), None), next(iter(files), None)


def face_number(face: str) -> int | None:
    """1 for "largest", None for "all", or the number."""
    if face in ("largest", "all"):
        return 1 if face == "largest" else None
    if not face.isdecimal() or int(face) < 1:
        raise typer.BadParameter(f'"largest", "all" or a number from 1, not {face!r}', param_hint="--face")
    return int(face)


def refuse_unused(context: typer.Context, names: Iterable[str], reason: str) -> None:
    """Refuse options that were given and would have no effect.

    Args:
        context: of the command.
        names: of parameters of the command's function.
        reason: why they would have none.

    Raises:
        typer.BadParameter: one of them was given.
    """
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(f"has no effect {reason}", param_hint=f"--{name.replace('_', '-')}")
