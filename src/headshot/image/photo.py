"""Reading photos from anywhere and anyone: any usual format becomes upright 8-bit sRGB, or a clear error."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError, features

from headshot.arrays import U8
from headshot.errors import PhotoError
from headshot.image.exif import FULL_FRAME_DIAGONAL, read_exif
from headshot.image.files import readable_name

Source = str | Path | bytes | BinaryIO | Image.Image | NDArray[Any]

MIN_SIDE = 16  # pixels
MAX_ASPECT = 16.0
# JPEG is decoded at a fraction of its size when it is huge, the other formats must be decoded whole, at four
# bytes a pixel. Both limits keep the reader below about 600 MB.
MAX_JPEG_MEGAPIXELS = 250.0
MAX_OTHER_MEGAPIXELS = 110.0
STRIP_PIXELS = 1 << 18  # pictures are converted in strips of about this many pixels, which stay in the cache

# No format whose reader runs other programs (EPS) or that is not a photo.
FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}

# What PIL's readers raise on damaged files.
UNREADABLE: tuple[type[Exception], ...] = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    EOFError,
    OverflowError,
    MemoryError,
    RuntimeError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)

# EXIF orientation -> how to turn the stored picture upright.
UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class Photo:
    """A photo, ready for use.

    Attributes:
        pixels: (H, W, 3) uint8 sRGB, C-contiguous, upright.
        name: file name, or "photo" when it did not come from a file.
        focal_35mm: 35 mm-equivalent focal length in mm from EXIF; None when unknown.
        reduced: how many times smaller than the file ``pixels`` is, because the file is huge; mostly 1.
    """

    pixels: U8
    name: str = "photo"
    focal_35mm: float | None = None
    reduced: int = 1

    @property
    def height(self) -> int:
        """Rows."""
        return self.pixels.shape[0]

    @property
    def width(self) -> int:
        """Columns."""
        return self.pixels.shape[1]

    def focal_pixels(self) -> float | None:
        """Focal length in pixels; None when EXIF did not tell.

        35 mm-equivalent focal lengths compare diagonals (CIPA DCG-001).
        """
        if self.focal_35mm is None:
            return None
        return self.focal_35mm / FULL_FRAME_DIAGONAL * math.hypot(self.width, self.height)


def read_photo(source: Source, *, max_megapixels: float = 50.0) -> Photo:
    """Read a photo.

    Args:
        source: a path; the bytes of a file; a file opened for reading in binary mode; a PIL image; or an
            array, RGB (H, W, 3), RGBA (H, W, 4) or grey (H, W) or (H, W, 1), of uint8, uint16 (its full
            range), bool, or floating point in [0, 1]. Arrays are taken as upright sRGB; those that are
            8-bit RGB already are not copied. Transparent parts become white, animations their first frame.
        max_megapixels: larger photos are read at 1/2, 1/4 ... of their size.

    Raises:
        PhotoError: not a photo, damaged, too small or too large; the message says what to do.
    """
    if not max_megapixels > 0:
        raise ValueError(f"max_megapixels must be positive, got {max_megapixels}")
    if isinstance(source, np.ndarray):
        return _from_array(source, max_megapixels)
    if isinstance(source, Image.Image):
        return _from_image(source, "photo", max_megapixels, draft=False)
    if isinstance(source, (str, Path)):
        path = Path(source)
        _check_path(path)
        try:
            with path.open("rb") as file:
                return _from_file(file, readable_name(path.name), max_megapixels)
        except OSError as error:
            raise PhotoError(f"{path} cannot be opened: {error.strerror or error}") from error
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _from_file(io.BytesIO(source), "photo", max_megapixels)
    if not callable(getattr(source, "read", None)):
        raise PhotoError(
            "a photo must be a path, bytes, a binary file, a PIL image or a NumPy array, "
            f"got {type(source).__name__}"
        )
    called = getattr(source, "name", None)
    name = readable_name(Path(called).name) if isinstance(called, str) else "photo"
    return _from_file(_seekable(source), name, max_megapixels)


def _check_path(path: Path) -> None:
    try:
        if path.is_dir():
            raise PhotoError(f"{path} is a folder; give the photos in it one by one, such as {path}/*.jpg")
        if not path.exists():
            raise PhotoError(f"{path} does not exist; check the spelling and the folder")
        if not path.is_file():
            raise PhotoError(f"{path} is not a file; give a JPEG, PNG, WebP or HEIC file")
    except (OSError, ValueError) as error:  # names that no file can have
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{str(path)[:200]!r} is not a usable path: {error}") from error


def _seekable(file: BinaryIO) -> BinaryIO:
    """The file itself, or its content when it is a pipe."""
    seekable = getattr(file, "seekable", None)
    if callable(seekable) and seekable():
        return file
    content = file.read()
    if not isinstance(content, bytes):
        raise PhotoError('the file is open in text mode; open it with mode "rb"')
    return io.BytesIO(content)


def _from_file(file: BinaryIO, name: str, max_megapixels: float) -> Photo:
    """Open a file by its content, whatever it is called."""
    file.seek(0)
    head = file.read(32)
    if not isinstance(head, bytes):
        raise PhotoError(f'{name} is open in text mode; open it with mode "rb"')
    if not head:
        raise PhotoError(f"{name} is empty; copy or download it again")
    file.seek(0)
    with ExitStack() as stack:
        # Sizes are checked below, by limits of our own: PIL's warning would only confuse.
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore")
        try:
            if _is_avif(head):
                image = _open_avif(file, name)
            elif head[4:8] == b"ftyp" and head[8:12] in HEIF_BRANDS:
                image = _open_heif(file, name)
            else:
                image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError as error:
            raise PhotoError(
                f"{name} is not a photo that can be read; save it as JPEG, PNG, WebP or HEIC"
            ) from error
        except Image.DecompressionBombError as error:
            raise PhotoError(_too_large(name, "more than 178", MAX_JPEG_MEGAPIXELS)) from error
        except UNREADABLE as error:
            if isinstance(error, PhotoError):
                raise
            raise PhotoError(f"{name} is damaged ({error}); copy or download it again") from error
        stack.enter_context(image)
        return _from_image(image, name, max_megapixels, draft=True)


def _is_avif(head: bytes) -> bool:
    """AVIF files may carry HEIF's general brand first."""
    return head[4:8] == b"ftyp" and b"avif" in head[8:]


def _open_avif(file: BinaryIO, name: str) -> Image.Image:
    if not features.check("avif"):
        raise PhotoError(f"{name} is an AVIF photo, which this Pillow cannot read; save it as JPEG or PNG")
    return Image.open(file, formats=("AVIF",))


def _open_heif(file: BinaryIO, name: str) -> Image.Image:
    try:
        from pi_heif import HeifImageFile
    except ImportError as error:
        raise PhotoError(
            f"{name} is a HEIC photo, which needs one more package: pip install headshot[heic]"
        ) from error
    return cast(Image.Image, HeifImageFile(file))


def _too_large(name: str, megapixels: object, limit: float) -> str:
    return f"{name} has {megapixels} megapixels; at most {limit:.0f} can be read safely, so make it smaller"


def _check_size(width: int, height: int, name: str, limit: float) -> None:
    if min(width, height) < MIN_SIDE:
        raise PhotoError(f"{name} has only {width} x {height} pixels; use a photo of at least 100 x 100")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise PhotoError(f"{name} has {width} x {height} pixels, hardly a photo; crop it around the face")
    if width * height > limit * 1e6:
        raise PhotoError(_too_large(name, f"{width * height / 1e6:.0f}", limit))


def _from_image(image: Image.Image, name: str, max_megapixels: float, *, draft: bool) -> Photo:
    """Decode a picture that PIL has opened. ``draft``: it is ours, so its decoder may be set to reduce."""
    width, height = image.size
    is_jpeg = draft and image.format in ("JPEG", "MPO")
    _check_size(width, height, name, MAX_JPEG_MEGAPIXELS if is_jpeg else MAX_OTHER_MEGAPIXELS)
    factor = _reduction(width * height, max_megapixels)
    if is_jpeg and factor > 1:
        image.draft(None, (width // min(factor, 8), height // min(factor, 8)))
    remaining = factor // max(1, round(width / image.size[0]))
    try:
        image.load()
        # Not before: loading turns TIFFs upright, and their EXIF then says so.
        orientation, focal = read_exif(image)
        pixels = _decoded(image, UPRIGHT.get(orientation), remaining)
    except UNREADABLE as error:
        if isinstance(error, PhotoError):
            raise
        raise PhotoError(f"{name} is damaged ({error}); copy or download it again") from error
    return Photo(pixels, name, focal, factor)


def _reduction(pixels: int, max_megapixels: float) -> int:
    """The smallest power of two that brings a photo below a size."""
    factor = 1
    while pixels > max_megapixels * 1e6 * factor**2:
        factor *= 2
    return factor


def _decoded(image: Image.Image, turn: Image.Transpose | None, factor: int) -> U8:
    """A loaded picture as upright sRGB, ``factor`` times smaller.

    Strip by strip: whole converted, composited, turned copies of a large photo cost more time and memory
    than decoding it.
    """
    width, height = image.width // factor, image.height // factor
    turned = turn is not None and turn in (
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.ROTATE_270,
    )
    out = np.empty((width, height, 3) if turned else (height, width, 3), np.uint8)
    to_rgb = _converter(image)
    rows = max(1, STRIP_PIXELS // (image.width * factor))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = to_rgb(image.crop((0, top * factor, width * factor, bottom * factor)))
        if factor > 1:
            strip = strip.reduce(factor)
        start, stop = top, bottom
        if turn is not None:
            strip = strip.transpose(turn)
            # These put the first row last.
            if turn in (
                Image.Transpose.ROTATE_180,
                Image.Transpose.FLIP_TOP_BOTTOM,
                Image.Transpose.TRANSVERSE,
                Image.Transpose.ROTATE_270,
            ):
                start, stop = height - bottom, height - top
        if turned:
            out[:, start:stop] = np.asarray(strip)
        else:
            out[start:stop] = np.asarray(strip)
    return out


def _converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """The function that makes any part of a picture opaque 8-bit sRGB."""
    mode = image.mode
    if mode.startswith("I"):  # 16 bits, or 32 that hold 16
        return _from_16_bits
    if mode == "F":
        raise PhotoError("the file has floating-point pixels; save it as an ordinary 8-bit photo")
    has_alpha = mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info
    to_srgb = _profile_transform(image, "RGB" if mode not in ("L", "CMYK") else mode)

    def convert(part: Image.Image) -> Image.Image:
        if has_alpha:
            part = part.convert("RGBA")
            white = Image.new("RGBA", part.size, "white")
            part = Image.alpha_composite(white, part)
        if to_srgb is None:
            return part.convert("RGB")
        if part.mode not in ("L", "CMYK"):
            part = part.convert("RGB")
        return cast(Image.Image, ImageCms.applyTransform(part, to_srgb))

    return convert


def _from_16_bits(part: Image.Image) -> Image.Image:
    values = np.clip(np.asarray(part).astype(np.int64), 0, 65535)
    return Image.fromarray(_eight_bits(values)).convert("RGB")


def _eight_bits(values: NDArray[Any]) -> U8:
    """16-bit values rounded to 8 bits: v / 257."""
    return ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)


def _profile_transform(image: Image.Image, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the picture's own colour profile to sRGB; None when it has none, or a useless one."""
    profile = image.info.get("icc_profile")
    if not profile:
        return None
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (ImageCms.getProfileDescription(embedded) or "").lower():
            return None
        return ImageCms.buildTransform(embedded, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None  # damaged, or for another kind of pixels: what the numbers say without it is near enough


def _from_array(array: NDArray[Any], max_megapixels: float) -> Photo:
    """A photo from pixels that somebody else has decoded."""
    shape = array.shape
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4):
        raise PhotoError(f"a photo as an array has shape (H, W), (H, W, 3) or (H, W, 4), got {shape}")
    _check_size(shape[1], shape[0], "the array", float("inf"))
    if array.dtype == np.uint16:
        array = _eight_bits(array)
    elif array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    elif np.issubdtype(array.dtype, np.floating):
        if not (array.min() >= 0 and array.max() <= 1):
            raise PhotoError("a floating-point photo has values in [0, 1]; divide by its white first")
        array = (array * 255 + 0.5).astype(np.uint8)
    elif array.dtype != np.uint8:
        raise PhotoError(f"a photo as an array is uint8, uint16, bool or floating point, got {array.dtype}")
    if array.shape[2] == 4:
        alpha = array[:, :, 3:].astype(np.uint16)
        array = ((array[:, :, :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    pixels = np.require(np.broadcast_to(array, (*shape[:2], 3)), requirements=["C", "W"])
    factor = _reduction(shape[0] * shape[1], max_megapixels)
    if factor > 1:
        from headshot.image.resample import reduced

        pixels = reduced(pixels, factor)
    return Photo(pixels, reduced=factor)
