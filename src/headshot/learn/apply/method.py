"""A training run in the place of the fit: see `headshot.method`."""

from __future__ import annotations

from pathlib import Path

from headshot.fitting.person import FittedPerson
from headshot.learn.apply.runs import Given, open_run
from headshot.models.protocol import FaceModel
from headshot.perception.observe import FaceObservation
from headshot.reading.digest import digest_of


class RunMethod:
    """Persons by a training run.

    Attributes:
        name: for messages.
        model: of its heads; None for the bundled one.
        fingerprint: SHA-256 of the network's weights.
    """

    def __init__(self, folder: Path, model: Path | None) -> None:
        """Load a run.

        Args:
            folder: of the run.
            model: its face model's file, if the run does not know where it is.

        Raises:
            HeadshotError: it cannot be loaded, or its faces cannot be heads.
        """
        self._run = open_run(folder, Given(model))
        self.model: FaceModel | None = self._run.head_model()
        self.name = f"{self._run.name} ({folder.resolve().name})"
        self.fingerprint = digest_of(folder / "best" / "network.safetensors")[0]

    def __call__(self, seen: FaceObservation) -> FittedPerson:
        """The person whom a face shows."""
        return self._run.person(seen)
