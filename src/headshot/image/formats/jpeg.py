"""JPEG: size, scans and what decoding them takes, from the markers (ITU T.81, annex B)."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image

from headshot.image.limits import (
    MAX_BLOCK_PASSES,
    MAX_EXIF,
    MAX_JUNK,
    Header,
    OverLimit,
    check_metadata,
    check_pieces,
)
from headshot.image.tags import check_exif

SOI, EOI, SOS, APP1 = 0xD8, 0xD9, 0xDA, 0xE1
RESTARTS = range(0xD0, 0xD8)
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; Huffman codes
OTHER_FRAMES = (
    0xC3,
    0xC5,
    0xC6,
    0xC7,
    0xC9,
    0xCA,
    0xCB,
    0xCD,
    0xCE,
    0xCF,
)  # lossless, hierarchical, arithmetic
PROGRESSIVE = 0xC2

# In a scan's data, what is neither a stuffed byte nor a restart.
MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")
BLOCK = 1 << 20


@dataclass(frozen=True)
class Frame:
    """A picture in a JPEG stream.

    Attributes:
        width, height: in pixels.
        blocks: component id -> number of its blocks of 8 x 8 samples.
        coefficients: bytes of all coefficients if the decoder must keep them, because the picture comes in
            several scans; otherwise 0.
        exif: the EXIF block, b"" if there is none.
    """

    width: int
    height: int
    blocks: dict[int, int]
    coefficients: int
    exif: bytes


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of a JPEG file.

    Raises:
        OverLimit: lossless or arithmetic JPEG, too many scans, too much metadata.
        ValueError: damaged.
    """
    frame = read_frame(file, 0, length)
    check_exif(frame.exif)
    return Header("JPEG", frame.width, frame.height, 4.0, buffers=frame.coefficients, scales=True)


def open_image(file: BinaryIO) -> Image.Image:
    """The picture, not yet decoded. Of several in one file (MPO), the first."""
    from PIL.JpegImagePlugin import JpegImageFile

    return JpegImageFile(file)


def read_frame(file: BinaryIO, start: int, stop: int) -> Frame:
    """Follow the segments between two offsets of a file to the end of the picture.

    Raises:
        OverLimit, ValueError: see `inspect`.
    """
    metadata = passes = 0
    exif: list[bytes] = []
    frame: Frame | None = None
    progressive = False
    for pieces, (marker, at, size) in enumerate(_segments(file, start + 2, stop)):
        check_pieces(pieces)
        if marker in OTHER_FRAMES:
            raise OverLimit(
                "is a lossless or arithmetic JPEG, which no camera writes; save it as an ordinary one"
            )
        if marker in FRAMES:
            if frame is not None:
                raise ValueError("two frames")
            file.seek(at)
            frame = _frame(file.read(size))
            progressive = marker == PROGRESSIVE
        elif marker == SOS:
            if frame is None:
                raise ValueError("a scan before the frame")
            file.seek(at)
            components = _scan_components(file.read(size))
            if not progressive and passes == 0 and len(components) >= len(frame.blocks):
                return Frame(frame.width, frame.height, frame.blocks, 0, b"".join(exif))
            passes += sum(frame.blocks.get(c, 0) for c in components)
            if passes > MAX_BLOCK_PASSES:
                raise OverLimit(
                    "is a progressive JPEG whose scans take too long for its size; save it as an ordinary one"
                )
        else:
            metadata += size
            check_metadata(metadata)
            if marker == APP1:
                file.seek(at)
                if file.read(6) == b"Exif\0\0":
                    exif.append(file.read(size - 6))
                    if sum(map(len, exif)) > MAX_EXIF:
                        raise OverLimit("has more EXIF data than cameras write; save it again")
    if frame is None:
        raise ValueError("no picture")
    return Frame(frame.width, frame.height, frame.blocks, sum(frame.blocks.values()) * 128, b"".join(exif))


def _segments(file: BinaryIO, at: int, stop: int) -> Iterator[tuple[int, int, int]]:
    """Marker, offset and size of the content of each segment; the data of scans are passed over."""
    junk, in_scan = 0, False
    while at < stop:
        if in_scan:
            found = _next_marker(file, at, stop)
            if found is None:
                return
            at = found
        file.seek(at)
        head = file.read(4)
        if len(head) < 2:
            return
        if head[0] != 0xFF or head[1] in (0, 0xFF):
            junk, at = junk + 1, at + 1
            if junk > MAX_JUNK:
                raise ValueError("bytes between the segments")
            continue
        marker = head[1]
        if marker == EOI:
            return
        if marker in (SOI, 1) or marker in RESTARTS:
            junk, at = junk + 1, at + 2
            if junk > MAX_JUNK:
                raise ValueError("bytes between the segments")
            continue
        if len(head) < 4:
            return
        size = struct.unpack(">H", head[2:])[0] - 2
        if size < 0 or marker < 0xC0:
            raise ValueError("a segment without a length")
        yield marker, at + 4, size
        at += 4 + size
        in_scan = in_scan or marker == SOS


def _next_marker(file: BinaryIO, at: int, stop: int) -> int | None:
    while at < stop:
        file.seek(at)
        block = file.read(min(BLOCK, stop - at))
        found = MARKER.search(block)
        if found is not None:
            return at + found.start()
        if len(block) < 2:
            return None
        at += len(block) - 1  # a marker may lie across two blocks
    return None


def _frame(content: bytes) -> Frame:
    """T.81, B.2.2; blocks as libjpeg allocates them, filled up to whole units (A.2.4)."""
    if len(content) < 6 or len(content) < 6 + 3 * content[5]:
        raise ValueError("a frame cut off")
    height, width, count = struct.unpack_from(">HHB", content, 1)
    parts = [(content[6 + 3 * i], content[7 + 3 * i] >> 4, content[7 + 3 * i] & 15) for i in range(count)]
    if content[0] != 8 or width == 0 or height == 0 or not parts or not all(h and v for _, h, v in parts):
        raise ValueError(f"a frame of {width} x {height} pixels, {content[0]} bits and {count} components")
    h_most, v_most = max(h for _, h, _ in parts), max(v for _, _, v in parts)
    units = -(-width // (8 * h_most)) * -(-height // (8 * v_most))
    return Frame(width, height, {name: units * h * v for name, h, v in parts}, 0, b"")


def _scan_components(content: bytes) -> list[int]:
    """T.81, B.2.3."""
    count = content[0] if content else 0
    if not 1 <= count <= 4 or len(content) < 1 + 2 * count:
        raise ValueError("a scan without components")
    return [content[1 + 2 * i] for i in range(count)]
