"""Radiance HDR: both codings, and damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from headshot.arrays import F32, U8
from headshot.errors import PhotoError
from headshot.reading.radiance import read_radiance

HEAD = b"#?RADIANCE\n# made by a test\nFORMAT=32-bit_rle_rgbe\n\n"


def rgbe(picture: F32) -> U8:
    """(H, W, 4) of linear colours (H, W, 3)."""
    most = picture.max(axis=2)
    mantissa, exponent = np.frexp(most)
    scale = np.divide(256 * mantissa, most, out=np.zeros_like(most), where=most > 0)
    out = np.concatenate([picture * scale[:, :, None], (exponent + 128)[:, :, None]], axis=2)
    out[most == 0] = 0
    return out.astype(np.uint8)


def coded(pixels: U8) -> bytes:
    """Run-length coded rows: runs where values repeat, else up to 128 as they are."""
    out = bytearray()
    for row in pixels:
        out += bytes((2, 2, len(row) >> 8, len(row) & 255))
        for channel in row.T:
            at = 0
            while at < len(channel):
                same = 1
                while at + same < len(channel) and same < 127 and channel[at + same] == channel[at]:
                    same += 1
                if same > 2:
                    out += bytes((128 + same, channel[at]))
                    at += same
                else:
                    some = channel[at : at + 128][: max(1, same)]
                    out += bytes((len(some),)) + some.tobytes()
                    at += len(some)
    return bytes(out)


@pytest.fixture
def picture() -> F32:
    rng = np.random.default_rng(0)
    found = (rng.uniform(0, 1, (6, 300, 3)) * 2.0 ** rng.integers(-8, 9, (6, 300, 1))).astype(np.float32)
    found[2, 40:200] = found[2, 40]
    found[4, 7] = 0
    return found


@pytest.mark.parametrize("kind", ["flat", "coded"])
def test_what_is_read(picture: F32, kind: str, tmp_path: Path) -> None:
    pixels = rgbe(picture)
    body = pixels.tobytes() if kind == "flat" else coded(pixels)
    file = tmp_path / "sky.hdr"
    file.write_bytes(HEAD + b"-Y 6 +X 300\n" + body)
    found = read_radiance(file)
    assert found.dtype == np.float32
    largest = picture.max(axis=2, keepdims=True)
    assert (np.abs(found - picture) <= largest / 128).all()
    assert (found[4, 7] == 0).all()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"GIF89a", "does not begin"),
        (HEAD + b"+X 3 -Y 3\n", "no size"),
        (HEAD + b"-Y 900000 +X 900000\n", "are read"),
        (HEAD + b"-Y 9999 +X 1000\n" + bytes(50), "ends before"),
        (HEAD + b"-Y 1 +X 300\n" + bytes((2, 2, 1, 44)) + bytes([255, 1] * 20), "longer"),
        (HEAD + b"-Y 1 +X 300\n" + bytes((2, 2, 1, 44)) + bytes(60), "longer"),
        (HEAD + b"-Y 1 +X 300\n" + bytes((9, 2, 1, 44)) + bytes(60), "coded in a way"),
        (HEAD.replace(b"rgbe", b"xyze") + b"-Y 1 +X 1\n" + bytes(4), "XYZ"),
    ],
)
def test_damaged_files(content: bytes, message: str, tmp_path: Path) -> None:
    file = tmp_path / "sky.hdr"
    file.write_bytes(content)
    with pytest.raises(PhotoError, match=message):
        read_radiance(file)
    with pytest.raises(PhotoError, match="missing"):
        read_radiance(tmp_path / "missing.hdr")
