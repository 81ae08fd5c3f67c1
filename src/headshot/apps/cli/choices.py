"""Values of options, and checks of options that do not go together."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import typer


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


class Preset(str, Enum):
    """How many steps a fit takes."""

    accurate = "accurate"
    fast = "fast"


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
