"""Environment pictures: Radiance's HDR files, and ordinary pictures.

HDR: a text header, a line with the size, and rows of RGBE pixels, flat or run-length coded (Ward, "Real
Pixels", Graphics Gems II, 1991; https://radsite.lbl.gov/radiance/refer/Notes/picture_format.html).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from headshot.arrays import F32, U8
from headshot.errors import PhotoError
from headshot.reading.bounds import MB, read_bytes
from headshot.reading.complaint import reading

LARGEST = 64 * MB
PIXELS = 16_000_000
_SIZE = re.compile(rb"-Y (\d{1,6}) \+X (\d{1,6})\n")


def read_radiance(file: str | Path) -> F32:
    """Linear radiance (H, W, 3) of a Radiance HDR file.

    Raises:
        PhotoError: it is missing, damaged, of another kind, or larger than 16 megapixels.
    """
    with reading(file, "a Radiance HDR picture", PhotoError):
        data = read_bytes(Path(file), LARGEST)
        if not data.startswith((b"#?RADIANCE", b"#?RGBE")):
            raise ValueError("it does not begin with #?RADIANCE")
        end = data.find(b"\n\n", 0, 65_536)
        size = _SIZE.match(data, end + 2) if end >= 0 else None
        if size is None:
            raise ValueError("its header has no size such as -Y 512 +X 1024")
        if b"32-bit_rle_xyze" in data[:end]:
            raise ValueError("its colours are XYZ, and RGB is read")
        height, width = int(size[1]), int(size[2])
        if not 0 < height * width <= PIXELS:
            raise ValueError(f"it has {width} x {height} pixels, and up to {PIXELS:,} are read")
        pixels = _rows(data, size.end(), height, width)
    scale = np.ldexp(np.float32(1), pixels[:, :, 3].astype(np.int32) - 136).astype(np.float32)
    colours = (pixels[:, :, :3].astype(np.float32) + np.float32(0.5)) * scale[:, :, None]
    return np.where(pixels[:, :, 3:] > 0, colours, np.float32(0))


def _rows(data: bytes, at: int, height: int, width: int) -> U8:
    """RGBE (H, W, 4)."""
    if 4 * height * width == len(data) - at:
        return np.frombuffer(data, np.uint8, offset=at).reshape(height, width, 4)
    # A coded row takes at least its head and two bytes for 127 pixels of each channel.
    if (4 + 8 * -(-width // 127)) * height > len(data) - at:
        raise ValueError("it ends before its last row")
    out = np.empty((height, 4, width), np.uint8)
    for row in out:
        if data[at : at + 4] != bytes((2, 2, width >> 8, width & 255)):
            raise ValueError("its rows are coded in a way that is not read")
        at += 4
        for channel in row:
            done = 0
            while done < width:
                count = data[at]
                run = count > 128
                count = count - 128 if run else count
                if not 0 < count <= width - done or at + 1 + (1 if run else count) > len(data):
                    raise ValueError("a row is longer than the picture is wide, or cut off")
                values = np.frombuffer(data, np.uint8, 1 if run else count, at + 1)
                channel[done : done + count] = values
                at, done = at + 1 + len(values), done + count
    return np.ascontiguousarray(out.transpose(0, 2, 1))
