"""What a photo may cost: the limits of the photo reader, all in one place, each with where it comes from.

Photos come from strangers, and a few bytes can ask for gigabytes or for minutes. So every file is looked
through before a decoder sees it (`headshot.image.formats`): its size in pixels, and what its decoder will
need for it, are known before memory is taken. Within these limits reading takes at most 600 MB more than the
process has, and 10 s of CPU time (`benchmarks/fuzz.py` looks for files that take more).
"""

from __future__ import annotations

from dataclasses import dataclass

MIN_SIDE = 16  # pixels
MAX_ASPECT = 16.0

# The largest phone cameras have 200 megapixels; JPEGs of them are decoded at a fraction of their size.
MAX_MEGAPIXELS = 250.0

# Photos are made smaller than this by default; it is also what MEMORY is sized for.
WORKING_MEGAPIXELS = 50.0

MIN_MEGAPIXELS = 0.01  # that a caller may ask for: 100 x 100 pixels

# Bytes that decoding may take, the photo that it gives included, by the formats' own counts. Measured
# peaks stay up to 10 % above the counts.
MEMORY = 520e6

# Segments, chunks, blocks, strips or tiles of a file. Pillow handles each in Python, in 3 to 36 microseconds.
# Legitimate files have up to some 10,000 (PNGs in chunks of 8 kB, TIFFs in tiles of 64 x 64).
MAX_PIECES = 50_000

# Bytes of metadata, which Pillow keeps in memory. Layered TIFFs and depth maps of phones have tens of MB.
MAX_METADATA = 64 << 20

# Bytes that an EXIF block may have (cameras: 64 kB) and that its entries may refer to, those that overlap
# counted again: Pillow before version 13 copied all of them, 15 GB for a block of 1 MB.
MAX_EXIF = 1 << 20
MAX_EXIF_VALUES = 8 << 20
MAX_ENTRIES = 65_535  # of a directory of tags, as TIFF can count

# Bytes between the segments of a JPEG that belong to none: Pillow skips them one by one.
MAX_JUNK = 1 << 16

# Passes of a JPEG decoder over blocks of 8 x 8 samples. A progressive photo as libjpeg writes it needs
# 125,000 (4:2:0) to 250,000 (4:4:4) a megapixel. A block takes 0.02 microseconds if a scan says nothing
# about it, 0.1 in usual photos, 0.3 in noise.
MAX_BLOCK_PASSES = 30e6

# Bytes of a colour profile; those of printing presses have up to 4 MB. Larger ones are ignored.
MAX_PROFILE = 8 << 20

# Steps of a profile made of multi-process elements, which may all be the same bytes: 0.3 ms each. Those in
# use have three to five; profiles of cameras have none.
MAX_PROFILE_ELEMENTS = 100

# Bytes that are read from a pipe, which cannot be looked through before. Photos of 200 megapixels have 70 MB.
MAX_PIPE = 100 << 20

# 16-bit pictures without a value above this, 1/16 of the range, are black or hold fewer bits.
DARKEST_16_BIT_WHITE = 4095


class OverLimit(ValueError):
    """A file asks for more than the limits allow, or is of a kind that is not read.

    The text goes on after the file's name: "has ...", "is ...".
    """


@dataclass(frozen=True)
class Header:
    """What a file says about its picture before it is decoded.

    Attributes:
        format: for messages, such as "PNG".
        width, height: of the picture as it is stored, in pixels.
        bytes_per_pixel: what decoder and picture have while the photo is made of the picture.
        peak: what the decoder has before that, if it is more, in bytes a pixel.
        buffers: bytes that decoding takes whatever the scale, such as the coefficients of a progressive JPEG.
        scales: whether the decoder itself can halve the picture, up to three times.
    """

    format: str
    width: int
    height: int
    bytes_per_pixel: float
    peak: float = 0.0
    buffers: float = 0.0
    scales: bool = False

    def memory(self, factor: int) -> float:
        """Bytes at the peak when a photo ``factor`` times smaller is made of the file, 3 bytes a pixel."""
        decoded = self.bytes_per_pixel / (min(factor, 8) ** 2 if self.scales else 1)
        return self.width * self.height * max(self.peak, decoded + 3 / factor**2) + self.buffers


def check_shape(width: int, height: int) -> None:
    """Raise `OverLimit` unless a picture has a size that photos have."""
    if min(width, height) < MIN_SIDE:
        raise OverLimit(f"has only {width} x {height} pixels; use a photo of at least 100 x 100")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise OverLimit(f"has {width} x {height} pixels, hardly a photo; crop it around the face")
    if width * height > MAX_MEGAPIXELS * 1e6:
        raise OverLimit(
            f"has {width * height / 1e6:.0f} megapixels; at most {MAX_MEGAPIXELS:.0f} are read, "
            "so make it smaller"
        )


def reduction(header: Header, max_megapixels: float) -> int:
    """How many times smaller a photo is read: a power of two that keeps size and memory within limits.

    No side becomes shorter than `MIN_SIDE`. Whoever asks for photos larger than `WORKING_MEGAPIXELS` gives
    the memory for them: 7 bytes a pixel.

    Raises:
        OverLimit: decoding needs more memory than `MEMORY`, however small the photo that is made of it.
    """
    allowed = MEMORY + 7e6 * max(0.0, max_megapixels - WORKING_MEGAPIXELS)
    megapixels, factor = header.width * header.height / 1e6, 1
    while min(header.width, header.height) >= 2 * MIN_SIDE * factor and (
        megapixels > max_megapixels * factor**2 or header.memory(factor) > allowed
    ):
        factor *= 2
    needed = header.memory(factor)
    if needed > allowed:
        raise OverLimit(
            f"has {megapixels:.0f} megapixels, for which this kind of {header.format} needs "
            f"{needed / 1e6:.0f} MB of memory; at most {allowed / 1e6:.0f} MB are used, so make it smaller"
            + ("" if header.format == "JPEG" else " or save it as JPEG")
        )
    return factor


def check_pieces(count: int) -> None:
    """Raise `OverLimit` if a file is in more pieces than photos are."""
    if count > MAX_PIECES:
        raise OverLimit(f"is in more than {MAX_PIECES} pieces, hardly a photo; save it again")


def check_metadata(size: int) -> None:
    """Raise `OverLimit` if a file carries more metadata than photos do."""
    if size > MAX_METADATA:
        raise OverLimit(
            f"has more than {MAX_METADATA >> 20} MB of metadata; save it without layers or attachments"
        )
