"""Filling a store of training crops (`headshot.learn.data.training_crops`), one source at a time.

Work is done and written in pieces. A hidden file beside each piece, written last, says what it was made from;
a command that is given again makes only those that are not whole or of something else.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import numpy as np

from headshot.datasets.split import SHARES
from headshot.errors import HeadshotError
from headshot.export.origin import PhotoFile
from headshot.learn.data.photos import Wanted, learn_photo, marked_photos
from headshot.learn.data.portraits import read_portraits, save_portraits
from headshot.learn.data.training_crops import EMBEDDING, EMBEDDINGS, open_pixels, save_training_crops
from headshot.models.topologies.ibug68 import five_points
from headshot.perception.recognition import Recogniser
from headshot.reading.arrays import open_arrays
from headshot.reading.complaint import reading
from headshot.version import __version__

Say = Callable[[str], None]

PIECE = 250  # photos that are written together
PHOTOS_OF_ONE, MORE_OF_ONE = 2, 4  # of a person, at first and at most
PORTRAITS = "portraits"  # folder below the store
MADE = ("synthetic", "turned")  # names of crops that are no photos


@dataclass(frozen=True)
class Choice:
    """Which photos of a folder.

    Attributes:
        first, limit: from this one to before that one, in an order drawn at random; of LFW, two photos of
            each person who has several, then two more, then all other people.
        colours: fit them to their colours, too, which takes three times as long; without, light and albedo
            stay unknown, and no portraits are made.
        seed: of the order.
    """

    first: int = 0
    limit: int = 1000
    colours: bool = True
    seed: int = 0


def fill_photos(store: Path, folder: Path, data: str, choice: Choice, *, say: Say = print) -> None:
    """Photos labelled by the fit, and portraits of those that are good enough.

    Args:
        store: to fill.
        folder: of the photos.
        data: which data set it is, a key of `SHARES`.
        choice: of the photos.
        say: called with a line for each piece.
    """
    if data not in SHARES:
        raise HeadshotError(f"the data set must be one of {', '.join(SHARES)}, not {data!r}")
    files = _ordered(folder, data, np.random.default_rng([choice.seed, zlib.crc32(data.encode())]))
    files = files[: choice.limit]
    (store / PORTRAITS).mkdir(parents=True, exist_ok=True)
    for first in range(choice.first, len(files), PIECE):
        name, chosen = f"{data}-{first:05d}", files[first : first + PIECE]
        photos = [(file.relative_to(folder).as_posix(), PhotoFile.of(file)) for file in chosen]
        piece = _Piece(store, name, [data, choice.colours, choice.seed, photos])
        if piece.done():
            continue
        random = np.random.default_rng([choice.seed, first])
        wanted = Wanted(choice.colours, choice.colours and data != "lfw")
        found = [learn_photo(f, data, random, wanted) for f in chosen]
        piece.begin()
        learned = [f for f in found if f is not None]
        portraits = [f.portrait for f in learned if f.portrait is not None]
        (store / PORTRAITS / f"{name}.npz").unlink(missing_ok=True)  # of other photos
        if portraits:
            save_portraits(store / PORTRAITS / f"{name}.npz", portraits)
        save_training_crops(
            store, name, [f.row for f in learned] + [f.empty for f in learned if f.empty is not None]
        )
        piece.finish()
        say(f"{name}: {len(learned)} of {len(found)} photos, {len(portraits)} portraits")


class _Piece:
    """Whether a piece is there, and made from the same."""

    def __init__(self, folder: Path, name: str, depends: Sequence[object]) -> None:
        self.marker = folder / f".{name}.made"
        self.made = sha256(repr((__version__, *depends)).encode()).hexdigest()

    def done(self) -> bool:
        """Whether it need not be made."""
        return self.marker.is_file() and self.marker.read_bytes() == self.made.encode()

    def begin(self) -> None:
        """Its files are about to change."""
        self.marker.unlink(missing_ok=True)

    def finish(self) -> None:
        """Its files are whole."""
        self.marker.write_bytes(self.made.encode())


def _ordered(folder: Path, data: str, random: np.random.Generator) -> list[Path]:
    files = sorted(folder.rglob("*.jpg"))
    if not files:
        raise HeadshotError(f"no .jpg photos below {folder}")
    if data == "cfp":  # the fit turns some of the profiles by less than they are
        files = [file for file in files if file.stem.startswith("frontal")]
    if data != "lfw":
        return [files[k] for k in random.permutation(len(files))]
    people: dict[str, list[Path]] = {}
    for file in files:
        people.setdefault(file.parent.name, []).append(file)
    several = [name for name, own in people.items() if len(own) > 1]
    order = [several[k] for k in random.permutation(len(several))]
    alone = [file for name, own in people.items() if len(own) == 1 for file in own]
    parts = [people[name][:PHOTOS_OF_ONE] for name in order]
    parts += [people[name][PHOTOS_OF_ONE:MORE_OF_ONE] for name in order]
    return [file for part in parts for file in part] + [alone[k] for k in random.permutation(len(alone))]


def fill_marked(store: Path, folder: Path, data: str, *, say: Say = print) -> None:
    """Photos with hand-made points: HELEN's 68, or CFP's 30 of profiles."""
    rows = list(marked_photos(folder, data))
    save_training_crops(store, f"marked-{data}", rows)
    say(f"marked-{data}: {len(rows)} photos, {sum(row.held_out for row in rows)} of them held out")


def embed_photos(store: Path, recogniser: Path, *, say: Say = print) -> None:
    """Embeddings of the real photos of a store by a face-recognition network, ONNX."""
    network = Recogniser(recogniser)
    (store / EMBEDDINGS).mkdir(exist_ok=True)
    for file in sorted(f for f in store.glob("*.npz") if f.name[0] != "."):
        if file.stem.startswith(MADE):
            continue
        crops = [PhotoFile.of(file), PhotoFile.of(file.with_suffix(".npy"))]
        piece = _Piece(store / EMBEDDINGS, file.stem, [PhotoFile.of(recogniser), *crops])
        if piece.done():
            continue
        with reading(file, "training crops", HeadshotError), open_arrays(file, None) as data:
            points, usable = data["points"][:, 478:], (data["weight"][:, 478:] > 0).all(axis=1)
            pixels = open_pixels(file)
        found = np.zeros((len(points), EMBEDDING), np.float32)
        for k in np.flatnonzero(usable).tolist():
            found[k] = network.both_sides(np.ascontiguousarray(pixels[k]), five_points(points[k]))
        piece.begin()
        np.save(store / EMBEDDINGS / f"{file.stem}.npy", found)
        piece.finish()
        say(f"{file.stem}: {int(usable.sum())} photos embedded")


def fill_synthetic(store: Path, count: int, *, own: bool = False, seed: int = 0, say: Say = print) -> None:
    """Heads with exact truth, in the colours of the store's portraits; or these themselves, turned.

    Args:
        store: to fill.
        count: so many heads.
        own: of the portraits' own shapes, as the fit has them.
        seed: of everything random.
        say: called with a line for each piece.
    """
    from headshot.learn.data.posed_heads import HeadMaker

    files = sorted((store / PORTRAITS).glob("*.npz"))
    portraits = read_portraits(files)
    if not portraits:
        raise HeadshotError(f"{store} has no portraits yet: fill in photos first")
    maker, sources = HeadMaker(portraits), [PhotoFile.of(file) for file in files]
    for first in range(0, count, PIECE * 4):
        name = f"{MADE[own]}-{seed}-{first:06d}"
        last = min(first + PIECE * 4, count)
        piece = _Piece(store, name, [own, seed, first, last, *sources])
        if piece.done():
            continue
        rows = [maker.make(np.random.default_rng([seed, 7 + own, k]), own=own) for k in range(first, last)]
        piece.begin()
        save_training_crops(store, name, rows)
        piece.finish()
        say(f"{name}: {len(rows)} heads")
