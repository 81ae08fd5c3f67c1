"""Readers of face and head models, one module a format; all give a
`headshot.models.protocol.FaceModel`, most of them a `LinearModel`.

docs/reference/model-formats.md says where to get the files.

| format | module | files |
|---|---|---|
| this project's own | `headshot.models.readers.built_in` | ``head_model.npz``, built in |
| Surrey Face Model, any model of eos | `headshot.models.readers.eos` | ``*.bin`` and companions |
| Basel 2009 | `headshot.models.readers.basel2009` | ``01_MorphableModel.mat`` |
| Basel 2009, 35,709 vertices | `headshot.models.readers.basel_front` | ``*.npz``, made from several files |
| ICT-FaceKit Light | `headshot.models.readers.ict` | folder ``FaceXModel``, or ``*.npz`` |
| FLAME, GNM | `headshot.models.readers.skinned` | ``*.npz``, ``*.safetensors`` |
| Basel 2017 and 2019 | `headshot.models.readers.basel2017` | ``*.h5`` (extra ``basel2017``) |
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from headshot.errors import ModelFormatError
from headshot.models.protocol import BUNDLED
from headshot.reading.complaint import reading

if TYPE_CHECKING:
    from headshot.models.linear import LinearModel
    from headshot.models.protocol import FaceModel

__all__ = ["BUILT_IN", "READERS", "Reader", "read_linear_model", "read_model"]

BUILT_IN = BUNDLED
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
    read: Callable[[Path], FaceModel]


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


def _npz(file: Path) -> FaceModel:
    """By the arrays that it holds."""
    from headshot.models.head_model import read
    from headshot.reading.arrays import open_arrays

    with reading(file, "an npz of arrays", ModelFormatError), open_arrays(_existing(file)) as archive:
        names = set(archive)
    if "landmark_names" in names:
        return read(file, "high")
    if "v_template" in names:
        return _flame(file)
    if "template_vertex_positions" in names:
        from headshot.models.readers.skinned import read_gnm

        return read_gnm(file)
    if "expression_names" in names:
        return _ict(file)
    from headshot.models.readers.basel_front import load_front

    return load_front(file).linear_model()


def _flame(file: Path) -> FaceModel:
    from headshot.models.readers.skinned import read_flame

    return read_flame(_existing(file))


def _ict(source: Path) -> LinearModel:
    from headshot.models.readers.ict import read_ict

    return read_ict(source)


def _basel2017(file: Path) -> LinearModel:
    from headshot.models.readers.basel2017 import read_basel2017

    return read_basel2017(_existing(file))


READERS: tuple[Reader, ...] = (
    Reader((".bin",), "Surrey, eos", _eos),
    Reader((".mat",), "Basel 2009", _basel2009),
    Reader((".npz",), "prepared Basel model, ICT-FaceKit, FLAME, GNM, Headshot's own", _npz),
    Reader((".safetensors",), "FLAME", _flame),
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
    model = read_model(source)
    from headshot.models.linear import LinearModel

    if not isinstance(model, LinearModel):
        raise ModelFormatError(f"{source} is no plain linear model: give it to headshot reconstruct --model")
    return model


def read_model(source: str | Path) -> FaceModel:
    """Read a model of any kind.

    Args:
        source: "headshot" for the bundled model at its high resolution; a file of one of `READERS`, beside
            which companions are expected; or the folder ``FaceXModel`` of ICT-FaceKit.

    Raises:
        ModelFormatError: no such file, or not of these kinds; the message says what to do.
    """
    if str(source) == BUILT_IN:
        from headshot.models.head_model import load_head_model

        return load_head_model("high")
    if not str(source):
        raise ModelFormatError("the name of the head model is empty")
    file = Path(source)
    if file.is_dir():
        return _named(_ict(file), file)
    kind = file.suffix.lower()
    if kind in (".pkl", ".pickle"):
        raise ModelFormatError(
            f"{file} is a pickle, which can run any code when it is opened, so Headshot does not read it: "
            "docs/reference/model-formats.md says how to convert a model that you trust"
        )
    for reader in READERS:
        if kind in reader.suffixes:
            # Its reader says what is wrong with a file; here what only shows when a model is made of it.
            with reading(file, f"a head model ({reader.models})", ModelFormatError):
                return _named(reader.read(file), file)
    kinds = ", ".join(f"*{reader.suffixes[0]} ({reader.models})" for reader in READERS)
    raise ModelFormatError(
        f'{file} is no model that Headshot reads: {kinds}, or the word "{BUILT_IN}" for the built-in model'
    )


def _named(model: FaceModel, file: Path) -> FaceModel:
    """The model with the name of its file."""
    from headshot.models.linear import LinearModel
    from headshot.models.skinned import SkinnedModel

    return replace(model, file=file.name) if isinstance(model, (LinearModel, SkinnedModel)) else model
