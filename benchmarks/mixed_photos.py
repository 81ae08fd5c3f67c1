"""A folder of photos as people have them: of all sizes, most without a face, some with up to six.

    python benchmarks/mixed_photos.py $HEADSHOT_DATA FOLDER --photos 2000 --seed 0

Sides are 40 to 1600 pixels, log-uniform. Of ten photos six show no face (noise with the spectrum of natural
pictures, ramps, papers and windows, leaves made of shuffled pieces of photos), two or three show one (a
portrait of any size, often cropped), and one or two are groups of two to six in front of such a scene. The
same data, number and seed give the same files. `benchmarks/memory.py` runs on them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from rich.progress import track

from headshot.arrays import U8

SMALLEST, LARGEST = 40, 1600
"""Pixels of a side."""
ELONGATED = 2.4
"""Longer over shorter side at most."""
SHARES = {"scene": 0.6, "portrait": 0.26, "group": 0.14}
PATTERNS = (
    "lfw-deepfunneled/*/*.jpg",
    "helen-train/*.jpg",
    "celebamask-train/images/*.jpg",
    "utkface-balanced/*.jpg",
    "cfp-train/*/*.jpg",
)


def portraits(data: Path) -> list[list[Path]]:
    """The photos of the research data (docs/reference/data.md) that are there, by set.

    Raises:
        SystemExit: there are none.
    """
    sets = [sorted(data.glob(pattern)) for pattern in PATTERNS]
    found = [files for files in sets if files]
    if not found:
        raise SystemExit(f"there are no photos in {data}: give the folder of the research data")
    return found


def mixed_photo(number: int, seed: int, sets: list[list[Path]]) -> tuple[Image.Image, str]:
    """A photo and its kind, of `SHARES`; the same for the same arguments."""
    rng = np.random.default_rng((seed, number))
    kind = str(rng.choice(list(SHARES), p=list(SHARES.values())))
    ratio = np.exp(rng.uniform(-1, 1) * np.log(ELONGATED) / 2)
    side = np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST)))
    width, height = np.clip(np.round([side * ratio, side / ratio]), SMALLEST, LARGEST).astype(int).tolist()
    if kind == "portrait":
        return _portrait(rng, sets, width, height), kind
    picture = _scene(rng, sets, width, height)
    if kind == "group":
        _add_people(rng, sets, picture)
    return picture, kind


def _photo(rng: np.random.Generator, sets: list[list[Path]]) -> Image.Image:
    files = sets[int(rng.integers(len(sets)))]
    with Image.open(files[int(rng.integers(len(files)))]) as image:
        return image.convert("RGB")


def _portrait(rng: np.random.Generator, sets: list[list[Path]], width: int, height: int) -> Image.Image:
    """A portrait scaled to cover the picture, and a part of it cut out."""
    image = _photo(rng, sets)
    scale = max(width / image.width, height / image.height) * rng.uniform(1, 1.3)
    size = [max(round(n * scale), m) for n, m in zip(image.size, (width, height), strict=True)]
    image = image.resize((size[0], size[1]), Image.Resampling.BICUBIC)
    left, top = (int(rng.integers(n - m + 1)) for n, m in zip(size, (width, height), strict=True))
    return image.crop((left, top, left + width, top + height))


def _add_people(rng: np.random.Generator, sets: list[list[Path]], picture: Image.Image) -> None:
    """Paste two to six portraits beside each other, in rows."""
    people = int(rng.integers(2, 7))
    columns = int(np.ceil(np.sqrt(people * picture.width / picture.height)))
    columns = min(max(columns, 1), people)
    rows = -(-people // columns)
    cell = min(picture.width // columns, picture.height // rows)
    for k in range(people):
        row, column = divmod(k, columns)
        side = max(int(cell * rng.uniform(0.7, 1)), 8)
        image = _photo(rng, sets)
        image = image.resize((side, side * image.height // image.width), Image.Resampling.BICUBIC)
        picture.paste(image, (column * picture.width // columns, row * picture.height // rows))


def _scene(rng: np.random.Generator, sets: list[list[Path]], width: int, height: int) -> Image.Image:
    """A picture without a face."""
    makers = (_clouds, _ramp, _papers, _pieces)
    maker = makers[int(rng.integers(len(makers)))]
    if maker is _pieces:
        return _pieces(_photo(rng, sets), rng, width, height)
    return maker(rng, width, height)


def _clouds(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Noise with amplitudes 1 / frequency^a as of natural pictures (Field 1987, a about 1), a in [0, 1.6]."""
    frequency = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None])
    frequency[0, 0] = 1 / max(width, height)
    fall = frequency[..., None] ** -rng.uniform(0, 1.6)
    white = np.fft.rfft2(rng.normal(size=(height, width, 3)), axes=(0, 1))
    values = np.fft.irfft2(white * fall, s=(height, width), axes=(0, 1))
    values = values / values.std() * rng.uniform(15, 60) + rng.uniform(70, 180, 3)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _ramp(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """A smooth change from one colour to another, with a camera's noise."""
    y, x = np.mgrid[:height, :width]
    turn = rng.uniform(0, 2 * np.pi)
    place = (x / width * np.cos(turn) + y / height * np.sin(turn))[..., None]
    one, other = rng.uniform(0, 255, (2, 3))
    values = one + (other - one) * (place - place.min()) / np.ptp(place)
    values += rng.normal(0, rng.uniform(0, 6), values.shape)
    return Image.fromarray(np.clip(values, 0, 255).astype(np.uint8))


def _papers(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Rectangles, discs and lines of writing, as on screens and desks."""
    picture = Image.new("RGB", (width, height), _colour(rng))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(rng.integers(5, 120))):
        size = np.exp(rng.uniform(np.log(4), np.log(max(width, height) / 2)))
        x, y = rng.uniform(0, width), rng.uniform(0, height)
        box = (x, y, x + size * rng.uniform(0.3, 1), y + size * rng.uniform(0.3, 1))
        kind = int(rng.integers(3))
        if kind == 2:
            draw.text((x, y), "Lorem ipsum dolor sit amet, consetetur", fill=_colour(rng))
        else:
            (draw.rectangle, draw.ellipse)[kind](box, fill=_colour(rng), outline=_colour(rng))
    return picture


def _pieces(image: Image.Image, rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Leaves: a photo's small squares in any order, each turned; what is left of a face is its texture."""
    side = int(rng.integers(8, 24))
    pixels: U8 = np.asarray(image.resize((240, 240), Image.Resampling.BICUBIC))
    rows, columns = -(-height // side), -(-width // side)
    out = np.empty((rows * side, columns * side, 3), np.uint8)
    corners = rng.integers(0, 240 - side, (rows, columns, 2))
    turns = rng.integers(0, 4, (rows, columns))
    for r in range(rows):
        for c in range(columns):
            y, x = corners[r, c]
            piece = np.rot90(pixels[y : y + side, x : x + side], turns[r, c])
            out[r * side : (r + 1) * side, c * side : (c + 1) * side] = piece
    return Image.fromarray(out[:height, :width])


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    r, g, b = rng.integers(0, 256, 3).tolist()
    return r, g, b


def write_mixed_photos(data: Path, folder: Path, photos: int, seed: int) -> dict[str, int]:
    """Write the photos as JPEGs into a folder and count their kinds."""
    folder.mkdir(parents=True, exist_ok=True)
    sets, kinds = portraits(data), dict.fromkeys(SHARES, 0)
    for number in track(range(photos), description="photos"):
        image, kind = mixed_photo(number, seed, sets)
        image.save(folder / f"{number:05d}-{kind}.jpg", quality=88)
        kinds[kind] += 1
    return kinds


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path, help="folder of the research data (docs/reference/data.md)")
    parser.add_argument("folder", type=Path, help="where to write them")
    parser.add_argument("--photos", type=int, default=2000, help="how many [%(default)s]")
    parser.add_argument("--seed", type=int, default=0, help="[%(default)s]")
    arguments = parser.parse_args()
    print(write_mixed_photos(arguments.data, arguments.folder, arguments.photos, arguments.seed))


if __name__ == "__main__":
    main()
