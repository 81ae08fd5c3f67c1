"""Readers of face and head models, one module a format; all give a `LinearModel`.

docs/reference/model-formats.md says where to get the files.

| format | module | files |
|---|---|---|
| this project's own | `headshot.models.readers.built_in` | ``head_model.npz``, built in |
| Surrey Face Model, any model of eos | `headshot.models.readers.eos` | ``*.bin`` and companions |
| Basel 2009 | `headshot.models.readers.basel2009` | ``01_MorphableModel.mat`` |
| Basel 2009, 35,709 vertices | `headshot.models.readers.basel_front` | ``*.npz``, made from several files |
| Basel 2017 and 2019 | `headshot.models.readers.basel2017` | ``*.h5`` (extra ``basel2017``) |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headshot.errors import ModelFormatError

if TYPE_CHECKING:
    from headshot.models.linear import LinearModel

__all__ = ["BUILT_IN", "READERS", "Reader", "read_linear_model"]

BUILT_IN = "headshot"
"""The word for the built-in model, in the place of a file."""


@dataclass(frozen=True)
class Reader:
    """How a kind of file is read.

    Attributes:
        suffixes: of the files, lower case.
        models: which models come in such files.
        read: from a file to a model; raises ModelFormatError where it is missing or holds something else.
    """

    suffixes: tuple[str, ...]
    models: str
    read: Callable[[Path], LinearModel]


def _existing(file: Path) -> Path:
    if not file.exists():
        raise ModelFormatError(
            f"there is no model {file}; docs/reference/model-formats.md says where to get which"
        )
    return file


def _built_in() -> LinearModel:
    from headshot.models.head_model import load_head_model
    from headshot.models.readers.built_in import linear_model

    return linear_model(load_head_model("low"))


def _eos(file: Path) -> LinearModel:
    from headshot.models.readers.eos import companions, read_eos

    return read_eos(companions(file))


def _basel2009(file: Path) -> LinearModel:
    from headshot.models.readers.basel2009 import read_basel2009

    return read_basel2009(_existing(file))


def _basel_front(file: Path) -> LinearModel:
    from headshot.models.readers.basel_front import load_front

    return load_front(_existing(file)).linear_model()


def _basel2017(file: Path) -> LinearModel:
    from headshot.models.readers.basel2017 import read_basel2017

    return read_basel2017(_existing(file))


READERS: tuple[Reader, ...] = (
    Reader((".bin",), "Surrey, eos", _eos),
    Reader((".mat",), "Basel 2009", _basel2009),
    Reader((".npz",), "prepared Basel model", _basel_front),
    Reader((".h5", ".hdf5"), "Basel 2017, 2019", _basel2017),
)
"""One entry a format. Modules are imported when they are first needed: some need an extra."""


def read_linear_model(source: str | Path) -> LinearModel:
    """Read a model by the kind of its file.

    Args:
        source: "headshot" for the built-in model, or a file of one of `READERS`, beside which companions are
            expected.

    Raises:
        ModelFormatError: no such file, or not of these kinds; the message says what to do.
    """
    if str(source) == BUILT_IN:
        return _built_in()
    file = Path(source)
    kind = file.suffix.lower()
    if kind in (".pkl", ".pickle"):
        raise ModelFormatError(
            f"{file} is a pickle, which can run any code when it is opened, so Headshot does not read it: "
            "docs/reference/model-formats.md says how to convert a model that you trust"
        )
    for reader in READERS:
        if kind in reader.suffixes:
            return reader.read(file)
    kinds = ", ".join(f"*{reader.suffixes[0]} ({reader.models})" for reader in READERS)
    raise ModelFormatError(
        f'{file} is no model that Headshot reads: {kinds}, or the word "{BUILT_IN}" for the built-in model'
    )
