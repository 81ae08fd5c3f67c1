"""The mark by which Headshot knows a file as its own, whole and unchanged.

Every file that is written carries a line of text, in a place that its format has for such things: a tEXt
chunk of a PNG, ``extras`` of a GLB, a comment of JPEG, OBJ, MTL, PLY, 3MF, USDZ, HTML and Markdown, the name
of an STL, a field of a JSON. It says what the file was made from (`headshot.export.origin`) and ends with the
SHA-256 of the file itself, in which the digits of that hash (and the checksum of the PNG's chunk) count as
zeros. A file that somebody else made has no mark; one that was edited, cut off or written over has a mark
that no longer fits.
"""

from __future__ import annotations

import json
import re
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

UNKNOWN = "0" * 64
"""In place of a hash: not known, as of heads that are saved from Python."""
SHORT = 16  # digits of the short hashes, 64 bits

_TEXT = (
    "headshot-file/1 made:{made} photos:{photos} place:{place} "
    "head:{head}/{heads} textured:{textured} sha256:"
)
_PATTERN = re.compile(
    rb"headshot-file/1 made:([0-9a-f]{64}) photos:([0-9a-f]{16}) place:([0-9a-f]{16}) "
    rb"head:([0-9]{1,6})/([0-9]{1,6}) textured:([01]) sha256:([0-9a-f]{64})"
)
_DIGITS = 64  # of a SHA-256
_NEAR = 4096  # bytes from either end within which every format has its mark
_PNG = b"\x89PNG\r\n\x1a\n"
_END_CHUNK = 12  # bytes of a PNG's IEND
_CHECKSUM = 4  # bytes after the data of a PNG's chunk


@dataclass(frozen=True)
class Mark:
    """What a file says of itself.

    Attributes:
        made: hash of all that the result was made from (`headshot.export.origin.Origin.made`).
        photos: the first digits of a hash of the content of its photos.
        place: likewise of the path of the photo, or of the folder that holds a person's photos.
        head, heads: number of the head, and of how many in its photo.
        textured: whether files of its texture belong to it.
    """

    made: str = UNKNOWN
    photos: str = UNKNOWN[:SHORT]
    place: str = UNKNOWN[:SHORT]
    head: int = 1
    heads: int = 1
    textured: bool = False

    @property
    def placed(self) -> bool:
        """Whether it says of which photo the file is."""
        return self.place != UNKNOWN[:SHORT]


NOTHING_KNOWN = Mark()
"""That of a file of which is not known what it was made from: Headshot wrote it, no more."""


def marked(name: str, content: bytes, mark: Mark) -> bytes:
    """The content of a file with its mark.

    Args:
        name: of the file; its ending says where the mark goes.
        content: without a mark.
        mark: to write.

    Raises:
        ValueError: an ending that `PLACES` lacks.
    """
    place = PLACES.get(Path(name).suffix.lower())
    if place is None:
        raise ValueError(f"{name}: only files of {', '.join(PLACES)} can carry the mark of Headshot")
    fields = {**mark.__dict__, "textured": int(mark.textured)}
    text = (_TEXT.format(**fields) + UNKNOWN).encode()
    out = bytearray(place(content, text))
    end = out.index(text) + len(text)
    out[end - _DIGITS : end] = _digest(BytesIO(out), end, png=out.startswith(_PNG)).encode()
    if out.startswith(_PNG):
        out[end : end + _CHECKSUM] = _checksum(bytes(out[end - len(text) : end]))
    return bytes(out)


def read_mark(file: Path) -> Mark | None:
    """The mark of a file that is as Headshot wrote it; None of any other, or where there is none.

    Raises:
        OSError: the file cannot be read.
    """
    if not file.is_file():
        return None
    with file.open("rb") as stream:
        png = stream.read(len(_PNG)) == _PNG
        for match, start in _marks(stream):
            made, photos, place, head, heads, textured, digest = match.groups()
            end = start + len(match[0])
            stream.seek(end)
            if png and stream.read(_CHECKSUM) != _checksum(match[0]):
                continue
            if _digest(stream, end, png=png).encode() == digest:
                return Mark(
                    made.decode(), photos.decode(), place.decode(), int(head), int(heads), textured == b"1"
                )
    return None


def carries_mark(file: Path) -> bool:
    """Whether a file has a mark, be it edited since: so have previews and textures, which are no photos."""
    try:
        with file.open("rb") as stream:
            return any(True for _ in _marks(stream))
    except OSError:
        return False


def _marks(stream: BinaryIO) -> Iterator[tuple[re.Match[bytes], int]]:
    """What looks like a mark near either end of a file, and where it starts."""
    size = stream.seek(0, 2)
    for start in dict.fromkeys((0, max(size - _NEAR, 0))):
        stream.seek(start)
        for match in _PATTERN.finditer(stream.read(_NEAR)):
            yield match, start + match.start()


def _digest(stream: BinaryIO, end: int, *, png: bool) -> str:
    """SHA-256 of a file whose mark ends there, with zeros for its digits and a PNG's checksum after them."""
    digest = sha256()
    stream.seek(0)
    left = end - _DIGITS
    while left and (piece := stream.read(min(left, 1 << 20))):
        digest.update(piece)
        left -= len(piece)
    skipped = _DIGITS + (_CHECKSUM if png else 0)
    digest.update(bytes(skipped))
    stream.seek(end - _DIGITS + skipped)
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


_CHUNK = b"tEXtHeadshot\0"  # type and keyword (PNG specification, third edition, section 11.3.3.2)


def _in_png(content: bytes, text: bytes) -> bytes:
    data = _CHUNK + text
    chunk = struct.pack(">I", len(data) - 4) + data + bytes(_CHECKSUM)
    return content[:-_END_CHUNK] + chunk + content[-_END_CHUNK:]


def _checksum(text: bytes) -> bytes:
    """Of the chunk of a mark."""
    return struct.pack(">I", zlib.crc32(_CHUNK + text))


def _in_jpeg(content: bytes, text: bytes) -> bytes:
    """As a comment behind the start of the image (ITU T.81, section B.2.4.5)."""
    return content[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + content[2:]


def _in_glb(content: bytes, text: bytes) -> bytes:
    """As ``extras`` of the whole document (glTF 2.0, sections 3.12 and 4.4)."""
    (length,) = struct.unpack_from("<I", content, 12)
    document = b'{"extras":{"headshot":"%b"},' % text + content[20 : 20 + length].strip()[1:]
    document += b" " * (-len(document) % 4)
    rest = content[20 + length :]
    size = 20 + len(document) + len(rest)
    header = struct.pack("<4sIII4s", b"glTF", 2, size, len(document), b"JSON")
    return header + document + rest


def _in_json(content: bytes, text: bytes) -> bytes:
    start = content.index(b"{") + 1
    return content[:start] + b'\n "mark": ' + json.dumps(text.decode()).encode() + b"," + content[start:]


def _in_first_line(content: bytes, text: bytes) -> bytes:
    """Behind the first line, which in an STL is the name of the solid."""
    at = content.index(b"\n")
    return content[:at] + b" " + text + content[at:]


def _in_zip(content: bytes, text: bytes) -> bytes:
    """As the comment of the whole (APPNOTE.TXT of PKWARE, section 4.3.16)."""
    return content[:-2] + struct.pack("<H", len(text)) + text


def _after_lines(count: int, before: bytes, after: bytes = b"") -> Callable[[bytes, bytes], bytes]:
    """A comment as a line of its own behind so many others."""

    def place(content: bytes, text: bytes) -> bytes:
        at = 0
        for _ in range(count):
            at = content.index(b"\n", at) + 1
        return content[:at] + before + text + after + b"\n" + content[at:]

    return place


def _at_the_end(content: bytes, text: bytes) -> bytes:
    return content.rstrip(b"\n") + b"\n\n<!-- " + text + b" -->\n"


PLACES: dict[str, Callable[[bytes, bytes], bytes]] = {
    ".png": _in_png,
    ".jpg": _in_jpeg,
    ".glb": _in_glb,
    ".vrm": _in_glb,
    ".json": _in_json,
    ".3mf": _in_zip,
    ".usdz": _in_zip,
    ".stl": _in_first_line,
    ".obj": _after_lines(1, b"# "),
    ".mtl": _after_lines(1, b"# "),
    ".ply": _after_lines(2, b"comment "),
    ".html": _after_lines(1, b"<!-- ", b" -->"),
    ".md": _at_the_end,
}
"""By the ending of a file, what puts a mark into its content: a function of content and mark."""
