"""What a result was made from: photos by their content, settings, model and version."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from headshot.export.mark import SHORT, Mark
from headshot.image.files import named_path, readable_name
from headshot.reading.digest import digest_of
from headshot.version import __version__


@dataclass(frozen=True)
class PhotoFile:
    """A photo as a file.

    Attributes:
        name: without folders, of a link its own.
        bytes: size of the file; None where it cannot be read.
        sha256: of its content, likewise.
    """

    name: str
    bytes: int | None
    sha256: str | None

    @classmethod
    def of(cls, path: Path) -> PhotoFile:
        """The present content of a file; of one that cannot be read, its name."""
        try:
            if path.is_file():  # a pipe would be empty afterwards
                digest, size = digest_of(path)
                return cls(readable_name(path.name), size, digest)
        except (OSError, ValueError):
            pass
        return cls(readable_name(path.name), None, None)


@dataclass(frozen=True)
class Origin:
    """What a result was made from.

    Attributes:
        photos: in the order of their names, because the order in which they are given says nothing.
        place: short hash of the path of the photo, or of the folder that holds a person's photos. Results of
            one place replace each other; they need not be of it, since a photo may be moved.
        face: which face; None for all.
        person: whether one head was made of all photos.
        force: whether photos were used that seem to show somebody else.
        settings: of the reconstruction, plain values.
        export: of the writers, likewise.
        model: the head model, and a hash of all that coefficients and networks mean.
        head, heads: number of the head, and how many there are in the photo.
    """

    photos: tuple[PhotoFile, ...]
    place: str
    face: int | None
    person: bool
    force: bool
    settings: Mapping[str, Any]
    export: Mapping[str, Any]
    model: str
    head: int = 1
    heads: int = 1

    @property
    def made(self) -> str:
        """SHA-256 of all that the bytes of the result depend on."""
        content = {
            "headshot": __version__,
            "photos": [asdict(photo) for photo in self.photos],
            "face": self.face,
            "person": self.person,
            "force": self.force,
            "settings": self.settings,
            "export": self.export,
            "model": self.model,
        }
        return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    @property
    def photo_hash(self) -> str:
        """Short hash of the content of all photos."""
        return hash_of_photos(self.photos)

    def mark(self, *, textured: bool) -> Mark:
        """The mark of the files of the head; ``textured``: whether files of a texture belong to it."""
        return Mark(self.made, self.photo_hash, self.place, self.head, self.heads, textured)

    def to_json(self) -> dict[str, Any]:
        """The field ``source`` of the head's JSON."""
        return {
            "photos": [asdict(photo) for photo in self.photos],
            "face": self.face,
            "head": self.head,
            "heads": self.heads,
            "one_person": self.person,
            "force": self.force,
            "settings": dict(self.settings),
            "export": dict(self.export),
            "model": self.model,
            "made": self.made,
        }


def hash_of_photos(photos: Iterable[PhotoFile]) -> str:
    """Short hash of the content of photos."""
    return short_hash(" ".join(str(photo.sha256) for photo in photos).encode())


def place_of(path: Path, *, kind: str = "") -> str:
    """Short hash of a path: absolute, with links in its folders followed, a link itself not.

    Args:
        path: of a photo or folder.
        kind: of the result; results of different kinds are not of the same place.
    """
    return short_hash(os.fsencode(os.path.normcase(named_path(path))) + b"\0" + kind.encode())


def short_hash(content: bytes) -> str:
    """64 bits of a SHA-256, hexadecimal."""
    return sha256(content).hexdigest()[:SHORT]
