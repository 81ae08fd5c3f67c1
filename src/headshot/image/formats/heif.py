"""HEIF (HEIC): size and kind of the pictures; read by pi-heif, the extra ``heic``."""

from __future__ import annotations

from typing import Any, BinaryIO, cast

from PIL import Image

from headshot.image.formats.boxes import read_container
from headshot.image.limits import Header, OverLimit

# Cameras write HEVC. Overlays may decode one picture thousands of times.
REFUSED = (b"iovl", b"av01", b"avc1", b"vvc1", b"evc1", b"jpeg", b"j2k1", b"unci")

# Measured at the peak with pi-heif 1.4, beside the photo of 3 bytes a pixel: 3.8 bytes a pixel for 8 bits
# and 4:2:0 (1.5 bytes of samples), 9 with alpha and 4:4:4 (4), 11.5 for 10 bits and 4:4:4 (6).
BYTES_PER_PIXEL = 2.0
COPIES = 2.0


def inspect(file: BinaryIO, length: int) -> Header:
    """The header of a HEIF file. libheif holds decoded pictures to the sizes that the file declares.

    Raises:
        OverLimit: coded by other means than HEVC.
        ValueError: damaged.
    """
    _reader()
    container = read_container(file, length)
    largest, samples, has_alpha = (0, 0), 0.0, False
    for item in container.items.values():
        if item.kind in REFUSED:
            raise OverLimit(f"is a HEIF file of kind {item.kind.decode()}; save it as JPEG")
        largest = max(largest, item.size or (0, 0), key=lambda side: side[0] * side[1])
        for name, content in item.properties:
            if name == b"hvcC" and len(content) >= 19:
                planes = (1.0, 1.5, 2.0, 3.0)[content[16] & 3]
                deep = content[17] & 7 or content[18] & 7
                samples = max(samples, planes * (2 if deep else 1))
            has_alpha = has_alpha or (name == b"auxC" and b"alpha" in content)
    if samples == 0:
        raise ValueError("no picture")
    per_pixel = BYTES_PER_PIXEL + COPIES * (samples + has_alpha)
    return Header("HEIF", *largest, per_pixel, buffers=2.0 * length)


def open_image(file: BinaryIO) -> Image.Image:
    """The picture, not yet decoded."""
    return cast(Image.Image, _reader()(file))


def _reader() -> Any:
    try:
        from pi_heif import HeifImageFile
    except ImportError as error:
        raise OverLimit(
            "is a HEIC photo, which needs one more package: pip install headshot[heic]"
        ) from error
    return HeifImageFile
