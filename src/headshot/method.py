"""Other ways from a face to a person than the fit: the networks of training runs.

They are `headshot.learn`, which needs PyTorch and lies above all that makes heads: so it is imported by name,
when a run is asked for.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from headshot.fitting.person import FittedPerson
from headshot.models.protocol import FaceModel
from headshot.perception.observe import FaceObservation


class Method(Protocol):
    """What makes a person of a face, in the place of the fit."""

    @property
    def name(self) -> str:
        """For messages."""

    @property
    def model(self) -> FaceModel | None:
        """The head model of its persons; None for the bundled one."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that it has learned."""

    def __call__(self, seen: FaceObservation) -> FittedPerson:
        """The person whom a face shows, with one view, in model millimetres.

        Raises:
            HeadshotError: the face cannot be prepared for it.
        """


def load_method(run: str | Path, model: str | Path | None = None) -> Method:
    """The method of a training run.

    Args:
        run: folder of `headshot learn face` or ``mesh``.
        model: file of its face model, if the run does not know where it is.

    Raises:
        MissingExtraError: PyTorch is not installed.
        HeadshotError: there is no such run, it has learned nothing yet, or its network makes no heads.
    """
    module = import_module("headshot.learn.apply.method")
    return cast(Method, module.RunMethod(Path(run), None if model is None else Path(model)))
