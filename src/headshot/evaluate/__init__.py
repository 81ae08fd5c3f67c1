"""The measuring bench: how good is a reconstruction, in numbers that can be checked (docs/evaluation.md).

Every measure is a function that returns a `report.Result`: one row for each photo, scan or pair, with the
values of all methods, our own beside the baselines. `report.write` makes Markdown, JSON and a page of it.
"""

from headshot.evaluate.report import Column, Curve, Item, Result, compare, markdown, read, write

__all__ = ["Column", "Curve", "Item", "Result", "compare", "markdown", "read", "write"]
