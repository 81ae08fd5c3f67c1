"""Photos for MeshNet, from folders of any kind: CelebAMask-HQ keeps its labels, parts of others are found.

Which photos are held out of training depends on names alone: labelled ones by `Sample.held_out`, others by
the rule for LFW's people (`headshot.datasets.split.held_out`), one in ten.
"""

from __future__ import annotations

import shutil
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from headshot.datasets.parts import Sample, celebamask
from headshot.datasets.selection import photo_names, spread
from headshot.datasets.split import held_out
from headshot.datasets.subject import central_subject
from headshot.datasets.utkface import with_border
from headshot.errors import HeadshotError, NoFaceError
from headshot.image.photo import read_photo
from headshot.learn.data.faces import PRESENCE, SPREAD, Faces, face_of, face_seen, join, read

_SHARD = 200  # photos after which what was found is written
_TIGHT = 200  # pixels of UTKFace's square crops, which need a border


@dataclass(frozen=True)
class FaceSource:
    """A photo that a face is to be taken from.

    Attributes:
        photo: its file.
        labelled: the same with its labels, or None where parts are to be found.
        person: whom it shows, or the file's name where that is unknown.
    """

    photo: Path
    labelled: Sample | None
    person: str

    @property
    def held_out(self) -> bool:
        """Whether it is not to be trained on."""
        if self.labelled is not None:
            return self.labelled.held_out
        return held_out(self.person, "lfw")

    def face(self, size: int) -> Faces | None:
        """Its face in a crop of ``size`` pixels, or None where none is found for certain."""
        if self.labelled is not None:
            return face_of(self.labelled, size)
        photo = read_photo(self.photo)
        if photo.width == photo.height == _TIGHT:
            photo = with_border(photo, _TIGHT // 3)
        try:
            subject = central_subject(photo)
        except NoFaceError:
            return None
        if subject.landmarks.presence < PRESENCE or subject.landmarks.spread > SPREAD:
            return None
        face, _ = face_seen(subject, size)
        face.held_out[:] = self.held_out
        return face


def find_sources(folders: Sequence[Path], limit: int) -> list[FaceSource]:
    """The photos of folders.

    Args:
        folders: of CelebAMask-HQ, the only labels that tell a face from ears and neck everywhere, or of any
            photos; sub-folders are people.
        limit: at most so many of each folder, spread over it.

    Raises:
        HeadshotError: a folder has no photos.
    """
    found: list[FaceSource] = []
    for folder in folders:
        try:
            these = [FaceSource(s.photo, s, s.group) for s in celebamask.find(folder)]
        except HeadshotError:
            files = [folder / name for name in photo_names(folder)]
            these = [FaceSource(f, None, f.stem if f.parent == folder else f.parent.name) for f in files]
        found += spread(these, limit)
    return found


def collect(
    sources: Sequence[FaceSource], size: int, cache: Path, *,
    progress: Callable[[Sequence[FaceSource]], Iterable[FaceSource]] = iter,
) -> Faces:  # fmt: skip
    """The faces of photos, found once; an interrupted search goes on where it stopped.

    Args:
        sources: photos.
        size: S of the crops, pixels.
        cache: .npz file, read if it exists (delete it when the photos change), else written; a folder
            beside it holds what an interrupted search of the same photos has found.
        progress: shows how far it is.

    Raises:
        HeadshotError: no face is found, or the cache is not readable or of another size.
    """
    if cache.is_file():
        return read(cache, size)
    names = "\n".join(source.photo.as_posix() for source in sources)
    parts = cache.with_name(f"{cache.stem}-{zlib.crc32(names.encode('utf-8')):08x}.parts")
    parts.mkdir(parents=True, exist_ok=True)
    shards = [sources[k : k + _SHARD] for k in range(0, len(sources), _SHARD)]
    files = [parts / f"{k:05d}.npz" for k in range(len(shards))]
    for shard, file in zip(shards, files, strict=True):
        if not file.is_file():
            found = [face for source in progress(shard) if (face := source.face(size)) is not None]
            write(join(found) if found else empty(size), file)
    faces = join([read(file, size) for file in files]) if files else empty(size)
    if not len(faces):
        raise HeadshotError(f"no face was found in {len(sources)} photos: are these the right folders?")
    write(faces, cache)
    shutil.rmtree(parts)
    return faces


def write(faces: Faces, file: Path) -> None:
    """Store faces, complete or not at all."""
    draft = file.with_name(f".{file.name}.part.npz")
    np.savez(draft, **{f.name: getattr(faces, f.name) for f in fields(Faces)})
    draft.replace(file)


def empty(size: int) -> Faces:
    """No faces."""
    real = [np.zeros((0, *shape), np.float32) for shape in ((478, 2), (), (3, 3), (3,))]
    pixels = np.zeros((0, size, size, 3), np.uint8)
    return Faces(pixels, pixels[..., 0], real[0], real[1], real[2], real[3], np.zeros(0, bool))
