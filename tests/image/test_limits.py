"""Photos that ask for too much memory or time, and damaged ones: refused before a decoder sees them."""

from __future__ import annotations

import importlib.util
import io
import os
import struct
import subprocess
import sys
import time
import zlib
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image, features

from headshot.errors import PhotoError
from headshot.image import limits
from headshot.image.colour_profile import transform_to_srgb
from headshot.image.formats import HEAD, JPEG, PNG, format_of, open_one_of
from headshot.image.photo import read_photo


def _fuzzing() -> Any:
    file = Path(__file__).parents[1] / "fuzzing" / "images.py"
    spec = importlib.util.spec_from_file_location("fuzzing_images", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


make = _fuzzing()

# What `make.EXTREMES` has beyond the limits, and what the message says of it.
REFUSED = {
    "webp of 34 MP": "34 megapixels.*memory",
    "webp of 108 MP": "108 megapixels.*memory",
    "tiff of 105 MP in one strip": "memory",
    "turned tiff of 100 MP": "memory",
    "tiff with 2,000 tags of all bytes": "metadata",
    "progressive jpeg of 200 MP": "progressive",
    "jpeg with its last scan 400 times": "progressive",
    "jpeg with 2 million segments": "pieces",
    "jpeg with 10 MB of filling": "damaged",
    "jpeg with 20 MB of exif": "EXIF",
    "jpeg with exif that refers to itself": "metadata",
    "png with 800,000 empty chunks": "pieces",
    "png with 800,000 texts": "pieces",
    "png with 2,000 texts that inflate to 1 MB": "damaged",
    "png with a profile that inflates to 100 MB": "damaged",
    "png with 5,000 profiles that inflate to 1 MB": "several colour profiles",
    "tiff of 10,000 strips that are all the same": "overlap",
    "gif with a comment of 10 MB in blocks of one byte": "pieces",
    "gif with a comment of 20 MB": "pieces",
    "bmp of 16 MP in runs of one": "compressed BMP",
    "array of 10,000 MP in three bytes": "megapixels",
}


def test_damaged_files_end_well() -> None:
    """A photo or a PhotoError of each; `benchmarks/fuzz.py` tries thousands."""
    ends: Counter[str] = Counter()
    for label, read in islice(make.cases(17), 500):
        try:
            read()
            ends["read"] += 1
        except PhotoError as error:
            assert len(str(error)) > 20, label
            ends["refused"] += 1
        except Exception as error:
            raise AssertionError(f"{label}: {error!r}") from error
    assert ends["read"] >= 60 and ends["refused"] >= 200, ends


@pytest.mark.parametrize("label", REFUSED)
def test_too_much_is_refused_at_once(label: str) -> None:
    source, start = make.EXTREMES[label](), time.process_time()
    with pytest.raises(PhotoError, match=REFUSED[label]):
        read_photo(source)
    assert time.process_time() - start < 2


@pytest.mark.parametrize(
    "label",
    [
        "tiff with a tag of 2,000 MB",
        "png with exif that refers to itself",
        "png with a profile of 100,000 steps",
        "small jpeg with its last scan 10,000 times",
        "tiff in 10,000 strips",
    ],
)
def test_what_costs_little_once_it_is_bounded_is_read(label: str) -> None:
    source, start = make.EXTREMES[label](), time.process_time()
    assert read_photo(source).reduced == 1
    assert time.process_time() - start < 5


def test_a_phone_s_200_megapixels_are_read() -> None:
    """At half size by default; at an eighth here, which is as many lines for the decoder but less memory."""
    photo = read_photo(make.jpeg(16_320, 1_530), max_megapixels=5)
    assert (photo.pixels.shape, photo.reduced) == ((1530, 2040, 3), 8)
    assert np.abs(photo.pixels[::100, ::100].astype(int) - (200, 150, 120)).max() <= 4


def test_every_kind_of_file_is_known_before_it_is_decoded() -> None:
    for name, content in make.samples().items():
        kind = format_of(content[:HEAD])
        assert kind is not None, name
        header = kind.inspect(io.BytesIO(content))
        with kind.open_image(io.BytesIO(content)) as image:
            assert header.width * header.height == image.width * image.height, name
        assert 1 <= header.bytes_per_pixel <= 16, name


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
@pytest.mark.parametrize(
    ("mode", "options", "samples"),
    [
        ("RGB", {"subsampling": "4:2:0"}, 1.5),
        ("RGB", {"subsampling": "4:4:4"}, 3.0),
        ("L", {"subsampling": "4:0:0"}, 1.0),
        ("RGBA", {"subsampling": "4:2:0"}, 1.5 + 2),
    ],
)
def test_samples_of_avif_are_counted(mode: str, options: dict[str, Any], samples: float) -> None:
    from headshot.image.formats import avif

    content = make.encoded(Image.new(mode, (80, 60), "red" if mode == "RGB" else 100), "AVIF", **options)
    header = avif.inspect(io.BytesIO(content), len(content))
    assert (header.width, header.height) == (80, 60)
    assert header.bytes_per_pixel == avif.BYTES_PER_PIXEL + avif.COPIES * samples


@pytest.mark.parametrize("name", ["avif", "heic"])
def test_pictures_larger_than_their_file_says_are_refused(name: str) -> None:
    if name not in make.samples():
        pytest.skip(f"no reader of {name}")
    with pytest.raises(PhotoError, match=r"larger than the file says|Security limit"):
        read_photo(make.relabelled(name, 20, 20))


@pytest.mark.skipif(not features.check("avif"), reason="this Pillow has no AVIF")
def test_many_frames_in_an_avif_are_refused() -> None:
    """All of them would be decoded before the first is given."""
    with pytest.raises(PhotoError, match="many frames"):
        read_photo(make.with_stream_repeated(make.samples()["avif"], 10))


def test_size_and_memory_decide_how_much_smaller_a_photo_is_read() -> None:
    phone = limits.Header("JPEG", 16_320, 12_240, 4.0, scales=True)
    assert [limits.reduction(phone, most) for most in (50, 10, 200)] == [2, 8, 1]
    # The coefficients of a progressive JPEG leave less for the photo.
    progressive = limits.Header("JPEG", 8000, 6000, 4.0, buffers=6 * 48e6, scales=True)
    assert limits.reduction(progressive, 50) == 2
    assert limits.reduction(progressive, 100) == 1
    with pytest.raises(limits.OverLimit, match=r"60 megapixels.* WebP needs 960 MB .*at most 520 MB"):
        limits.reduction(limits.Header("WebP", 10_000, 6000, 12.0, 16.0), 50)


MEASURE = """
import sys
from headshot.image.photo import read_photo

def status(key):
    return 1024 * next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(key))

for name in sys.argv[1:] * 2:  # the first round loads what is loaded once
    open("/proc/self/clear_refs", "w").write("5")  # the peak from here on
    before = status("VmRSS")
    read_photo(name)
    print(status("VmHWM") - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_stays_within_what_was_counted(tmp_path: Path) -> None:
    files = {
        "webp": make.webp(3000, 2000),
        "png": make.png(3000, 2000),
        "turned tiff": make.tiff(3000, 2000, more=((274, 3, 1, 6),)),
        "tiff in one strip": make.tiff(3000, 2000, rows=2000),
        "jpeg": make.jpeg(3000, 250),
        "progressive jpeg": make.jpeg(3000, 250, progressive=True),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    run = [sys.executable, "-c", MEASURE, *(str(tmp_path / name) for name in files)]
    settings = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}  # what is freed is given back at once
    taken = subprocess.run(run, stdout=subprocess.PIPE, text=True, check=True, env=settings).stdout.split()
    for name, peak in zip(files, taken[len(files) :], strict=True):
        found = format_of(files[name][:HEAD])
        assert found is not None
        counted = found.inspect(io.BytesIO(files[name])).memory(1)
        assert 0.5 * counted < int(peak) < 1.1 * counted + 5e6, name


def test_only_listed_formats_are_decoded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """EPS runs Ghostscript as soon as it is decoded."""

    def never(*args: object, **options: object) -> None:
        raise AssertionError("Ghostscript was called")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", never)
    eps = tmp_path / "photo.jpg"
    Image.new("RGB", (64, 64), "red").save(eps, "EPS")
    with pytest.raises(PhotoError, match="not a photo that can be read"):
        read_photo(eps)
    with Image.open(eps) as image, pytest.raises(PhotoError, match=r"EPS file.*convert"):
        read_photo(image)
    ppm = io.BytesIO(make.encoded(Image.new("RGB", (64, 64), "red"), "PPM"))
    with Image.open(ppm) as image:
        with pytest.raises(PhotoError, match="PPM file"):
            read_photo(image)
        assert (read_photo(image.convert("RGB")).pixels == (255, 0, 0)).all()


def test_opened_but_not_decoded_images_keep_to_the_limits() -> None:
    scans = make.with_last_scan_repeated(make.jpeg(4_000, 375, progressive=True), 400)
    with Image.open(io.BytesIO(scans)) as image, pytest.raises(PhotoError, match="progressive"):
        read_photo(image)
    for name, content in make.samples().items():
        if name == "heic":
            continue
        with Image.open(io.BytesIO(content)) as image:
            np.testing.assert_array_equal(read_photo(image).pixels, read_photo(content).pixels, name)
            np.testing.assert_array_equal(read_photo(image).pixels, read_photo(content).pixels, name)


def test_pictures_in_other_files_keep_to_the_limits() -> None:
    """Textures of saved heads, for one."""
    with open_one_of((PNG, JPEG), make.samples()["png"]) as image:
        assert image.size == (80, 96)
    scans = make.with_last_scan_repeated(make.jpeg(4_000, 375, progressive=True), 400)
    for content, said in [
        (scans, "scans"),
        (make.samples()["gif"], "no picture of PNG or JPEG"),
        (b"", "no"),
    ]:
        with pytest.raises(ValueError, match=said):
            open_one_of((PNG, JPEG), content)


def test_compressions_that_photos_do_not_have() -> None:
    deflated = make.tiff(64, 64)
    for compression in (4, 6, 34925, 50000):
        entry = struct.pack("<HHII", 259, 3, 1, 8)
        changed = deflated.replace(entry, struct.pack("<HHII", 259, 3, 1, compression))
        with pytest.raises(PhotoError, match=f"compression {compression}"):
            read_photo(changed)


def test_progressive_jpegs_in_tiffs_are_refused() -> None:
    """libtiff would decode a hundred scans of each strip."""
    baseline = make.tiff(64, 64, compression=7)
    assert read_photo(baseline).pixels.shape == (64, 64, 3)
    start = baseline.find(b"\xff\xc0")
    with pytest.raises(PhotoError, match="several scans"):
        read_photo(baseline[: start + 1] + b"\xc2" + baseline[start + 2 :])


@pytest.mark.parametrize("marker", [0xC3, 0xC9, 0xCA])
def test_lossless_and_arithmetic_jpegs_are_refused(marker: int) -> None:
    content = make.samples()["jpeg"].replace(b"\xff\xc0", bytes([0xFF, marker]), 1)
    with pytest.raises(PhotoError, match="lossless or arithmetic"):
        read_photo(content)


def test_profiles_of_many_steps_are_left_out() -> None:
    image = Image.new("RGB", (64, 64))
    image.info["icc_profile"] = make.profile_bomb(3)
    assert transform_to_srgb(image, "RGB") is not None
    image.info["icc_profile"] = make.profile_bomb(limits.MAX_PROFILE_ELEMENTS + 1)
    assert transform_to_srgb(image, "RGB") is None


def test_endless_pipes_are_refused() -> None:
    class Endless(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            return len(buffer)

    with pytest.raises(PhotoError, match="100 MB"):
        read_photo(io.BufferedReader(Endless()))  # type: ignore[arg-type]


@pytest.mark.parametrize("megapixels", [0, -1, 1e-9, 0.009, float("nan")])
def test_photos_of_no_size_cannot_be_asked_for(megapixels: float) -> None:
    with pytest.raises(ValueError, match=r"at least 0\.01"):
        read_photo(np.zeros((64, 64, 3), np.uint8), max_megapixels=megapixels)


def test_no_side_becomes_shorter_than_photos_may_be() -> None:
    strip = np.zeros((40, 600, 3), np.uint8)
    photo = read_photo(strip, max_megapixels=0.01)
    assert (photo.pixels.shape, photo.reduced) == ((20, 300, 3), 2)
    assert read_photo(make.png(600, 40), max_megapixels=0.01).pixels.shape == (20, 300, 3)


def test_arrays_in_three_bytes_are_not_copied_as_a_whole() -> None:
    for value, kind in [(40_000, ">u2"), (0.5, "<f8"), (200, "u1"), (True, "?")]:
        array = np.broadcast_to(np.full(3, value, kind), (2400, 2400, 3))
        photo = read_photo(array, max_megapixels=0.1)
        assert photo.pixels.shape == (300, 300, 3) and photo.reduced == 8
        assert len(np.unique(photo.pixels)) == 1


@pytest.mark.parametrize("order", ["<", ">"])
def test_either_byte_order(order: str) -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    expected = np.repeat(grey[:, :, None], 3, axis=2)
    for values in (grey.astype(f"{order}u2") * 257, (grey / 255).astype(f"{order}f4")):
        np.testing.assert_array_equal(read_photo(values).pixels, expected)
    mode = "I;16" if order == "<" else "I;16B"
    image = Image.frombytes(mode, (16, 16), (grey.astype(f"{order}u2") * np.uint16(257)).tobytes())
    np.testing.assert_array_equal(read_photo(image).pixels, expected)


def test_fewer_bits_in_wider_numbers_are_not_guessed_at() -> None:
    """8, 10 or 12 bits in 16 look like a black photo; which of these it is, is not recorded."""
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    for top in (255, 1023, 4095):
        values = (grey.astype(np.uint32) * top // 255).astype(np.uint16)
        with pytest.raises(PhotoError, match=f"no value above {top} of 65535"):
            read_photo(values)
    eight = Image.fromarray(grey)
    for image in (eight.convert("I"), eight.convert("I;16")):
        with pytest.raises(PhotoError, match="no value above 255 of 65535"):
            read_photo(image)
    with pytest.raises(PhotoError, match="no value above 255"):
        read_photo(make.encoded(Image.fromarray(grey.astype(np.uint16)), "PNG"))
    with pytest.raises(PhotoError, match=r"-5 to 70000"):
        read_photo(Image.fromarray(np.linspace(-5, 70_000, 256).astype(np.int32).reshape(16, 16)))


def test_orientation_in_xmp_counts_if_exif_has_none() -> None:
    photo = Image.fromarray(np.arange(20 * 30, dtype=np.uint8).reshape(20, 30))
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    text = make.chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp)
    png = make.encoded(photo, "PNG")
    assert read_photo(png[:33] + text + png[33:]).pixels.shape == (30, 20, 3)
    exif = Image.Exif()
    exif[274] = 1
    png = make.encoded(photo, "PNG", exif=exif)
    assert read_photo(png[:33] + text + png[33:]).pixels.shape == (20, 30, 3)


def test_exif_in_the_text_of_a_png() -> None:
    exif = Image.Exif()
    exif[274] = 6
    block = b"Exif\0\0" + exif.tobytes().removeprefix(b"Exif\0\0")
    text = b"\nexif\n%8d\n%s\n" % (len(block), block.hex().encode())
    chunk = make.chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(text))
    png = make.encoded(Image.new("L", (30, 20)), "PNG")
    assert read_photo(png[:33] + chunk + png[33:]).pixels.shape == (30, 20, 3)
