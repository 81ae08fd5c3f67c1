"""A stand-in for reconstruction that takes milliseconds, and whose heads tell what they were made from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from headshot.errors import NoFaceError
from headshot.pipeline import reconstruct
from headshot.results import Head
from headshot.settings import Settings
from headshot.texture import TextureSettings


class StandIn:
    """Like a `headshot.Reconstructor` for files of any content.

    Its heads have identities that follow from the content. "3 faces" at the beginning stands for three faces,
    "no face" for none.
    """

    def __init__(self, head: Head) -> None:
        self.head = head

    def __call__(
        self, source: Path | Sequence[Path], *, face: int | str = 1, **_: object
    ) -> Head | list[Head]:
        paths = [source] if isinstance(source, Path) else list(source)
        content = b"".join(sorted(path.read_bytes() for path in paths))
        if content.startswith(b"no face"):
            raise NoFaceError(f"no face found in {paths[0].name}")
        photo = replace(self.head.view.photo, name=paths[0].name)
        estimate = replace(self.head.estimate, views=(replace(self.head.view, photo=photo),))
        named = replace(self.head, estimate=estimate)
        if face != "all":
            return named.with_identity(self.identity(content, int(face)))
        count = int(content[:1]) if content[1:6] == b" face" else 1
        return [named.with_identity(self.identity(content, k)) for k in range(1, count + 1)]

    def each(self, source: Path) -> Sequence[Head]:
        """All faces."""
        heads = self(source, face="all")
        assert isinstance(heads, list)
        return heads

    def identity(self, content: bytes, face: int) -> list[float]:
        """The coefficients of a face in a photo of this content."""
        seed = int.from_bytes(sha256(content).digest()[:8], "little")
        return np.random.default_rng([seed, face]).normal(size=len(self.head.identity)).tolist()

    def is_of(self, file: Path, content: str, face: int = 1) -> bool:
        """Whether a JSON says that it is of a photo of this content; its head must be of what it says."""
        fields = json.loads(file.read_text(encoding="utf-8"))
        (photo,) = fields["source"]["photos"]
        said: bool = photo["sha256"] == sha256(content.encode()).hexdigest()
        assert said == (fields["person"]["identity"] == self.identity(content.encode(), face))
        return said


@pytest.fixture(scope="session")
def low_head(photos: Path) -> Head:
    """A real head that is quick to write."""
    settings = Settings(detail="low", photometric=None, texture=TextureSettings(256))
    return reconstruct(photos / "astronaut.jpg", settings=settings)


@pytest.fixture
def quick(low_head: Head, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """`headshot.Reconstructor` replaced by a `StandIn` for the command."""
    made = StandIn(low_head)
    monkeypatch.setattr("headshot.pipeline.Reconstructor", lambda *_, **__: made)
    return made
