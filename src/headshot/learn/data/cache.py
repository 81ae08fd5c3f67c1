"""One file for many prepared faces: aligned crops, landmarks and masks, to be read in any order.

    "HSFACES1"                      eight bytes
    records                         of each face: JPEG, landmarks (L, 2) float32, mask as PNG if there is one
    index                           lines of JSON: how the file was made, then one for each photo
    length of the index, "HSINDEX1" the last sixteen bytes

While it is being made there are two files, ``NAME.part`` with the records and ``NAME.part.jsonl`` with the
index, both only ever appended to; an interrupted preparation goes on from them. A line of the index says what
photo it is of; faces of photos that have changed since, or are gone, leave the index, and zeros take their
place. Readers map the file into memory. Nothing in it is a pickle.
"""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from headshot.arrays import F32, U8, Array
from headshot.errors import HeadshotError
from headshot.reading.complaint import RAISED, reading
from headshot.reading.documents import parse_json

_BEGIN, _END = b"HSFACES1", b"HSINDEX1"
_TAIL = struct.Struct("<Q8s")


@dataclass(frozen=True)
class Making:
    """How a cache is made; the same for all of its faces.

    Attributes:
        size: side of the crops, pixels.
        landmarks: "headshot", the 478 points of the built-in network, or "fan" or "fan-s3fd", 68.
        mask: whether there are masks.
    """

    size: int
    landmarks: str
    mask: bool


@dataclass(frozen=True, eq=False)
class PreparedFace:
    """A face, ready to learn from.

    Attributes:
        photo: its file below the folder that was prepared, with slashes.
        person: who it is, as far as files tell.
        picture: (S, S, 3) crop as JPEG.
        points: (L, 2) landmarks, pixels of the crop.
        five: (5, 2) eyes, nose tip and corners of the mouth, pixels of the crop.
        affine: (2, 3) pixels of the crop to pixels of the photo.
        mask: (S, S) where the crop shows the bare face, 0 to 255, as PNG; or None.
    """

    photo: str
    person: str
    picture: bytes
    points: F32
    five: Array
    affine: Array
    mask: bytes | None = None

    def pixels(self) -> U8:
        """The crop (S, S, 3), sRGB, as networks get it."""
        return picture_of(self.picture)


def picture_of(content: bytes) -> U8:
    """A crop (S, S, 3) of its file."""
    with Image.open(io.BytesIO(content)) as image:
        return np.array(image.convert("RGB"))


class CacheWriter:
    """Writes a cache, or goes on writing it."""

    def __init__(
        self, file: Path, making: Making, keep: Callable[[str, str], bool] = lambda photo, made: True
    ) -> None:
        """Begin, or go on where an earlier preparation of the same kind ended.

        Args:
            file: of the cache.
            making: how it is made.
            keep: which of the faces that are there stay, by photo and what it was made from, see `add`.

        Raises:
            HeadshotError: what is there was made in another way, or is something else.
        """
        self.file, self.making = file, making
        self._records = file.with_name(file.name + ".part")
        self._index = file.with_name(file.name + ".part.jsonl")
        header = {"size": making.size, "landmarks": making.landmarks, "mask": making.mask}
        if file.exists():
            index, start = _read_index(file)
            _check_header(file, _parsed(file, index)[0], header)
            self._reopen(index, start)
        _check_begin(self._records)
        lines = _complete_lines(self._index) if self._index.is_file() else []
        if lines:
            _check_header(file, lines[0], header)
        have = self._records.stat().st_size if self._records.is_file() else 0
        found = [line for line in lines[1:] if _end_of(line) <= have]
        entries = [line for line in found if keep(line["photo"], line.get("made", ""))]
        end = max([len(_BEGIN), *(_end_of(line) for line in entries)])
        file.parent.mkdir(parents=True, exist_ok=True)
        if have < len(_BEGIN):
            self._records.write_bytes(_BEGIN)
        self._blobs = self._records.open("r+b")
        self._blobs.truncate(end)  # what an interruption cut off
        self._blobs.seek(end)
        text = "".join(json.dumps(line) + "\n" for line in [header, *entries])
        self._index.write_text(text, encoding="utf-8")
        self._clear([line for line in found if line not in entries and _end_of(line) <= end])
        self._lines = self._index.open("a", encoding="utf-8")
        self.known = {line["photo"] for line in entries}
        self.failed = {line["photo"]: line["error"] for line in entries if "error" in line}

    def add(self, face: PreparedFace, made: str) -> None:
        """Append a face; ``made``: what it was made from, compared by ``keep`` next time."""
        points = np.ascontiguousarray(face.points, "<f4")
        line = {
            "photo": face.photo, "made": made, "person": face.person, "offset": self._blobs.tell(),
            "picture": len(face.picture), "points": len(points), "mask": len(face.mask or b""),
            "five": np.round(face.five, 3).tolist(), "affine": np.round(face.affine, 6).tolist(),
        }  # fmt: skip
        self._blobs.write(face.picture + points.tobytes() + (face.mask or b""))
        self._blobs.flush()  # before the line that promises it
        self._note(line)

    def fail(self, photo: str, error: str, made: str) -> None:
        """Note that a photo cannot be used."""
        self.failed[photo] = error
        self._note({"photo": photo, "made": made, "error": error})

    def close(self) -> None:
        """Leave the preparation to be continued."""
        self._blobs.close()
        self._lines.close()

    def finish(self) -> None:
        """Append the index and give the file its name."""
        self._lines.close()
        index = self._index.read_bytes()
        self._blobs.write(index + _TAIL.pack(len(index), _END))
        self._blobs.close()
        self._records.replace(self.file)
        self._index.unlink()

    def _note(self, line: dict[str, Any]) -> None:
        self._lines.write(json.dumps(line) + "\n")
        self._lines.flush()
        self.known.add(line["photo"])

    def _clear(self, lines: Sequence[dict[str, Any]]) -> None:
        """Put zeros where faces were."""
        here = self._blobs.tell()
        for line in lines:
            if "error" not in line:
                self._blobs.seek(line["offset"])
                self._blobs.write(bytes(_end_of(line) - line["offset"]))
        self._blobs.seek(here)

    def _reopen(self, index: bytes, start: int) -> None:
        """Turn a finished file, whose index begins at ``start``, back into parts."""
        self._index.write_bytes(index)
        self.file.replace(self._records)
        with self._records.open("r+b") as handle:
            handle.truncate(start)


class FaceCache:
    """A finished cache.

    Attributes:
        making: how it was made.
        photos, people: N names each.
        five: (N, 5, 2); affine: (N, 2, 3): see `PreparedFace`.
        failed: photo -> why it is not there.
    """

    def __init__(self, file: str | Path) -> None:
        """Read the index.

        Raises:
            HeadshotError: the file is missing, unfinished or something else.
        """
        self.file = Path(file)
        index, start = _read_index(self.file)
        with reading(self.file, "prepared faces", HeadshotError, "prepare the photos again"):
            header, *lines = _parsed(self.file, index)
            self.making = Making(header["size"], header["landmarks"], header["mask"])
            self._entries = sorted((x for x in lines if "error" not in x), key=lambda x: str(x["photo"]))
            self.failed = {x["photo"]: x["error"] for x in lines if "error" in x}
            self.photos = [str(x["photo"]) for x in self._entries]
            self.people = [str(x["person"]) for x in self._entries]
            self.five = np.array([x["five"] for x in self._entries], np.float64).reshape(-1, 5, 2)
            self.affine = np.array([x["affine"] for x in self._entries], np.float64).reshape(-1, 2, 3)
            for entry in self._entries:
                if min(entry["offset"], entry["picture"], entry["points"], entry["mask"]) < 0:
                    raise ValueError(f"{entry['photo']} lies before the file")
                if _end_of(entry) > start:
                    raise ValueError(f"{entry['photo']} lies beyond the end of the file")
        self._memory: np.memmap[Any, np.dtype[np.uint8]] | None = None

    def __len__(self) -> int:
        return len(self._entries)

    def __getstate__(self) -> dict[str, Any]:  # every loading process maps the file itself
        return {**self.__dict__, "_memory": None}

    def picture(self, i: int) -> U8:
        """Crop (S, S, 3) of face i, sRGB."""
        entry = self._entries[i]
        return picture_of(self._bytes(entry["offset"], entry["picture"]))

    def points(self, i: int) -> F32:
        """Landmarks (L, 2) of face i, pixels of the crop."""
        entry = self._entries[i]
        data = self._bytes(entry["offset"] + entry["picture"], 8 * entry["points"])
        return np.frombuffer(data, "<f4").reshape(-1, 2).astype(np.float32)

    def mask(self, i: int) -> U8 | None:
        """Mask (S, S) of face i, 0 to 255, or None."""
        entry = self._entries[i]
        if not entry["mask"]:
            return None
        start = entry["offset"] + entry["picture"] + 8 * entry["points"]
        with Image.open(io.BytesIO(self._bytes(start, entry["mask"]))) as image:
            return np.array(image.convert("L"))

    def _bytes(self, start: int, length: int) -> bytes:
        if self._memory is None:
            self._memory = np.memmap(self.file, np.uint8, "r")
        return self._memory[start : start + length].tobytes()


def _read_index(file: Path) -> tuple[bytes, int]:
    """The index of a finished file, and where it begins."""
    if not file.is_file():
        unfinished = file.with_name(file.name + ".part").is_file()
        raise HeadshotError(
            f"{file} is not finished: run `headshot learn prepare` again, it goes on where it stopped"
            if unfinished
            else f"there is no {file}: make it with `headshot learn prepare DATASET -o {file}`"
        )
    size = file.stat().st_size
    with file.open("rb") as handle:
        begin = handle.read(len(_BEGIN))
        handle.seek(max(size - _TAIL.size, 0))
        tail = handle.read()
        length, end = _TAIL.unpack(tail) if len(tail) == _TAIL.size else (0, b"")
        start = size - _TAIL.size - length
        if begin != _BEGIN or end != _END or start < len(_BEGIN):
            raise HeadshotError(f"{file} was not made by `headshot learn prepare`, or is damaged")
        handle.seek(start)
        return handle.read(length), start


def _parsed(file: Path, index: bytes) -> list[dict[str, Any]]:
    """The lines of the index of a finished file."""
    with reading(file, "prepared faces", HeadshotError, "prepare the photos again"):
        lines = [parse_json(line) for line in index.splitlines()]
        if not lines or not all(isinstance(line, dict) for line in lines):
            raise ValueError("the index is damaged")
        return lines


def _check_begin(records: Path) -> None:
    """Refuse to write over a file of that name that is no beginning of a cache."""
    if records.exists():
        with records.open("rb") as handle:
            begin = handle.read(len(_BEGIN))
        if not _BEGIN.startswith(begin):
            raise HeadshotError(
                f"{records} was not made by `headshot learn prepare`: move it, or name another file"
            )


def _check_header(file: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    if found != wanted:
        raise HeadshotError(f"{file} was begun with {found}, not {wanted}: keep that, or name another file")


def _complete_lines(file: Path) -> list[dict[str, Any]]:
    """The lines of an index, without a last one that was cut off, and without those after a damaged one."""
    lines: list[dict[str, Any]] = []
    for text in file.read_bytes().split(b"\n")[:-1]:
        try:
            line = parse_json(text)
            if lines:
                _end_of(line), line["photo"]
        except RAISED:
            break
        lines.append(line)
    return lines


def _end_of(line: dict[str, Any]) -> int:
    if "error" in line:
        return 0
    return int(line["offset"] + line["picture"] + 8 * line["points"] + line["mask"])
