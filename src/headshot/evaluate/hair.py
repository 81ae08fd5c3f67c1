"""Hair of heads against the photos that they were made of: where it is, its colour, and who is recognised.

Hair of a head is what a picture of it shows of its cards, and of its scalp where that is painted with hair.
docs/explanation/hair.md says what the numbers mean, and `_PROTOCOL` how they come about.

Dimension letters: H x W photo, V vertices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from headshot import Head, Reconstructor, Settings
from headshot.arrays import F32, U8, Array, Mask
from headshot.datasets.parts import find
from headshot.datasets.parts.scheme import Sample
from headshot.datasets.selection import draw
from headshot.datasets.subject import find_subject
from headshot.errors import HeadshotError
from headshot.evaluate.drawing import png, side_by_side
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.geometry.camera import Camera, project_for_raster
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.hair.colour import light_on_hair
from headshot.hair.photographed import windows_of
from headshot.hair.scalp import scalp_growth
from headshot.image.colour import TO_LINEAR, linear_to_srgb, srgb_bytes
from headshot.image.photo import read_photo
from headshot.metrics.colour import ciede2000, lab
from headshot.metrics.picture import skin_bin, typology
from headshot.models.topologies.ibug68 import five_points
from headshot.perception.recognition import Recogniser, aligned_face
from headshot.render import RenderSettings, render, view_camera
from headshot.texturing import ROOT_SHADE

METHOD, BARE, NETWORK = "headshot", "without hair", "segmentation alone"
PATCH = 20.0
"""mm: side of the patches whose mean colours are compared."""
BORDER = 3.0
"""mm: so near to its border hair is mixed with what is beside it, and its colour does not count."""
_ENOUGH = 0.3  # of a patch's pixels that have to show hair in both pictures
YAWS = (-60, -30, 30, 60)
_SIZE = 256  # pixels of the turned pictures
_BARE, _HAIRY = 0.1, 0.5  # share of the scalp that is seen: bald up to the one, with hair from the other on
_FLAT = RenderSettings(lighting=0.0)


@dataclass(frozen=True)
class HairSettings:
    """What is measured.

    Attributes:
        held_out: only photos that training never sees, by which no setting was chosen either.
        limit: at most so many photos, drawn with ``seed``.
        photos: folder of the photos of LFW, whose labels come alone.
        recogniser: face-recognition network, to compare turned heads with and without hair.
    """

    held_out: bool = True
    limit: int | None = None
    seed: int = 0
    photos: Path | None = None
    recogniser: Recogniser | None = None


def evaluate_hair(
    folder: str | Path, settings: HairSettings | None = None, log: ResumeLog | None = None
) -> Result:
    """Hair on photos with labelled parts, of a data set of `headshot.datasets.parts`.

    Raises:
        HeadshotError: the folder holds no such data set, or none of its photos is held out.
    """
    chosen = settings or HairSettings()
    root = Path(folder)
    every = [s for s in find(root, chosen.photos) if s.held_out or not chosen.held_out]
    if not every:
        raise HeadshotError("none of these photos is held out of training: measure all of them")
    samples = {sample.photo.stem: sample for sample in draw(every, chosen.limit, chosen.seed)}
    reconstruct = Reconstructor(Settings())
    depends = {"settings": chosen, "folder": root.resolve()}
    rows = (log or ResumeLog()).work(
        list(samples), lambda name: _attempt(samples[name], reconstruct, chosen.recogniser), depends
    )
    values = {name: dict(row.get("values", {})) for name, row in rows.items()}
    if chosen.recogniser is not None:
        _recognised(rows, values)
    result = Result(
        measure=f"hair-{root.name}",
        title=f"Hair ({root.name})",
        protocol=_PROTOCOL,
        columns=_COLUMNS,
        methods=(METHOD, BARE, NETWORK),
        items=[Item(name, row.get("group", {}), values[name]) for name, row in rows.items()],
        statistic="median",
        command=f"headshot evaluate hair {root.name}",
        machine=machine(),
        notes=[failures(rows)],
    )
    for name, iou in result.worst(METHOD, "iou").items():
        head = _head(samples[name], reconstruct)
        shown = head.render(head.camera, background=head.photo.pixels)
        caption = f"{name}: overlap {iou:.2f}; the photo, the head before it"
        result.pictures.append((caption, png(side_by_side(head.photo.pixels, shown))))
    return result


def _head(sample: Sample, reconstruct: Reconstructor) -> Head:
    photo = read_photo(sample.photo)
    subject = find_subject(photo, (photo.width / 2, photo.height / 2))
    return reconstruct.of_face(subject.photo, subject.face, subject.landmarks)


def _attempt(sample: Sample, reconstruct: Reconstructor, recogniser: Recogniser | None) -> Row:
    head = _head(sample, reconstruct)
    pixels = head.photo.pixels
    labels = sample.read(sample.labels)
    if labels.shape != pixels.shape[:2]:
        size = (pixels.shape[1], pixels.shape[0])
        labels = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    names = sample.scheme.labels
    true, known = labels == names.index("hair"), labels != 255
    share, colour = pictured(head)
    shown = share > 0.5
    assert head.parts is not None
    found = head.parts.probability("hair") > 0.5
    scalp = _scalp(head) & known
    own = {"iou": overlap(shown & known, true & known)}
    covers = {"true": float(true[scalp].mean()), "own": float(shown[scalp].mean())} if scalp.any() else {}
    if covers:
        # What may be held against a head: of people with hair who are made bald, and the other way round.
        if covers["true"] > _HAIRY:
            own["bald"] = 100.0 * (covers["own"] < _BARE)
        if covers["true"] < _BARE:
            own["hairy"] = 100.0 * (covers["own"] > _HAIRY)
    both = _inner(shown & true, _pixels(head, BORDER))
    off = patches(TO_LINEAR[pixels], colour, both, _pixels(head, PATCH))
    if both.any() and len(off):
        means = (
            lab(linear_to_srgb(np.clip(c[both].mean(axis=0), 0, 1))) for c in (TO_LINEAR[pixels], colour)
        )
        own["colour"] = float(ciede2000(*means))
        own["patches"] = float(np.median(off))
    skin = pixels[labels == names.index("skin")]
    group: dict[str, str | float] = {"hair": _amount(covers.get("true"), float(true.mean()))}
    if len(skin):
        group["skin"] = skin_bin(typology(np.median(skin, axis=0)))
    row: Row = {
        "values": {
            METHOD: {k: round(v, 4) for k, v in own.items()},
            NETWORK: {"iou": round(overlap(found & known, true & known), 4)},
        },
        "group": group,
    }
    if recogniser is not None:
        row["photo"] = _rounded(recogniser.vectors(_photographed(head)))
        row[METHOD] = _rounded(recogniser.vectors(_turned(head)))
        row[BARE] = _rounded(recogniser.vectors(_turned(_without_hair(head))))
    return row


def pictured(head: Head) -> tuple[F32, F32]:
    """How much of each pixel of the head's photo (H, W) shows hair, and hair's colour (H, W, 3), linear, in
    the photo's light, where it does."""
    model, camera = head.bundled, head.camera
    black = np.zeros((camera.height, camera.width, 3), np.uint8)
    growth = scalp_growth(*windows_of(head.estimate, head.observations, model), model)
    if head.hair is None or head.light is None:
        return np.zeros(black.shape[:2], np.float32), black.astype(np.float32)
    white = [
        replace(
            card, colour=(1.0, 1.0, 1.0), tint=np.ones_like(card.tint), texture=_without_grey(card.texture)
        )
        for card in head.cards
    ]
    grown = srgb_bytes(np.repeat(growth[:, None], 3, axis=1))
    share = render(head.vertices, model, camera, colours=grown, background=black, settings=_FLAT, cards=white)
    lit = [
        replace(card, tint=np.clip(card.tint * light_on_hair(card.normals, head.light), 0, 1))
        for card in head.cards
    ]
    light = light_on_hair(vertex_normals(head.vertices, model.triangles), head.light)
    shade = 1.0 if head.hair.style is None else ROOT_SHADE
    scalp = srgb_bytes(np.array(head.hair.colour.root) * light * shade)
    colour = render(head.vertices, model, camera, colours=scalp, background=black, settings=_FLAT, cards=lit)
    return TO_LINEAR[share[..., 0]], TO_LINEAR[colour]


def _without_grey(texture: U8) -> U8:
    out = texture.copy()
    out[..., 0] = 255
    return out


def overlap(found: Mask, true: Mask) -> float:
    """Intersection over union of two masks (H, W); 1 where both are empty."""
    either = (found | true).sum()
    return float((found & true).sum() / either) if either else 1.0


def patches(photo: F32, drawn: F32, both: Mask, side: int) -> Array:
    """CIEDE2000 differences (N,) of the mean colours of patches of hair.

    Args:
        photo, drawn: (H, W, 3) linear.
        both: (H, W) where both show hair.
        side: pixels of a patch.
    """
    height, width = both.shape
    cell = np.arange(height)[:, None] // side * (width // side + 1) + np.arange(width) // side
    index = cell[both]
    count = np.bincount(index, minlength=cell.max() + 1)
    means = [
        np.stack([np.bincount(index, image[both][:, c], cell.max() + 1) for c in range(3)], 1)
        / np.maximum(count, 1)[:, None]
        for image in (photo, drawn)
    ]
    enough = count >= max(_ENOUGH * side**2, 1)
    one, other = (lab(linear_to_srgb(np.clip(mean[enough], 0, 1))) for mean in means)
    return ciede2000(one, other)


def _pixels(head: Head, length: float) -> int:
    """Pixels of a length in mm at the head's distance."""
    return max(1, round(length * head.camera.focal / -float(head.camera.translation[2])))


def _inner(mask: Mask, border: int) -> Mask:
    """A mask (H, W) without a border of so many pixels."""
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.filter(ImageFilter.MinFilter(2 * border + 1))) > 0


def _scalp(head: Head) -> Mask:
    """Where the photo (H, W) would show the head's scalp, were it bare."""
    model, camera = head.bundled, head.camera
    xy, depth = project_for_raster(head.vertices, camera)
    raster = rasterise(xy, depth, model.triangles, camera.height, camera.width)
    return interpolate(raster, model.regions["scalp"][:, None], model.triangles)[..., 0] > 0.5


def _amount(cover: float | None, whole: float) -> str:
    if cover is not None and cover < _BARE:
        return "bald"
    return "little" if whole < 0.15 else "medium" if whole < 0.35 else "much"


def likeness(head: Head, recogniser: Recogniser) -> Array:
    """Cosines (views,) between a head's photo and pictures of the head turned by `YAWS`."""
    found: Array = recogniser.vectors(_turned(head)) @ recogniser.vectors(_photographed(head))[0]
    return found


def _photographed(head: Head) -> U8:
    """The aligned face (1, 112, 96, 3) of a head's photo."""
    return _face(head.photo.pixels, head, head.camera, head.vertices)


def _turned(head: Head) -> U8:
    """Aligned faces (views, 112, 96, 3) of a head from the sides."""
    faces = []
    for yaw in YAWS:
        camera = view_camera(head.vertices, yaw, size=_SIZE)
        faces.append(_face(head.render(camera), head, camera, head.vertices)[0])
    return np.stack(faces)


def _face(pixels: U8, head: Head, camera: Camera, vertices: F32) -> U8:
    points = head.bundled.landmarks["ibug68"].on(vertices, head.triangles)
    return aligned_face(pixels, five_points(camera.project(points)))[None]


def _without_hair(head: Head) -> Head:
    """The same head bald, its scalp too."""
    bald = Reconstructor(replace(Settings(), hair="none"), preload=False)
    return bald.of_face(head.photo, head.face, head.landmarks)


def _rounded(vectors: Array) -> list[list[float]]:
    return [[round(float(x), 5) for x in vector] for vector in vectors]


def _recognised(rows: dict[str, Row], values: dict[str, dict[str, dict[str, float]]]) -> None:
    """Add how similar turned heads are to the photos that they were made of."""
    for name, row in rows.items():
        for method in (METHOD, BARE):
            if method in row:
                cosine = np.array(row[method]) @ np.array(row["photo"][0])
                found = values[name].setdefault(method, {})
                for turn in (30, 60):
                    found[f"cosine{turn}"] = float(cosine[np.abs(YAWS) == turn].mean())


_COLUMNS = (
    Column("iou", "overlap (IoU)", "", "higher", decimals=3),
    Column("colour", "colour", "ΔE2000", "lower", decimals=1),
    Column("patches", "colour of patches", "ΔE2000", "lower", decimals=1),
    Column("bald", "wrongly bald", "%", "lower", statistic="mean", decimals=1),
    Column("hairy", "wrongly hairy", "%", "lower", statistic="mean", decimals=1),
    Column("cosine30", "cosine ±30°", "", "higher", statistic="mean", decimals=3),
    Column("cosine60", "cosine ±60°", "", "higher", statistic="mean", decimals=3),
)

_PROTOCOL = (
    "The face nearest to the middle of each photo is reconstructed and the head drawn in its camera. "
    "Overlap: intersection over union of the pixels that show hair (cards, or a scalp painted with it, by "
    "more than half) with those labelled hair by hand; the segmentation alone, which the hair was fitted to, "
    "bounds it. "
    "Colour: CIEDE2000 between the mean colours of hair in the photo and in a picture of the head in the "
    f"photo's light, where both show hair, {BORDER:g} mm within its border; and the same of patches of "
    f"{PATCH:g} mm, median over them, which counts highlights and shadows too. Wrongly bald: hair on less "
    f"than {100 * _BARE:g} % of the scalp, of people who have it on more than {100 * _HAIRY:g} % of what the "
    "photo shows of it; wrongly hairy the other way round. Recognition: cosine between the photo that the "
    "head was made of and pictures of the head turned by ±30° and ±60°, by a face-recognition network, with "
    "hair and without. Weak in: labels of hair differ by hand; the sides that no photo shows are not "
    "measured; the network sees 112 x 96 pixels around the face, little of which is hair."
)
