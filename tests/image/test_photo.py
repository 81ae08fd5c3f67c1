"""Reading photos: everything that cameras, phones and programs write, and what they should not."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, features

from headshot.errors import PhotoError
from headshot.image.photo import Photo, read_photo


@pytest.fixture(scope="module")
def portrait(photos: Path) -> Image.Image:
    with Image.open(photos / "astronaut.jpg") as image:
        return image.convert("RGB").resize((192, 256))


def encoded(image: Image.Image, fmt: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def difference(photo: Photo, image: Image.Image) -> float:
    """Mean absolute difference in grey levels."""
    return float(np.abs(photo.pixels.astype(float) - np.asarray(image.convert("RGB"), float)).mean())


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "BMP", "AVIF"])
def test_formats(portrait: Image.Image, tmp_path: Path, fmt: str) -> None:
    if fmt == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow has no AVIF")
    file = tmp_path / "wrongly-named.txt"
    file.write_bytes(encoded(portrait, fmt, quality=92))
    photo = read_photo(file)
    assert (photo.name, photo.reduced, photo.focal_35mm) == ("wrongly-named.txt", 1, None)
    assert difference(photo, portrait) < 4
    assert (
        photo.pixels.dtype == np.uint8
        and photo.pixels.flags.c_contiguous
        and not photo.pixels.flags.writeable
    )


def test_every_kind_of_source_gives_the_same(photos: Path) -> None:
    path = photos / "grace_hopper.jpg"
    expected = read_photo(path).pixels
    with path.open("rb") as file, Image.open(path) as image:
        sources = [str(path), path.read_bytes(), file, image, expected]
        for source in sources:
            np.testing.assert_array_equal(read_photo(source).pixels, expected)


def test_reads_from_pipes(photos: Path) -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, content: bytes) -> None:
            self.rest = io.BytesIO(content)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return self.rest.readinto(buffer)

    photo = read_photo(Pipe((photos / "grace_hopper.jpg").read_bytes()))  # type: ignore[arg-type]
    np.testing.assert_array_equal(photo.pixels, read_photo(photos / "grace_hopper.jpg").pixels)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("fmt", ["PNG", "TIFF"])
def test_orientation(portrait: Image.Image, orientation: int, fmt: str) -> None:
    """The file stores the picture turned the wrong way and says so; we see it upright, in every strip."""
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    large = portrait.resize((640, 853))  # more than one strip
    stored = large.transpose(undo[orientation]) if orientation > 1 else large
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    photo = read_photo(encoded(stored, fmt, exif=exif))
    np.testing.assert_array_equal(photo.pixels, np.asarray(large))


@pytest.mark.parametrize("bad", [0, 9, 77])
def test_nonsense_orientation_is_ignored(portrait: Image.Image, bad: int) -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = bad
    np.testing.assert_array_equal(read_photo(encoded(portrait, exif=exif)).pixels, np.asarray(portrait))


def with_exif(image: Image.Image, **values: Any) -> Photo:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif).update({ExifTags.Base[name]: value for name, value in values.items()})
    return read_photo(encoded(image, "JPEG", exif=exif))


def test_focal_length(portrait: Image.Image) -> None:
    photo = with_exif(portrait, FocalLengthIn35mmFilm=85)
    assert photo.focal_35mm == 85
    # A full-frame camera: 36 mm across 256 pixels in the format 3:2; here 4:3 with the same diagonal.
    assert photo.focal_pixels() == pytest.approx(85 * 320 / 43.2666, rel=1e-4)
    assert with_exif(portrait).focal_pixels() is None


@pytest.mark.parametrize("focal", [0, 3, 1500, 65535])
def test_implausible_focal_length_is_ignored(portrait: Image.Image, focal: int) -> None:
    assert with_exif(portrait, FocalLengthIn35mmFilm=focal).focal_35mm is None


def test_focal_length_from_the_sensor(portrait: Image.Image) -> None:
    sensor = {"ExifImageWidth": 3840, "ExifImageHeight": 5120, "FocalPlaneResolutionUnit": 2}
    pitch = 5120 / (24.0 / 25.4)  # a sensor of 18 x 24 mm: 30 mm across
    photo = with_exif(
        portrait, FocalLength=50.0, FocalPlaneXResolution=pitch, FocalPlaneYResolution=pitch, **sensor
    )
    assert photo.focal_35mm == pytest.approx(50 * 43.2666 / 30, rel=1e-3)
    assert with_exif(portrait, FocalLength=50.0, FocalPlaneXResolution=3.0, **sensor).focal_35mm is None


def test_focal_length_of_a_cropped_photo_is_unknown(portrait: Image.Image) -> None:
    taken = {"FocalLengthIn35mmFilm": 50, "ExifImageWidth": 6000, "ExifImageHeight": 4000}
    assert with_exif(portrait, **taken).focal_35mm is None
    assert with_exif(portrait.resize((400, 600)), **taken).focal_35mm == 50  # turned and made smaller only


def test_palette_and_grey_and_one_bit(portrait: Image.Image) -> None:
    for mode in ("P", "L", "1"):
        changed = portrait.convert(mode)
        np.testing.assert_array_equal(read_photo(encoded(changed)).pixels, np.asarray(changed.convert("RGB")))


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_becomes_white(portrait: Image.Image, mode: str) -> None:
    image = portrait.convert(mode)
    alpha = np.full((256, 192), 255, np.uint8)
    alpha[:100], alpha[100:150] = 0, 128
    image.putalpha(Image.fromarray(alpha))
    photo = read_photo(encoded(image))
    opaque = np.asarray(portrait.convert(mode[:-1]).convert("RGB")).astype(float)
    assert (photo.pixels[:100] == 255).all()
    np.testing.assert_allclose(photo.pixels[100:150], opaque[100:150] * 128 / 255 + 255 * 127 / 255, atol=1.5)
    np.testing.assert_array_equal(photo.pixels[150:], opaque[150:])


def test_transparent_palette_becomes_white(portrait: Image.Image) -> None:
    image = portrait.convert("P")
    seen = np.asarray(image)
    photo = read_photo(encoded(image, transparency=int(seen[0, 0])))
    assert (photo.pixels[seen == seen[0, 0]] == 255).all()
    other = seen != seen[0, 0]
    np.testing.assert_array_equal(photo.pixels[other], np.asarray(image.convert("RGB"))[other])


def test_sixteen_bits(portrait: Image.Image) -> None:
    grey = np.asarray(portrait.convert("L"))
    deep = grey.astype(np.uint16) * 257
    for fmt in ("PNG", "TIFF"):
        photo = read_photo(encoded(Image.fromarray(deep), fmt))
        np.testing.assert_array_equal(photo.pixels, np.repeat(grey[:, :, None], 3, axis=2))


def test_sixteen_bit_colour_png(portrait: Image.Image) -> None:
    """PIL cannot write these, so the chunks are put together here."""
    rgb = np.asarray(portrait)
    lines = (rgb.astype(">u2") * 257).reshape(256, -1)
    raw = b"".join(b"\0" + line.tobytes() for line in lines)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 192, 256, 16, 2, 0, 0, 0)
    png = (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )
    assert np.abs(read_photo(png).pixels.astype(int) - rgb).max() <= 1


def test_cmyk_jpeg(portrait: Image.Image) -> None:
    """Adobe's CMYK JPEGs store inverted values, and so does PIL: light must stay light."""
    photo = read_photo(encoded(portrait.convert("CMYK"), "JPEG", quality=95))
    assert difference(photo, portrait) < 6


def test_embedded_profile_is_converted(portrait: Image.Image) -> None:
    """The same photo in another colour space, with its profile, looks the same."""
    lab = ImageCms.createProfile("LAB")
    srgb = ImageCms.createProfile("sRGB")
    wide = read_profile_with_swapped_primaries(srgb)
    swapped = Image.fromarray(np.ascontiguousarray(np.asarray(portrait)[:, :, ::-1]))
    photo = read_photo(encoded(swapped, icc_profile=wide))
    assert difference(photo, portrait) < 2
    # A profile that does not fit the pixels, a damaged one, and sRGB itself change nothing.
    for useless in (
        ImageCms.ImageCmsProfile(lab).tobytes(),
        b"damaged",
        ImageCms.ImageCmsProfile(srgb).tobytes(),
    ):
        same = read_photo(encoded(portrait, icc_profile=useless))
        np.testing.assert_array_equal(same.pixels, np.asarray(portrait))


def read_profile_with_swapped_primaries(srgb: Any) -> bytes:
    """sRGB with red and blue exchanged: an unmistakable colour space."""
    profile = bytearray(ImageCms.ImageCmsProfile(srgb).tobytes())
    count = struct.unpack_from(">I", profile, 128)[0]
    entries = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(count)}
    red, blue = entries[b"rXYZ"], entries[b"bXYZ"]
    profile[red + 4 : red + 12], profile[blue + 4 : blue + 12] = (
        bytes(profile[blue + 4 : blue + 12]),
        bytes(profile[red + 4 : red + 12]),
    )
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


def test_animations_give_their_first_frame(portrait: Image.Image) -> None:
    other = Image.new("RGB", portrait.size, "red")
    for fmt in ("GIF", "WEBP", "PNG"):
        photo = read_photo(encoded(portrait, fmt, save_all=True, append_images=[other]))
        assert difference(photo, portrait) < 8


def test_heic_without_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)
    with pytest.raises(PhotoError, match=r"pip install headshot\[heic\]"):
        read_photo(heic)


def test_heic_is_read_upright() -> None:
    """tests/data/astronaut.heic: the head of photos/astronaut.jpg, stored turned, 26 mm (by pillow-heif)."""
    pytest.importorskip("pi_heif")
    photo = read_photo(Path(__file__).parents[1] / "data" / "astronaut.heic")
    with Image.open(Path(__file__).parents[2] / "photos" / "astronaut.jpg") as image:
        expected = image.convert("RGB").crop((130, 20, 322, 276)).resize((96, 128))
    assert (photo.name, photo.focal_35mm) == ("astronaut.heic", 26)
    assert difference(photo, expected) < 8


def test_damaged_heic() -> None:
    pytest.importorskip("pi_heif")
    content = (Path(__file__).parents[1] / "data" / "astronaut.heic").read_bytes()
    for part in (content[:40], content[:500], content[: len(content) // 2]):
        with pytest.raises(PhotoError, match=r"again|not a photo"):
            read_photo(part)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_files_are_refused(portrait: Image.Image, tmp_path: Path, fmt: str, share: float) -> None:
    content = encoded(portrait.resize((600, 800)), fmt)
    with pytest.raises(PhotoError):
        read_photo(content[: int(len(content) * share)])


@pytest.mark.parametrize("seed", range(30))
def test_damaged_files_end_well(photos: Path, seed: int) -> None:
    """Bytes overwritten at random: a photo or a PhotoError, nothing else."""
    rng = np.random.default_rng(seed)
    with Image.open(photos / "grace_hopper.jpg") as image:
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 50
        content = bytearray(encoded(image, ["JPEG", "PNG", "WEBP", "TIFF"][seed % 4], exif=exif))
    for at in rng.integers(0, min(len(content), 600), 12):
        content[at] = rng.integers(0, 256)
    try:
        assert read_photo(bytes(content)).pixels.ndim == 3
    except PhotoError as error:
        assert len(str(error)) > 20


def test_what_is_no_photo(tmp_path: Path) -> None:
    empty, text = tmp_path / "empty.jpg", tmp_path / "text.jpg"
    empty.touch()
    text.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n")
    for source, said in [
        (empty, "is empty"),
        (text, "not a photo"),
        (tmp_path, "is a folder"),
        (tmp_path / "missing.jpg", "does not exist"),
        ("x" * 5000, "path"),
        ("nul\0byte", "path|does not exist"),
        (io.StringIO("text"), 'mode "rb"'),
        (None, "NoneType"),
        (b"", "is empty"),
    ]:
        with pytest.raises(PhotoError, match=said):
            read_photo(source)  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(15, 200), (200, 15), (1, 1), (2000, 100)])
def test_hopeless_sizes(size: tuple[int, int]) -> None:
    with pytest.raises(PhotoError, match="pixels"):
        read_photo(encoded(Image.new("RGB", size)))


def png_header_only(width: int, height: int) -> bytes:
    """A bomb: a few bytes that claim to be an enormous picture."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    crc = struct.pack(">I", zlib.crc32(b"IHDR" + header))
    data = zlib.compress(bytes(1000))
    tail = struct.pack(">I", len(data)) + b"IDAT" + data + struct.pack(">I", zlib.crc32(b"IDAT" + data))
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + header + crc + tail


@pytest.mark.parametrize("side", [12_000, 30_000, 1_000_000])
def test_decompression_bombs_are_refused_before_they_go_off(side: int) -> None:
    with pytest.raises(PhotoError, match="megapixels"):
        read_photo(png_header_only(side, side))


def test_large_jpegs_are_decoded_smaller(portrait: Image.Image) -> None:
    large = portrait.resize((1500, 2000))
    content = encoded(large, "JPEG", quality=90)
    half, eighth = read_photo(content, max_megapixels=1.0), read_photo(content, max_megapixels=0.05)
    assert (half.pixels.shape, half.reduced) == ((1000, 750, 3), 2)
    assert (eighth.pixels.shape, eighth.reduced) == ((250, 187, 3), 8) or eighth.pixels.shape == (250, 188, 3)
    assert difference(half, large.reduce(2)) < 3


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
def test_reduction_beyond_what_jpeg_offers(portrait: Image.Image, fmt: str) -> None:
    large = portrait.resize((1536, 2048))
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    photo = read_photo(
        encoded(large.transpose(Image.Transpose.ROTATE_90), fmt, exif=exif), max_megapixels=0.015
    )
    assert (photo.pixels.shape, photo.reduced) == ((128, 96, 3), 16)
    assert difference(photo, large.reduce(16)) < 4


def test_arrays(portrait: Image.Image) -> None:
    rgb = np.asarray(portrait)
    grey = rgb[:, :, 0]
    half = np.dstack([rgb, np.full(grey.shape, 128, np.uint8)])
    for source, expected in [
        (rgb, rgb),
        (rgb[:, ::-1], rgb[:, ::-1]),
        (grey, np.repeat(grey[:, :, None], 3, 2)),
        (grey[:, :, None], np.repeat(grey[:, :, None], 3, 2)),
        (rgb.astype(np.uint16) * 257, rgb),
        (rgb / 255.0, rgb),
        ((rgb / 255).astype(np.float32), rgb),
        (half, np.rint(rgb * (128 / 255) + 127)),
        (grey > 100, np.repeat((grey > 100)[:, :, None], 3, 2) * 255),
    ]:
        photo = read_photo(source)
        np.testing.assert_allclose(photo.pixels, expected, atol=1)
        assert photo.pixels.flags.c_contiguous and not photo.pixels.flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((50, 50, 2), np.uint8),
        np.zeros(50, np.uint8),
        np.zeros((50, 50, 3), np.int64),
        np.full((50, 50, 3), np.nan),
        np.full((50, 50, 3), 2.0),
        np.full((50, 50, 3), "x"),
        np.zeros((0, 0, 3), np.uint8),
    ],
)
def test_arrays_that_are_no_photos(array: np.ndarray) -> None:
    with pytest.raises(PhotoError):
        read_photo(array)
