"""What all commands have in common: exit codes in their help, and mistakes that are found before them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer
from typer.core import TyperGroup

from headshot.exit_codes import exit_codes_help


class Commands(TyperGroup):
    """The commands of ``headshot``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse empty words: as paths they would be the current folder, with all photos that are in it."""
        for word in args:
            if not word or (word.startswith("--") and word.endswith("=")):
                what = f"{word!r} has no value" if word else "one of its words is empty"
                raise typer.BadParameter(f"{what}: is a variable of the shell not set?", ctx=ctx)
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that is named first; where that is a photo, say which command it needs."""
        if args[0] not in self.commands and Path(args[0]).exists():
            raise typer.BadParameter(
                f"{args[0]!r} is no command: did you mean `headshot reconstruct {args[0]}`?", ctx=ctx
            )
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A command, with the exit codes below its help."""
        command = super().get_command(ctx, cmd_name)
        if command is not None:
            command.epilog = exit_codes_help()
        return command
