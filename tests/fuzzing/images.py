"""Damaged photos, and photos that ask for too much: what `headshot.read_photo` is tried with.

`cases(seed)` goes on without end and is the same for the same seed; `extremes()` has the largest pictures
that the limits allow, those just beyond, and files that cost a decoder far more than their size. Each case is
a label and a function that reads it. `headshot.errors.PhotoError` is the only error that may come out.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from PIL import ExifTags, Image, ImageCms, features

from headshot.image.formats.boxes import read_container
from headshot.image.photo import read_photo

Case = tuple[str, Callable[[], object]]
HEIC = Path(__file__).parents[1] / "data" / "astronaut.heic"


def cases(seed: int) -> Iterator[Case]:
    """Damaged files of every format and, one in eight, arrays; without end."""
    for name, content in samples().items():
        yield f"valid {name}", partial(_read, content)
    number = 0
    while True:
        random = Random(f"{seed} {number}")
        if number % 8 == 0:
            label, array = _array(random)
            yield f"{number} {label}", partial(_read, array)
        else:
            name = random.choice(sorted(samples()))
            content, changes = samples()[name], []
            for _ in range(random.choice((1, 1, 2, 5))):
                change = random.choice(CHANGES)
                changes.append(change.__name__)
                content = change(content, random)
            yield f"{number} {name}: {', '.join(changes)}", partial(_read, content)
        number += 1


def _read(source: Any) -> object:
    photo = read_photo(source)
    height, width, colours = photo.pixels.shape
    assert photo.pixels.dtype == np.uint8 and photo.pixels.flags.c_contiguous and colours == 3
    assert min(height, width) >= 16 and height * width <= 50e6, f"a photo of {width} x {height}"
    assert photo.focal_35mm is None or 10 <= photo.focal_35mm <= 800
    return photo


# Valid files, small


@cache
def samples() -> dict[str, bytes]:
    """A file of each kind that is read, with metadata where the format has them."""
    y, x = np.mgrid[:96, :80]
    waves = np.stack([np.sin(x / 9) * np.cos(y / 7), np.sin(y / 11), np.cos((x + y) / 13)], axis=2)
    photo = Image.fromarray((waves * 100 + 128).astype(np.uint8))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    inside = {ExifTags.Base.FocalLengthIn35mmFilm: 50, ExifTags.Base.FocalLength: 8.5}
    exif.get_ifd(ExifTags.IFD.Exif).update(inside)
    more: dict[str, Any] = {
        "exif": exif,
        "icc_profile": ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    }
    deep = Image.fromarray(np.asarray(photo.convert("L")).astype(np.uint16) * 257)
    found = {
        "jpeg": encoded(photo, "JPEG", **more),
        "progressive jpeg": encoded(photo, "JPEG", progressive=True),
        "cmyk jpeg": encoded(photo.convert("CMYK"), "JPEG"),
        "png": encoded(photo, "PNG", **more),
        "transparent png": encoded(photo.convert("RGBA"), "PNG"),
        "palette png": encoded(photo.convert("P"), "PNG", transparency=3),
        "16-bit png": encoded(deep, "PNG"),
        "apng": encoded(photo, "PNG", save_all=True, append_images=[photo.rotate(90)]),
        "webp": encoded(photo, "WEBP", **more),
        "lossless webp": encoded(photo.convert("RGBA"), "WEBP", lossless=True),
        "animated webp": encoded(photo, "WEBP", save_all=True, append_images=[photo.rotate(90)]),
        "tiff": encoded(photo, "TIFF", **more),
        "deflated tiff": encoded(photo, "TIFF", compression="tiff_adobe_deflate", strip_size=2000),
        "lzw tiff": encoded(photo, "TIFF", compression="tiff_lzw"),
        "packbits tiff": encoded(photo.convert("1"), "TIFF", compression="packbits"),
        "jpeg tiff": encoded(photo, "TIFF", compression="jpeg"),
        "16-bit tiff": encoded(deep, "TIFF"),
        "lab tiff": encoded(ImageCms.applyTransform(photo, _to_lab()), "TIFF", compression="tiff_deflate"),
        "bmp": encoded(photo, "BMP"),
        "palette bmp": encoded(photo.convert("P"), "BMP"),
        "gif": encoded(photo, "GIF", comment=b"made for a test"),
        "animated gif": encoded(photo, "GIF", save_all=True, append_images=[photo.rotate(90)]),
    }
    if features.check("avif"):
        found["avif"] = encoded(photo, "AVIF", **more)
    try:
        import pi_heif  # noqa: F401
    except ImportError:
        return found
    return {**found, "heic": HEIC.read_bytes()}


def _to_lab() -> ImageCms.ImageCmsTransform:
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    return ImageCms.buildTransform(srgb, lab, "RGB", "LAB")


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """A picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


# Damage


def _place(content: bytes, random: Random) -> int:
    """Rather near the begin, where headers are."""
    return int(len(content) * random.random() ** random.choice((1, 3, 6)))


def flipped(content: bytes, random: Random) -> bytes:
    """Some bits changed."""
    out = bytearray(content)
    for _ in range(random.choice((1, 3, 20)) if out else 0):
        out[_place(content, random)] ^= 1 << random.randrange(8)
    return bytes(out)


def cut(content: bytes, random: Random) -> bytes:
    """The end missing."""
    return content[: _place(content, random)]


def without(content: bytes, random: Random) -> bytes:
    """Bytes in the middle missing."""
    at = _place(content, random)
    return content[:at] + content[at + random.choice((1, 4, 100)) :]


def repeated(content: bytes, random: Random) -> bytes:
    """A part many times."""
    at, size = _place(content, random), random.choice((1, 12, 200, 3000))
    return content[:at] + content[at : at + size] * random.choice((2, 10, 500)) + content[at + size :]


def numbered(content: bytes, random: Random) -> bytes:
    """A number of a header replaced."""
    at, width = _place(content, random), random.choice((1, 2, 4))
    number = random.choice((0, 1, 15, 16, 255, 10_000, 65_535, 2**24, 2**31 - 1, 2**32 - 1, 10**8))
    order: Any = random.choice(("little", "big"))
    return content[:at] + (number % 256**width).to_bytes(width, order) + content[at + width :]


def spliced(content: bytes, random: Random) -> bytes:
    """A part of another file in the place of one."""
    other = samples()[random.choice(sorted(samples()))]
    start, at, size = _place(other, random), _place(content, random), random.choice((4, 64, 2000))
    return content[:at] + other[start : start + size] + content[at + size :]


def mended(content: bytes, random: Random) -> bytes:
    """For PNGs: a chunk changed, and its checksum made right, so that decoders believe it."""
    if not content.startswith(b"\x89PNG"):
        return numbered(content, random)
    parts = list(_chunks(content))
    if not parts:
        return content
    at = random.randrange(len(parts))
    parts[at] = (parts[at][0], numbered(parts[at][1], random))
    if random.random() < 0.2:
        parts.insert(at, parts[random.randrange(len(parts))])
    return content[:8] + b"".join(chunk(name, data) for name, data in parts)


CHANGES = (flipped, cut, without, repeated, numbered, spliced, mended)


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at + 12 <= len(png):
        size = int.from_bytes(png[at : at + 4], "big")
        yield png[at + 4 : at + 8], png[at + 8 : at + 8 + size]
        at += 12 + size


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def _array(random: Random) -> tuple[str, np.ndarray]:
    """An array as callers might pass it, some of them no photos."""
    kind = random.choice(
        ("u1", "<u2", ">u2", "?", "<f4", ">f8", "<f2", "<i4", "<i8", "u4", "c8", "S3", "O", "M8[s]", "g")
    )
    sides = [random.choice((0, 1, 15, 16, 40, 300)) for _ in range(2)]
    shape = (*sides, *random.choice(((), (1,), (3,), (3,), (4,), (2,), (3, 3))))
    if random.random() < 0.2:
        shape = shape[: random.randrange(3)]
    numbers = np.random.default_rng(random.randrange(2**32))
    values = np.asarray(numbers.random(shape)) * random.choice(
        (1, 1, 255, 4095, 65535, 1e6, -1, np.nan, np.inf)
    )
    with np.errstate(invalid="ignore", over="ignore"):
        try:
            array = np.asarray(values).astype(kind)
        except (TypeError, ValueError):
            array = np.zeros(shape, kind)
    if random.random() < 0.3 and array.ndim > 1:
        array = array[::-1, ::2]
    if random.random() < 0.1 and array.ndim == 3 and array.size:
        array = np.broadcast_to(array[:1, :1], (random.choice((64, 10**5)), 10**5, array.shape[2]))
    return f"array {array.dtype.str} {array.shape}", array


# Too much


def extremes() -> Iterator[Case]:
    """The largest pictures within the limits, those beyond, and files that cost far more than their size."""
    for label, make in EXTREMES.items():
        yield label, partial(_read, make())


def png(width: int, height: int, *, colour: int = 2, depth: int = 8, interlaced: bool = False) -> bytes:
    """A flat PNG, without its pixels ever in memory. ``colour`` is PNG's type: 0 grey, 2 RGB, 6 RGBA."""
    rows = bytes(1 + {0: 1, 2: 3, 3: 1, 6: 4}[colour] * width * depth // 8)
    press = zlib.compressobj(1)
    data = b"".join(press.compress(rows) for _ in range(height * (2 if interlaced else 1))) + press.flush()
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def webp(width: int, height: int, *, groups: int = 1) -> bytes:
    """A flat lossless WebP, of 34 bytes: each of its five codes has one symbol (RFC 9649, 3.7).

    ``groups`` is the number of sets of codes, one for each block of 16 x 16 pixels, of 5 kB each.
    """
    out: list[str] = []  # bits as they come in the stream

    def put(value: int, count: int) -> None:
        out.append(format(value, f"0{count}b")[::-1])

    for value, count in ((0x2F, 8), (width - 1, 14), (height - 1, 14), (0, 1), (0, 3), (0, 1), (0, 1)):
        put(value, count)
    single = "1000"
    put(int(groups > 1), 1)
    if groups > 1:
        put(2, 3)  # blocks of 16 x 16
        put(0, 1)
        for unused in (
            24,
            0,
        ):  # green and red: 256 symbols of 8 bits, and lengths of copies, which do not occur
            put(0, 1)
            put(8, 4)
            for length in (17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8):
                put(int(length in (8, 18)), 3)
            out.append("0" + "0" * 256)
            if unused:
                put(1, 1)
                put(unused - 11, 7)
        out.append(single * 3)
        for block in range(-(-width // 16) * -(-height // 16)):
            index = block % groups
            out.append(format(index & 255, "08b") + format(index >> 8, "08b"))
    out.append(single * 5 * groups)
    bits = "".join(out)
    data = int(bits[::-1], 2).to_bytes((len(bits) + 7) // 8, "little")
    data += bytes(len(data) % 2)
    return b"RIFF" + struct.pack("<I", 12 + len(data)) + b"WEBPVP8L" + struct.pack("<I", len(data)) + data


def tiff(
    width: int,
    height: int,
    *,
    rows: int = 16,
    compression: int = 8,
    kind: int = 2,
    samples: int = 3,
    more: tuple[tuple[int, int, int, int], ...] = (),
) -> bytes:
    """A flat TIFF. ``kind`` is TIFF's photometric interpretation."""
    if compression == 7:
        strip = encoded(Image.new("RGB", (width, rows), (200, 150, 120)), "JPEG", subsampling=0)
    else:
        press = zlib.compressobj(9)
        lines = (press.compress(bytes(width * samples)) for _ in range(rows))
        strip = b"".join(lines) + press.flush() if compression == 8 else bytes(width * samples * rows)
    count = -(-height // rows)
    bits = 8 + len(strip) * count
    offsets = bits + 2 * samples
    sizes = offsets + 4 * count
    entries = sorted([
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, samples, bits if samples > 2 else 8),
        (259, 3, 1, compression), (262, 3, 1, kind), (273, 4, count, offsets if count > 1 else 8),
        (277, 3, 1, samples), (278, 4, 1, rows), (279, 4, count, sizes if count > 1 else len(strip)), *more,
    ])  # fmt: skip
    body = strip * count + struct.pack("<H", 8) * samples
    body += struct.pack(f"<{count}I", *range(8, 8 + len(strip) * count, len(strip)))
    body += struct.pack("<I", len(strip)) * count
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + directory + bytes(4)


def overlapping(content: bytes) -> bytes:
    """A TIFF of `tiff` of more than one strip, each of which is all of the file."""
    at = content.rfind(struct.pack("<HH", 279, 4))
    count, sizes = struct.unpack_from("<II", content, at + 4)
    changed = struct.pack("<I", len(content)) * count
    return content[:sizes] + changed + content[sizes + len(changed) :]


def jpeg(width: int, units: int, *, progressive: bool = False) -> bytes:
    """A flat JPEG 8 pixels a unit high: one row of blocks, again and again between restart markers."""
    row = Image.new("RGB", (width, 8), (200, 150, 120))
    one = encoded(row, "JPEG", subsampling=0, progressive=progressive, restart_marker_rows=1)
    out, at = bytearray(), 0
    while (scan := one.find(b"\xff\xda", at)) >= 0:
        start = scan + 2 + int.from_bytes(one[scan + 2 : scan + 4], "big")
        stop = start
        while one[stop] != 0xFF or one[stop + 1] == 0:
            stop += 1
        out += one[at:start]
        out += b"".join(one[start:stop] + bytes([0xFF, 0xD0 + i % 8]) for i in range(units))[:-2]
        at = stop
    out += one[at:]
    frame = out.find(b"\xff\xc2" if progressive else b"\xff\xc0")
    out[frame + 5 : frame + 7] = struct.pack(">H", 8 * units)
    return bytes(out)


def with_last_scan_repeated(content: bytes, times: int) -> bytes:
    """A progressive JPEG whose last scan comes again."""
    scan = content.rfind(b"\xff\xda")
    return content[:-2] + content[scan:-2] * times + content[-2:]


def exif_bomb(size: int) -> bytes:
    """An EXIF block in which every entry refers to all of it, as rational numbers."""
    count = min((size - 200) // 12, 60_000)
    head = b"II*\0" + struct.pack("<IHHHIII", 8, 1, 34665, 4, 1, 26, 0)
    entries = b"".join(struct.pack("<HHII", 1 + i, 5, (size - 64) // 8, 8) for i in range(count))
    return (head + struct.pack("<H", count) + entries).ljust(size, b"\1")


def profile_bomb(steps: int) -> bytes:
    """A colour profile that takes thousands of steps for a colour, all of them the same bytes."""
    element = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, *np.eye(3).ravel(), 0, 0, 0)
    place = struct.pack(">II", 16 + 8 * steps, len(element))
    tags = {
        b"desc": b"mluc"
        + bytes(4)
        + struct.pack(">II4sII", 1, 12, b"enUS", 4, 28)
        + "ab".encode("utf-16-be"),
        b"D2B0": b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, steps) + place * steps + element,
        b"wtpt": b"XYZ " + bytes(4) + struct.pack(">iii", 63190, 65536, 54061),
    }
    at, table, body = 132 + 12 * len(tags), struct.pack(">I", len(tags)), b""
    for name, content in tags.items():
        table += name + struct.pack(">II", at + len(body), len(content))
        body += content
    head = struct.pack(">I4x4s4s4s4s12x4s28xiii", at + len(body), b"\x04\x30\0\0", b"mntr", b"RGB ", b"XYZ ",
                       b"acsp", 63190, 65536, 54061)  # fmt: skip
    return head.ljust(128, b"\0") + table + body


def segment(marker: int, content: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes([0xFF, marker]) + struct.pack(">H", 2 + len(content)) + content


def after_start(part: bytes, *, of: str) -> bytes:
    """A valid file with a part put in where metadata are."""
    content = samples()[of]
    at = {"jpeg": 2, "gif": 13 + (3 << ((content[10] & 7) + 1))}.get(of, 33)  # PNG: behind the header
    return content[:at] + part + content[at:]


def relabelled(name: str, width: int, height: int) -> bytes:
    """An AVIF or HEIC file that says another size than its pictures have."""
    content, at = bytearray(samples().get(name, b"")), 0
    while (at := content.find(b"ispe", at + 1)) > 0:
        content[at + 8 : at + 16] = struct.pack(">II", width, height)
    return bytes(content)


def with_stream_repeated(content: bytes, times: int) -> bytes:
    """An AVIF or HEIC file whose first item has its stream again and again."""
    first = read_container(io.BytesIO(content), len(content)).items[1]
    ((at, size),) = first.extents
    changed, table = bytearray(content), content.find(b"iloc")
    for old, new in ((at, len(content)), (size, size * times)):
        place = content.find(struct.pack(">I", old), table)
        changed[place : place + 4] = struct.pack(">I", new)
    return bytes(changed) + content[at : at + size] * times


def run_length_bmp(side: int) -> bytes:
    """A BMP in runs of one pixel."""
    data = (b"\1\5" * side + b"\0\0") * side + b"\0\1"
    head = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(data), 0, 0, 1078) + head + bytes(1024) + data


def _repeated_stream(name: str) -> bytes:
    content = samples().get(name)
    return with_stream_repeated(content, 10) if content else b""


EXTREMES: dict[str, Callable[[], Any]] = {
    "png of 125 MP": partial(png, 11_150, 11_150),
    "png of 125 MP with transparency": partial(png, 11_150, 11_150, colour=6),
    "16-bit colour png of 125 MP": partial(png, 11_150, 11_150, depth=16),
    "interlaced png of 100 MP": partial(png, 10_000, 10_000, interlaced=True),
    "grey png of 240 MP": partial(png, 16_000, 15_000, colour=0),
    "png of 240 MP": partial(png, 16_000, 15_000),
    "webp of 24 MP": partial(webp, 4_950, 4_950),
    "webp of 24 MP with 65,536 tables": partial(webp, 4_950, 4_950, groups=65_536),
    "webp of 34 MP": partial(webp, 6_000, 5_700),
    "webp of 108 MP": partial(webp, 16_383, 6_600),
    "tiff of 125 MP": partial(tiff, 11_150, 11_150),
    "tiff of 70 MP in one strip": partial(tiff, 8_350, 8_350, rows=8_350),
    "tiff of 105 MP in one strip": partial(tiff, 10_500, 10_000, rows=10_000),
    "turned tiff of 100 MP": partial(tiff, 10_000, 10_000, more=((274, 3, 1, 6),)),
    "turned tiff of 64 MP": partial(tiff, 8_000, 8_000, more=((274, 3, 1, 6),)),
    "lab tiff of 125 MP": partial(tiff, 11_150, 11_150, kind=8),
    "cmyk tiff of 125 MP": partial(tiff, 11_150, 11_150, kind=5, samples=4),
    "jpeg tiff of 125 MP": partial(tiff, 11_150, 11_150, compression=7),
    "tiff in 10,000 strips": partial(tiff, 4_000, 10_000, rows=1, compression=1, kind=1, samples=1),
    "tiff of 10,000 strips that are all the same": lambda: overlapping(tiff(1_000, 10_000, rows=1)),
    "tiff with a tag of 2,000 MB": partial(tiff, 400, 400, more=((700, 1, 2_000_000_000, 8),)),
    "tiff with 2,000 tags of all bytes": lambda: tiff(
        400, 400, rows=400, compression=1, more=tuple((40_000 + i, 1, 480_000, 8) for i in range(2_000))
    ),
    "jpeg of 200 MP": partial(jpeg, 16_320, 1_530),
    "jpeg of 250 MP": partial(jpeg, 16_000, 1_950),
    "jpeg of 50 MP": partial(jpeg, 7_000, 890),
    "progressive jpeg of 83 MP": partial(jpeg, 9_400, 1_110, progressive=True),
    "progressive jpeg of 200 MP": partial(jpeg, 16_320, 1_530, progressive=True),
    "jpeg with its last scan 400 times": lambda: with_last_scan_repeated(
        jpeg(4_000, 375, progressive=True), 400
    ),
    "small jpeg with its last scan 10,000 times": lambda: with_last_scan_repeated(
        samples()["progressive jpeg"], 10_000
    ),
    "jpeg with 2 million segments": lambda: after_start(segment(0xE5, b"") * 2_000_000, of="jpeg"),
    "jpeg with 10 MB of filling": lambda: after_start(b"\xff" * 10_000_000, of="jpeg"),
    "jpeg with 20 MB of exif": lambda: after_start(
        segment(0xE1, b"Exif\0\0" + bytes(65_000)) * 300, of="jpeg"
    ),
    "jpeg with exif that refers to itself": lambda: after_start(
        segment(0xE1, b"Exif\0\0" + exif_bomb(65_000)), of="jpeg"
    ),
    "png with exif that refers to itself": lambda: after_start(chunk(b"eXIf", exif_bomb(10**6)), of="png"),
    "png with 800,000 empty chunks": lambda: after_start(chunk(b"IDAT", b"") * 800_000, of="png"),
    "png with 800,000 texts": lambda: after_start(chunk(b"tEXt", b"a\0b") * 800_000, of="png"),
    "png with 2,000 texts that inflate to 1 MB": lambda: after_start(
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(900_000))) * 2_000, of="png"
    ),
    "png with a profile that inflates to 100 MB": lambda: after_start(
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(10**8))), of="transparent png"
    ),
    "png with 5,000 profiles that inflate to 1 MB": lambda: after_start(
        chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(1_000_000))) * 5_000, of="png"
    ),
    "png with a profile of 100,000 steps": lambda: encoded(
        Image.new("RGB", (400, 400)), "PNG", icc_profile=profile_bomb(100_000)
    ),
    "gif of 110 MP": lambda: encoded(Image.new("P", (11_000, 10_000)), "GIF"),
    "gif with a comment of 10 MB in blocks of one byte": lambda: after_start(
        b"!\xfe" + b"\1a" * 5_000_000 + b"\0", of="gif"
    ),
    "gif with a comment of 20 MB": lambda: after_start(
        b"!\xfe" + (b"\xff" + bytes(255)) * 80_000 + b"\0", of="gif"
    ),
    "bmp of 16 MP in runs of one": partial(run_length_bmp, 4_000),
    "avif that says 9,000,000 MP": partial(relabelled, "avif", 3 * 10**6, 3 * 10**6),
    "avif smaller than its picture": partial(relabelled, "avif", 20, 20),
    "avif of 10 frames": lambda: _repeated_stream("avif"),
    "heic of 10 pictures": lambda: _repeated_stream("heic"),
    "heic that says 9,000,000 MP": partial(relabelled, "heic", 3 * 10**6, 3 * 10**6),
    "heic smaller than its picture": partial(relabelled, "heic", 20, 20),
    "array of 10,000 MP in three bytes": lambda: np.broadcast_to(np.zeros(3, np.uint8), (10**5, 10**5, 3)),
    "array of 250 MP in three bytes": lambda: np.broadcast_to(np.zeros(3, np.uint8), (15_800, 15_800, 3)),
    "16-bit array of 250 MP": lambda: np.broadcast_to(np.full(3, 9999, ">u2"), (15_800, 15_800, 3)),
    "floating-point array of 250 MP": lambda: np.broadcast_to(np.float64(0.5), (15_800, 15_800, 4)),
}
