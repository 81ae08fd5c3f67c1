"""Readers of face and head models, one module a format; all give a `LinearModel` (docs/model-formats.md).

| format | module | files |
|---|---|---|
| this project's own | `headshot.models.readers.built_in` | ``head_model.npz``, built in |
| Surrey Face Model, any model of eos | `headshot.models.readers.eos` | ``*.bin`` and companions |
| Basel 2009 | `headshot.models.readers.basel2009` | ``01_MorphableModel.mat`` |
| Basel 2009, 35,709 vertices | `headshot.models.readers.basel_front` | ``*.npz``, made from several files |
| Basel 2017 and 2019 | `headshot.models.readers.basel2017` | ``*.h5`` (extra ``basel2017``) |
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from headshot.errors import ModelFormatError

if TYPE_CHECKING:
    from headshot.models.linear import LinearModel

__all__ = ["read_linear_model"]

BUILT_IN = "headshot"


def read_linear_model(source: str | Path) -> LinearModel:
    """Read a model by the kind of its file.

    Args:
        source: "headshot" for the built-in model, or a file (companions are looked for beside it): ``*.bin``
            of eos, ``*.mat`` of Basel 2009, ``*.npz`` of the prepared frontal Basel model, ``*.h5`` of
            Basel 2017 or 2019.

    Raises:
        ModelFormatError: no such file, or not of these kinds; the message says what to do.
    """
    if str(source) == BUILT_IN:
        from headshot.models.head_model import load_head_model
        from headshot.models.readers.built_in import linear_model

        return linear_model(load_head_model("low"))
    file = Path(source)
    kind = file.suffix.lower()
    if kind == ".bin":
        from headshot.models.readers.eos import companions, read_eos

        return read_eos(companions(file))
    if not file.exists():
        raise ModelFormatError(f"there is no model {file}; docs/model-formats.md says where to get which")
    if kind == ".mat":
        from headshot.models.readers.basel2009 import read_basel2009

        return read_basel2009(file)
    if kind == ".npz":
        from headshot.models.readers.basel_front import load_front

        return load_front(file).linear_model()
    if kind in (".h5", ".hdf5"):
        from headshot.models.readers.basel2017 import read_basel2017

        return read_basel2017(file)
    if kind in (".pkl", ".pickle"):
        raise ModelFormatError(
            f"{file} is a pickle, which can run any code when it is opened, so Headshot does not read it: "
            "docs/model-formats.md says how to convert a model that you trust"
        )
    raise ModelFormatError(
        f"{file} is no model that Headshot reads: *.bin (Surrey, eos), *.mat (Basel 2009), *.npz (prepared "
        'Basel model), *.h5 (Basel 2017, 2019), or the word "headshot" for the built-in model'
    )
