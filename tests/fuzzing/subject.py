"""A reader and its cases: valid files, and such with changes of bytes or of what they hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from . import containers
from .mutate import changed, changed_arrays, changed_json
from .samples import Files

Case = tuple[str, Callable[[], object]]
Cases = Callable[[int], Iterator[Case]]


@dataclass(frozen=True)
class Subject:
    """A reader, and what its files are made of.

    Attributes:
        read: from the path of the first file.
        files: valid ones.
        variants: makers of files with one change of their content, such as an array of another shape.
        share: of cases whose change is one of bytes.
    """

    read: Callable[[Path], object]
    files: Callable[[], Files]
    variants: tuple[Callable[[Random], tuple[str, Files]], ...] = ()
    share: float = 0.5

    def cases(self, seed: int) -> Iterator[Case]:
        """Cases without end."""
        yield "valid", partial(self._tried, self.files())
        number = 0
        while True:
            number += 1
            yield f"case {number}", partial(self._case, seed, number)

    def _case(self, seed: int, number: int) -> object:
        random = Random(f"{seed} {number}")
        if self.variants and random.random() > self.share:
            _, files = random.choice(self.variants)(random)
        else:
            files = dict(self.files())
            # Mostly the file that is read, sometimes what lies beside it.
            name = next(iter(files)) if random.random() < 0.7 else random.choice(sorted(files))
            _, files[name] = changed(files[name], random)
            if random.random() < 0.3:
                _, files[name] = changed(files[name], random)
        return self._tried(files)

    def _tried(self, files: Files) -> object:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / name for name in files]
            for path, content in zip(paths, files.values(), strict=True):
                path.write_bytes(content)
            return self.read(paths[0])


def of_arrays(
    name: str,
    arrays: Callable[[], dict[str, np.ndarray]],
    write: Callable[[dict[str, np.ndarray]], bytes],
    others: Callable[[], Files] = dict,
) -> tuple[Callable[[], Files], Callable[[Random], tuple[str, Files]]]:
    """Files of one that holds arrays by name, and such with a change of one array."""

    def valid() -> Files:
        key = f"{name} {write.__name__}"
        if key not in WRITTEN:
            WRITTEN[key] = write(arrays())
        return {name: WRITTEN[key], **others()}

    def variant(random: Random) -> tuple[str, Files]:
        label, content = changed_arrays(arrays(), random)
        try:
            return label, {name: write(content), **others()}
        except (ValueError, TypeError, KeyError):  # a type that the format does not have
            return "valid", valid()

    return valid, variant


WRITTEN: dict[str, bytes] = {}
SHAPES = ((10**9,), (10**12, 3), (2**63, 2**63), (0,), (10**5, 10**5), (-1,), (3,), ())


def announced(
    name: str, arrays: Callable[[], dict[str, np.ndarray]]
) -> Callable[[Random], tuple[str, Files]]:
    """An npz with a header that announces another shape or type."""

    def variant(random: Random) -> tuple[str, Files]:
        key = random.choice(sorted(arrays()))
        kind = random.choice(("<f4", "<f8", "|u1", "<i8", "<U0", "<U1000000000", "|V8", "|O", "<f2"))
        return key, {name: containers.npz_announcing(arrays(), key, random.choice(SHAPES), kind)}

    return variant


def json_of(document: Callable[[], Any], name: str, others: Callable[[], Files] = dict) -> Subject | Any:
    def variant(random: Random) -> tuple[str, Files]:
        label, content = changed_json(document(), random)
        return label, {name: content, **others()}

    return variant


def reads(module: str, function: str) -> Callable[[Path], object]:
    """A function by its name: modules are imported when they are needed. Arrays must be finite."""

    def read(path: Path) -> object:
        from importlib import import_module

        found = getattr(import_module(module), function)(path)
        for values in found if isinstance(found, tuple) else (found,):
            if isinstance(values, np.ndarray):
                assert np.isfinite(values).all(), "numbers that are not finite were read"
        return found

    return read


def of_npz(name: str, arrays: Callable[[], dict[str, np.ndarray]], read: Callable[[Path], object]) -> Subject:
    valid, variant = of_arrays(name, arrays, containers.npz)
    return Subject(read, valid, (variant, variant, variant, announced(name, arrays)), 0.3)


def of_text(name: str, content: Callable[[], bytes], read: Callable[[Path], object]) -> Subject:
    return Subject(read, lambda: {name: content()})
