"""The import graph of the package, read from its source: no circles, one direction, and a light core."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import headshot
from headshot.export import FORMATS

PACKAGE = Path(headshot.__file__).parent

# "Imports point one way: apps → pipeline → texture, fitting → perception, models → geometry, image → arrays;
# a test checks it." A module may import its own layer and those below; the longest name that fits counts.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("headshot.apps", "headshot.__main__", "headshot.__pyinstaller"),
    ("headshot.learn", "headshot.evaluate"),  # beside each other, see the tests about them below
    ("headshot.datasets", "headshot.metrics"),  # what both need; heads are made without them
    ("headshot",),  # the public names alone
    ("headshot.pipeline", "headshot.method", "headshot.settings"),
    ("headshot.results", "headshot.loading"),
    ("headshot.export",),
    ("headshot.head_data", "headshot.texturing", "headshot.assessment"),
    ("headshot.texture", "headshot.hair", "headshot.photo_colours", "headshot.photo_choice"),
    ("headshot.fitting",),
    ("headshot.perception", "headshot.render", "headshot.relight", "headshot.measurements"),
    ("headshot.models", "headshot.estimate"),
    ("headshot.geometry",),
    ("headshot.image",),
    (
        "headshot.arrays",
        "headshot.errors",
        "headshot.exit_codes",
        "headshot.checked",
        "headshot.kernels",
        "headshot.runtime",
        "headshot.assets",
        "headshot.terminal",
        "headshot.ramps",
        "headshot.robust",
        "headshot.quality",
        "headshot.reading",
        "headshot.version",
    ),
)

HEAVY = {"torch", "scipy", "matplotlib"}
MAY_BE_HEAVY = ("headshot.learn", "headshot.evaluate.trained")
"""Training: the part with an extra of its own."""


@dataclass(frozen=True)
class Import:
    """An arrow of the graph.

    Attributes:
        importer: module that imports.
        imported: module of the package, or the first name of another package.
        lazy: whether it stands in a function.
        typing: whether it stands below ``if TYPE_CHECKING``.
    """

    importer: str
    imported: str
    lazy: bool = False
    typing: bool = False


@cache
def modules() -> dict[str, Path]:
    """File of each module by its name."""
    found = {}
    for file in PACKAGE.rglob("*.py"):
        parts = file.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imports() -> tuple[Import, ...]:
    """All arrows of the package."""
    return tuple(
        arrow for name, file in modules().items() for arrow in imports_of(name, file.read_text("utf-8"))
    )


def imports_of(name: str, source: str) -> Iterator[Import]:
    """The arrows of a module. ``from package import module`` is an arrow to the module."""

    def visit(node: ast.AST, lazy: bool, typing: bool) -> Iterator[Import]:
        for child in ast.iter_child_nodes(node):
            inside = (
                isinstance(node, ast.If) and child in node.body and "TYPE_CHECKING" in ast.dump(node.test)
            )
            function = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            if isinstance(child, ast.Import):
                targets = [alias.name for alias in child.names]
            elif isinstance(child, ast.ImportFrom):
                assert not child.level, f"{name} imports by a relative name"
                whole = [f"{child.module}.{alias.name}" for alias in child.names]
                targets = [full if full in modules() else str(child.module) for full in whole]
            else:
                yield from visit(child, lazy or function, typing or inside)
                continue
            for target in targets:
                ours = target.split(".")[0] == "headshot"
                yield Import(name, target if ours else target.split(".")[0], lazy, typing or inside)

    yield from visit(ast.parse(source), False, False)


def layer_of(module: str) -> int:
    """Number of a module's layer, 0 at the top."""
    found = [
        (len(name), number)
        for number, names in enumerate(LAYERS)
        for name in names
        if module == name or (module.startswith(f"{name}.") and name != "headshot")
    ]
    if not found:
        raise LookupError(f"{module} has no layer: put it into LAYERS")
    return max(found)[1]


def within(module: str, *packages: str) -> bool:
    """Whether a module is in one of the packages."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def ours() -> list[Import]:
    """The arrows between modules of the package."""
    return [arrow for arrow in imports() if arrow.imported in modules()]


def test_the_graph_is_read_as_it_is_written() -> None:
    source = (
        "from typing import TYPE_CHECKING\nimport numpy.linalg\nfrom headshot import assets, __version__\n"
        "if TYPE_CHECKING:\n    from headshot.image.photo import Photo\n"
        "def f():\n    if True:\n        from headshot.learn.cli import app\n"
    )
    found = set(imports_of("headshot.x", source))
    assert found == {
        Import("headshot.x", "typing"),
        Import("headshot.x", "numpy"),
        Import("headshot.x", "headshot.assets"),
        Import("headshot.x", "headshot"),
        Import("headshot.x", "headshot.image.photo", typing=True),
        Import("headshot.x", "headshot.learn.cli", lazy=True),
    }
    assert len(modules()) > 200 and len(ours()) > 900


def circle(arrows: Iterable[tuple[str, str]]) -> list[str]:
    """Names that lead back to the first of them; empty where none do."""
    graph: dict[str, set[str]] = {}
    for importer, imported in arrows:
        if importer != imported:
            graph.setdefault(importer, set()).add(imported)
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def test_there_are_no_circles() -> None:
    """Neither at once, nor by imports in functions, nor by what only type checkers read."""
    assert circle([("a", "b"), ("b", "c"), ("c", "a")])
    found = circle((arrow.importer, arrow.imported) for arrow in ours())
    assert not found, f"a circle of imports: {' -> '.join(found)}"


def test_there_are_no_circles_of_packages() -> None:
    """Nor when a package and all that is in it count as one, at any depth."""
    deepest = max(name.count(".") for name in modules())
    for depth in range(2, deepest + 1):
        # What a package itself says, in its __init__, stands beside its parts and is left to the test above.
        deep = (a for a in ours() if min(a.importer.count("."), a.imported.count(".")) >= depth - 1)
        cut = ((_first(a.importer, depth), _first(a.imported, depth)) for a in deep)
        found = circle(cut)
        assert not found, f"a circle of packages: {' -> '.join(found)}"


def test_a_format_does_not_import_the_table_that_names_it() -> None:
    """The table loads them by name, which the arrows do not show."""
    named = {f"headshot.export.{entry.module}" for entry in FORMATS.values()}
    assert named <= set(modules())
    wrong = [a for a in ours() if a.importer in named and a.imported == "headshot.export.registry"]
    assert not wrong


def _first(name: str, depth: int) -> str:
    return ".".join(name.split(".")[:depth])


def test_imports_point_one_way() -> None:
    wrong = {
        (arrow.importer, arrow.imported)
        for arrow in ours()
        if layer_of(arrow.imported) < layer_of(arrow.importer)
    }
    assert not wrong, f"against the direction of LAYERS: {sorted(wrong)}"


def test_every_module_has_a_layer() -> None:
    for name in modules():
        layer_of(name)
    with pytest.raises(LookupError, match="has no layer"):
        layer_of("headshot.elsewhere")


def test_training_does_not_know_the_evaluation() -> None:
    wrong = [
        a for a in ours() if within(a.importer, "headshot.learn") and within(a.imported, "headshot.evaluate")
    ]
    assert not wrong


def test_without_the_extra_train_everything_else_can_be_imported() -> None:
    """Training, and what measures it, are imported in functions only, where they are wanted."""
    torch = ("headshot.learn", "headshot.evaluate.trained")
    wrong = [a for a in ours() if within(a.imported, *torch) and not within(a.importer, *torch)]
    assert wrong, "somebody starts them"
    assert all(a.lazy for a in wrong), wrong


def test_the_core_imports_nothing_heavy() -> None:
    wrong = [a for a in imports() if a.imported in HEAVY and not within(a.importer, *MAY_BE_HEAVY)]
    assert not wrong
