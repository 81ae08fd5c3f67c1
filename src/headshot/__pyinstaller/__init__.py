"""What PyInstaller must know to build programs with Headshot in them (the entry point ``pyinstaller40``)."""

from __future__ import annotations

from pathlib import Path


def get_hook_dirs() -> list[str]:
    """The folder of the hook."""
    return [str(Path(__file__).parent)]
