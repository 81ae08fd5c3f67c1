"""What is wanted of many photos, and with it what each result is made from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from headshot import assets
from headshot.apps.plan import Job
from headshot.export import DEFAULT_FORMATS, ExportSettings
from headshot.export.origin import Origin
from headshot.models.protocol import BUNDLED, fingerprint

if TYPE_CHECKING:
    from headshot.method import Method
    from headshot.models.protocol import FaceModel
    from headshot.settings import Settings


@dataclass(frozen=True)
class Request:
    """What is wanted of every photo.

    Attributes:
        face: which face, 1 being the largest; None for all, whose results are then numbered.
        formats: any of `headshot.export.FORMATS`.
        settings: how to reconstruct; None for the defaults.
        export: how to write.
        force: of several photos of one person, use those as well that seem to show somebody else.
        model: the head model: "headshot", the bundled one, or another one, loaded once for all photos.
        method: a training run in the place of the fit, likewise; None for the fit.
    """

    face: int | None = 1
    formats: tuple[str, ...] = DEFAULT_FORMATS
    settings: Settings | None = None
    export: ExportSettings = field(default_factory=ExportSettings)
    force: bool = False
    model: str | FaceModel = BUNDLED
    method: Method | None = None

    def numbered(self, job: Job) -> bool:
        """Whether the heads of a job are numbered."""
        return self.face is None and not job.others

    def stem(self, job: Job, head: int, stem: str | None = None) -> str:
        """Names the files of a head of a job; ``stem``: that of the job when None."""
        name = job.stem if stem is None else stem
        return f"{name}-{head}" if self.numbered(job) else name

    def origin(self, job: Job) -> Origin:
        """What the results of a job are made from, by the present content of its photos."""
        return Origin(
            job.photo_files(),
            job.place,
            self.face,
            bool(job.others),
            self.force and bool(job.others),
            self._settings,
            asdict(self.export),
            self._model,
        )

    @cached_property
    def _settings(self) -> dict[str, Any]:
        from headshot.settings import Settings

        chosen: dict[str, Any] = json.loads(json.dumps((self.settings or Settings()).to_dict()))
        return chosen

    @cached_property
    def _model(self) -> str:
        """The head model, the training run if there is one, and a hash of their numbers and of the networks
        and models that ship with us."""
        digest = sha256(json.dumps(assets.manifest(), sort_keys=True).encode())
        model = self.model if self.method is None else self.method.model or BUNDLED
        if isinstance(model, str):
            name = model
        else:
            name = model.id
            digest.update(fingerprint(model).encode())
            for values in (model.uv, model.triangles_uv):
                digest.update(b"" if values is None else values.tobytes())
        if self.method is not None:
            name = f"{name}, by {self.method.name}"
            digest.update(self.method.fingerprint.encode())
        return f"{name} {digest.hexdigest()}"
