"""AVIF: size and kind of the pictures, by the container and by the AV1 streams themselves (AV1, 5.5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, features

from headshot.image.formats.boxes import read_container
from headshot.image.limits import MAX_EXIF, Header, OverLimit
from headshot.image.tags import check_exif

# Measured at the peak with libavif 1.4 and dav1d, beside the photo of 3 bytes a pixel: 5.9 bytes a pixel for
# 8 bits and 4:2:0 (1.5 bytes of samples), 7.4 for 4:4:4 (3). Samples count twice: film grain makes a copy.
BYTES_PER_PIXEL = 4.5
COPIES = 2.0

# Types of open bitstream units.
SEQUENCE_HEADER, FRAME_HEADER, FRAME = 1, 3, 6
MAX_FRAMES = 8  # of a stream: layers of one picture. dav1d decodes all of them before it gives the first.


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of an AVIF file.

    Raises:
        OverLimit: an animation.
        ValueError: damaged, or streams whose pictures are larger than the file says: the decoder would take
            memory for them all the same.
    """
    container = read_container(file, length)
    if container.tracks:
        raise OverLimit("is an AVIF animation; save one picture of it")
    largest, samples, has_alpha = (0, 0), 0.0, False
    for item in container.items.values():
        if item.kind == b"Exif":
            check_exif(container.content(file, item, min(length, MAX_EXIF))[4:])
        size = item.size
        if size is not None:
            largest = max(largest, size, key=lambda side: side[0] * side[1])
        if item.kind != b"av01":
            continue
        frames = 0
        for unit, content in _units(container.content(file, item, length)):
            frames += unit in (FRAME_HEADER, FRAME)
            if frames > MAX_FRAMES:
                raise OverLimit("is an AVIF of many frames; save one picture of it")
            if unit != SEQUENCE_HEADER:
                continue
            sequence = _sequence_header(content)
            if size is None or sequence.width * sequence.height > size[0] * size[1]:
                raise ValueError("a picture larger than the file says")
            samples = max(samples, sequence.samples)
        has_alpha = has_alpha or any(
            name == b"auxC" and b"alpha" in content for name, content in item.properties
        )
    if samples == 0:
        raise ValueError("no picture")
    per_pixel = BYTES_PER_PIXEL + COPIES * (samples + has_alpha * 2)
    return Header("AVIF", *largest, per_pixel, buffers=float(length))


def open_image(file: BinaryIO) -> Image.Image:
    """The picture, not yet decoded."""
    if not features.check("avif"):
        raise OverLimit("is an AVIF photo, which this Pillow cannot read; save it as JPEG or PNG")
    from PIL.AvifImagePlugin import AvifImageFile

    return AvifImageFile(file)


@dataclass(frozen=True)
class _Sequence:
    """Largest frame of a stream in pixels, and bytes of its samples for each pixel."""

    width: int
    height: int
    samples: float


def _units(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and content of the units of an AV1 stream (5.3)."""
    at = 0
    while at < len(stream):
        kind, extended, sized = stream[at] >> 3 & 15, stream[at] >> 2 & 1, stream[at] >> 1 & 1
        at += 1 + extended
        size = len(stream) - at
        if sized:
            size = 0
            for i in range(8):
                if at >= len(stream):
                    raise ValueError("a stream cut off")
                byte, at = stream[at], at + 1
                size |= (byte & 127) << (7 * i)
                if byte < 128:
                    break
        yield kind, stream[at : at + size]
        at += size


class _Bits:
    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def __call__(self, count: int) -> int:
        value = 0
        for i in range(self._at, self._at + count):
            if i >> 3 >= len(self._data):
                raise ValueError("a stream cut off")
            value = value << 1 | self._data[i >> 3] >> (7 - (i & 7)) & 1
        self._at += count
        return value

    def uvlc(self) -> None:
        zeros = 0
        while not self(1):
            zeros += 1
        self(zeros if zeros < 32 else 0)


def _sequence_header(data: bytes) -> _Sequence:
    """AV1, 5.5.1 and 5.5.2, up to the number of bits and of colours."""
    bits = _Bits(data)
    profile, _, reduced = bits(3), bits(1), bits(1)
    if reduced:
        bits(5)
    else:
        _operating_points(bits)
    wide, high = bits(4) + 1, bits(4) + 1
    width, height = bits(wide) + 1, bits(high) + 1
    if not reduced and bits(1):  # frame ids
        bits(7)
    bits(3)  # superblocks, intra filters and edges
    if not reduced:
        bits(4)
        order_hint = bits(1)
        bits(2 if order_hint else 0)
        # Screen content: chosen by frame, or forced; then the same of whole motion vectors.
        if (bits(1) or bits(1)) and not bits(1):
            bits(1)
        bits(3 if order_hint else 0)
    bits(3)  # super-resolution, CDEF, restoration
    high_bitdepth = bits(1)
    if profile == 2 and high_bitdepth:
        bits(1)
    grey = profile != 1 and bits(1)
    planes = 1.0 if grey else 1.5 if profile == 0 else 3.0
    return _Sequence(width, height, planes * (2 if high_bitdepth else 1))


def _operating_points(bits: _Bits) -> None:
    """The part of 5.5.1 that a reduced header leaves out before the size."""
    delay = 0
    if bits(1):  # timing
        bits(64)
        if bits(1):
            bits.uvlc()
        if bits(1):  # decoder model
            delay = bits(5) + 1
            bits(32 + 5 + 5)
    display_delay = bits(1)
    for _ in range(bits(5) + 1):
        bits(12)
        if bits(5) > 7:
            bits(1)
        if delay and bits(1):
            bits(2 * delay + 1)
        if display_delay and bits(1):
            bits(4)
