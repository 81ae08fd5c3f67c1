"""Measuring: how good is a reconstruction, in numbers that can be checked (docs/explanation/evaluation.md).

Every measure is a function that returns a `result.Result`: one row for each photo, scan or pair, with the
values of all methods, our own beside the baselines. `report.write` makes Markdown, JSON and a page of it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headshot.evaluate.difference import compare
    from headshot.evaluate.report import read, write
    from headshot.evaluate.result import Column, Curve, Item, Result
    from headshot.evaluate.tables import markdown

_MODULES = {
    "result": ("Column", "Curve", "Item", "Result"),
    "difference": ("compare",),
    "report": ("read", "write"),
    "tables": ("markdown",),
}
__all__ = ["Column", "Curve", "Item", "Result", "compare", "markdown", "read", "write"]


def __getattr__(name: str) -> Any:
    """Import the public names when they are first used: ``headshot --help`` passes through here."""
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"headshot.evaluate.{module}"), name)
    raise AttributeError(f"module 'headshot.evaluate' has no attribute {name!r}")
