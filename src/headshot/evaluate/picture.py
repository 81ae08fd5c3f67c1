"""How similar to the photo the textured head is, rendered over it.

Photometric error: mean absolute difference of sRGB levels over the visible face. SSIM: the structural
similarity index of Wang, Bovik, Sheikh and Simoncelli, "Image Quality Assessment: From Error Visibility to
Structural Similarity", IEEE TIP 2004, eq. 13, on luma, 11 x 11 Gaussian windows of sigma 1.5, K1 = 0.01,
K2 = 0.03. Texture completeness: the share of the frontal face's area that the photo shows.

Known weaknesses: a texture copied from the photo goes back to where it came from, whatever the shape, so a
wrong head with a copied texture scores well (the mean face nearly does): these numbers find lost detail,
wrong colours, texels taken for hidden, and outlines that spill, not wrong shapes. They rise with blur in the
photo. Photos are reduced to one size of the face, because SSIM depends on it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8, Mask
from headshot.datasets.selection import photo_names
from headshot.datasets.subject import find_subject
from headshot.datasets.utkface import groups_of, with_border
from headshot.evaluate.baselines import Head, Predictor, textured_predictors
from headshot.evaluate.drawing import png, side_by_side
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Item, Result
from headshot.evaluate.resume_log import ResumeLog, Row, failures
from headshot.geometry.camera import extent_of, project_for_raster
from headshot.geometry.raster import interpolate, rasterise
from headshot.image.photo import Photo, read_photo
from headshot.metrics.picture import photometric_error, skin_bin, ssim, typology
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.render import RenderSettings, render

BACKGROUND = 0
# Labels of CelebAMask-HQ that are face: skin, nose, eyes, brows, mouth and lips.
FACE_LABELS = (1, 2, 4, 5, 6, 7, 10, 11, 12)


@dataclass(frozen=True)
class PictureSettings:
    """What is measured.

    Attributes:
        limit: at most so many photos, drawn with ``seed``; None for all.
        face_pixels: larger faces are reduced to this extent.
        border: width of an edge-coloured border to add, as a share of the photo: tight crops like UTKFace's
            need one for the detector. It is not measured.
    """

    limit: int | None = None
    face_pixels: int = 160
    border: float = 0.0
    seed: int = 0


def face_mask(head: Head, height: int, width: int) -> Mask:
    """Pixels (H, W) where the head, seen by its camera, shows the skin of its face."""
    first, last = head.model.parts["skin"]
    xy, depth = project_for_raster(head.vertices, head.camera)
    raster = rasterise(xy, depth, head.model.triangles, height, width)
    face = interpolate(raster, head.model.regions["face"][:, None], head.model.triangles)[..., 0]
    return np.asarray((raster.triangle >= first) & (raster.triangle < last) & (face > 0.5))


def landmark_residual(head: Head, landmarks: Landmarks) -> float:
    """Mean distance of the head's 478 points to the network's, in percent of their extent."""
    points = head.camera.project(head.model.landmarks["mediapipe478"].on(head.vertices, head.model.triangles))
    return float(100 * np.linalg.norm(points - landmarks.points, axis=1).mean() / landmarks.extent)


def evaluate_picture(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    settings: PictureSettings | None = None,
    log: ResumeLog | None = None,
) -> Result:
    """Picture measures on a folder of photos.

    Where the folder has the sub-folders ``images`` and ``masks`` (CelebAMask-HQ), only pixels labelled as
    face count, so that hair and glasses do not.

    Raises:
        HeadshotError: there are no photos.
    """
    chosen = settings or PictureSettings()
    methods = tuple(predictors or textured_predictors())
    root = Path(folder)
    names = photo_names(root, chosen.limit, chosen.seed)

    def attempt(name: str) -> Row:
        return _attempt(root, name, methods, chosen)

    depends = {"settings": chosen, "methods": methods, "folder": root.resolve()}
    rows = (log or ResumeLog()).work(names, attempt, depends)
    items = [Item(n, {**groups_of(n), **r.get("group", {})}, r.get("values", {})) for n, r in rows.items()]
    present = {key for item in items for values in item.values.values() for key in values}
    result = Result(
        measure=f"picture-{root.name}",
        title=f"Picture ({root.name})",
        protocol=_PROTOCOL,
        columns=tuple(c for c in _COLUMNS if c.key in present),
        methods=tuple(m.name for m in methods),
        items=items,
        command=f"headshot evaluate picture {root.name}",
        machine=machine(),
        notes=[failures(rows)],
    )
    result.pictures.extend(_worst(result, root, methods[0], chosen))
    return result


_COLUMNS = (
    Column("photometric", "photometric error", "levels of 255"),
    Column("ssim", "SSIM", "", "higher", decimals=3),
    Column("completeness", "texture completeness", "%", "higher", decimals=1),
    Column("outside", "face drawn on background", "%"),
    Column("residual", "478 landmarks", "% of their extent"),
    Column("spread", "landmarks against mirrored photo", "% of their extent"),
)

_PROTOCOL = (
    "The textured head (512 texels, lit as in the photo) is rendered over the photo from the fitted camera "
    "and compared where it shows the skin of its face: mean absolute difference of sRGB levels; SSIM of the "
    "luma (Wang et al. 2004). With label maps, only pixels labelled as face count. Completeness: share of "
    "the frontal face that the photo shows. Drawn on background: share of the head's face that lies on "
    "pixels labelled as background. 478 landmarks: mean distance of the head's points to the network's; "
    "against mirrored photo: consistency of the network itself, before any head. Skin: typology angle of "
    "the median colour, which depends on light too. Weak in: shape, because the texture is "
    "copied from the photo and goes back to where it came from."
)


def read_masked(root: Path, name: str, border: float) -> tuple[Photo, Mask, Mask | None]:
    """The photo, perhaps with a border; which of its pixels may count; which are background, if known."""
    photo = read_photo(root / name)
    counts: Mask = np.ones((photo.height, photo.width), bool)
    background: Mask | None = None
    labels = (root / "masks" / Path(name).name).with_suffix(".png")
    if labels.is_file():
        with Image.open(labels) as image:
            classes = np.asarray(image.resize((photo.width, photo.height), Image.Resampling.NEAREST))
        counts, background = np.isin(classes, FACE_LABELS), classes == BACKGROUND
    pad = round(border * photo.width)
    if pad:
        photo, counts = with_border(photo, pad), np.pad(counts, pad)
        background = None if background is None else np.pad(background, pad)
    return photo, counts, background


def _attempt(root: Path, name: str, methods: tuple[Predictor, ...], settings: PictureSettings) -> Row:
    photo, counts, background = read_masked(root, name, settings.border)
    subject = find_subject(photo)
    row: Row = {"group": {}, "values": {}}
    for method in methods:
        head = method(subject, textured=True).head
        if head is None or head.texture is None:
            continue
        picture, pixels, small = overlay(head, photo.pixels, settings.face_pixels)
        mask = face_mask(head, photo.height, photo.width)
        used = shrunk(mask & counts, small)
        values = {
            "photometric": photometric_error(picture, pixels, used),
            "ssim": ssim(picture, pixels, used),
            "completeness": 100 * head.texture.coverage,
            "residual": landmark_residual(head, subject.landmarks),
            "spread": 100 * subject.landmarks.spread,
        }
        if background is not None and mask.any():
            values["outside"] = float(100 * background[mask].mean())
        row["values"][method.name] = {k: round(v, 4) for k, v in values.items() if np.isfinite(v)}
        if method is methods[0] and used.any():
            row["group"]["skin"] = skin_bin(typology(np.median(pixels[used], axis=0)))
    return row


def overlay(head: Head, photo: U8, face_pixels: int) -> tuple[U8, U8, float]:
    """Rendered overlay and photo (h, w, 3), reduced until the face is ``face_pixels`` large, and the factor.

    Raises:
        ValueError: the head has no texture.
    """
    if head.texture is None:
        raise ValueError("the head has no texture")
    points = head.camera.project(head.vertices[head.model.regions["face"] > 0.5])
    factor = min(1.0, face_pixels / extent_of(points))
    width, height = int(photo.shape[1] * factor), int(photo.shape[0] * factor)
    camera = replace(head.camera.resized(factor), width=width, height=height)
    small = _reduced(Image.fromarray(photo), factor)
    settings = RenderSettings(lighting=0.0)
    picture = render(
        head.vertices, head.model, camera, texture=head.texture.pixels, background=small, settings=settings
    )
    return picture, small, factor


def shrunk(mask: Mask, factor: float) -> Mask:
    """A mask for the reduced picture: where all of a pixel is set."""
    if factor >= 1:
        return mask
    return np.asarray(_reduced(Image.fromarray(mask.astype(np.uint8) * 255), factor) >= 250)


def _reduced(image: Image.Image, factor: float) -> U8:
    """A picture reduced by exactly this factor; the part of a pixel that is left over is cut off."""
    size = (int(image.width * factor), int(image.height * factor))
    box = (0.0, 0.0, min(size[0] / factor, image.width), min(size[1] / factor, image.height))
    return np.asarray(image.resize(size, Image.Resampling.BOX, box=box))


def _worst(
    result: Result, root: Path, method: Predictor, settings: PictureSettings
) -> list[tuple[str, bytes]]:
    """The ten photos with the largest photometric error of the first method: photo and overlay."""
    errors = result.worst(method.name, "photometric")
    pictures = []
    for name in errors:
        photo, _, _ = read_masked(root, name, settings.border)
        head = method(find_subject(photo), textured=True).head
        if head is not None:
            picture, small, _ = overlay(head, photo.pixels, settings.face_pixels)
            pictures.append((f"{name}: {errors[name]:.1f} levels", png(side_by_side(small, picture))))
    return pictures
