"""How well the textured head, rendered over the photo, looks like the photo.

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
from numpy.typing import ArrayLike
from PIL import Image

from headshot.arrays import U8, Array, Mask
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import Head, Predictor, look, textured_predictors
from headshot.evaluate.drawing import png, side_by_side
from headshot.evaluate.journal import Journal, Row, failures
from headshot.evaluate.machine import machine
from headshot.evaluate.result import Column, Item, Result
from headshot.geometry.camera import extent_of, project_for_raster
from headshot.geometry.raster import interpolate, rasterise
from headshot.image.colour import luma, srgb_to_linear
from headshot.image.photo import Photo, read_photo
from headshot.perception.landmarks.mediapipe import Landmarks
from headshot.render import RenderSettings, render

RACES = ("White", "Black", "Asian", "Indian", "other")
AGES = (0, 3, 13, 30, 60, 200)
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


def photometric_error(picture: U8, photo: U8, mask: Mask) -> float:
    """Mean absolute difference (sRGB levels, 0 to 255) of pictures (H, W, 3) where the mask (H, W) is set.

    NaN where it is nowhere set.
    """
    _check(picture, photo, mask)
    if not mask.any():
        return float("nan")
    return float(np.abs(picture[mask].astype(np.float64) - photo[mask]).mean())


def ssim_map(first: ArrayLike, second: ArrayLike, span: float = 255.0) -> Array:
    """SSIM (H - 10, W - 10) of grey pictures (H, W) at every window that lies inside: eq. 13 of Wang 2004."""
    x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2 or min(x.shape) < 11:
        raise ValueError(f"expected two grey pictures of at least 11 x 11, got {x.shape} and {y.shape}")
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    mx, my = _blurred(x), _blurred(y)
    vx, vy, vxy = _blurred(x * x) - mx**2, _blurred(y * y) - my**2, _blurred(x * y) - mx * my
    top = (2 * mx * my + c1) * (2 * vxy + c2)
    return np.asarray(top / ((mx**2 + my**2 + c1) * (vx + vy + c2)))


def ssim(picture: U8, photo: U8, mask: Mask | None = None) -> float:
    """Mean SSIM of the luma (ITU-R BT.601) of pictures (H, W, 3) over the mask (H, W); NaN without any."""
    used = np.ones(photo.shape[:2], bool) if mask is None else mask
    _check(picture, photo, used)
    values = ssim_map(luma(picture), luma(photo))
    inside = used[5:-5, 5:-5]
    return float(values[inside].mean()) if inside.any() else float("nan")


def _blurred(x: Array) -> Array:
    """Gaussian means of all 11 x 11 windows inside."""
    offsets = np.arange(-5, 6)
    taps = np.exp(-(offsets**2) / (2 * 1.5**2))
    taps /= taps.sum()
    n = x.shape[0] - 10
    rows = np.sum([w * x[k : k + n] for k, w in enumerate(taps)], axis=0)
    n = x.shape[1] - 10
    return np.asarray(np.sum([w * rows[:, k : k + n] for k, w in enumerate(taps)], axis=0))


def _check(picture: U8, photo: U8, mask: Mask) -> None:
    if picture.shape != photo.shape or mask.shape != photo.shape[:2] or photo.shape[2:] != (3,):
        raise ValueError(
            f"expected pictures (H, W, 3) and a mask (H, W), got {picture.shape}, {photo.shape}, {mask.shape}"
        )


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


def groups_of(name: str) -> dict[str, str | float]:
    """Sex, age and race as UTKFace labels its files (age_sex_race_time.jpg); nothing for other names."""
    words = Path(name).stem.split("_")
    if len(words) < 4 or not all(w.isdecimal() for w in words[:3]) or int(words[2]) >= len(RACES):
        return {}
    low = AGES[int(np.searchsorted(AGES, int(words[0]), side="right")) - 1]
    high = AGES[AGES.index(low) + 1]
    age = f"{low}+" if high == AGES[-1] else f"{low}-{high - 1}"
    return {"sex": ("male", "female")[int(words[1])], "race": RACES[int(words[2])], "age": age}


def typology(colour: ArrayLike) -> float:
    """Individual typology angle of an sRGB colour (3,) of skin, degrees: large for light skin.

    ITA = atan((L* - 50) / b*), Chardon, Cretois and Hourseau, "Skin colour typology and suntanning
    pathways", 1991. Measured on a photo it depends on the light as much as on the skin.
    """
    linear = srgb_to_linear(np.asarray(colour, dtype=np.float64) / 255)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    t = xyz / [0.9505, 1.0, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return float(np.degrees(np.arctan2(116 * f[1] - 66, 200 * (f[1] - f[2]))))


def skin_bin(angle: float) -> str:
    """Label of a typology angle: the classes of Del Bino and Bernerd 2013, in three."""
    return "light" if angle > 41 else "medium" if angle > 10 else "dark"


def evaluate_picture(
    folder: str | Path,
    predictors: tuple[Predictor, ...] | None = None,
    settings: PictureSettings | None = None,
    journal: Journal | None = None,
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
    names = photos_of(root, chosen)

    def attempt(name: str) -> Row:
        return _attempt(root, name, methods, chosen)

    depends = {"settings": chosen, "methods": methods, "folder": root.resolve()}
    rows = (journal or Journal()).work(names, attempt, depends)
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


def photos_of(root: Path, settings: PictureSettings) -> list[str]:
    """Names of the chosen photos of a folder."""
    folder = root / "images" if (root / "images").is_dir() else root
    files = sorted(f for f in folder.rglob("*") if f.suffix.lower() in (".jpg", ".jpeg", ".png"))
    if not files:
        raise HeadshotError(f"no photos in {folder}: expected .jpg or .png files")
    if settings.limit is not None and len(files) > settings.limit:
        drawn = np.random.default_rng(settings.seed).choice(len(files), settings.limit, replace=False)
        files = [files[i] for i in sorted(drawn)]
    return [f.relative_to(root).as_posix() for f in files]


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
        pixels = np.pad(photo.pixels, ((pad, pad), (pad, pad), (0, 0)), mode="edge")
        photo, counts = Photo(pixels, photo.name), np.pad(counts, pad)
        background = None if background is None else np.pad(background, pad)
    return photo, counts, background


def _attempt(root: Path, name: str, methods: tuple[Predictor, ...], settings: PictureSettings) -> Row:
    photo, counts, background = read_masked(root, name, settings.border)
    seen = look(photo, textured=True)
    row: Row = {"group": {}, "values": {}}
    for method in methods:
        head = method(seen).head
        if head is None or head.texture is None:
            continue
        picture, pixels, small = overlay(head, photo.pixels, settings.face_pixels)
        mask = face_mask(head, photo.height, photo.width)
        used = shrunk(mask & counts, small)
        values = {
            "photometric": photometric_error(picture, pixels, used),
            "ssim": ssim(picture, pixels, used),
            "completeness": 100 * head.texture.coverage,
            "residual": landmark_residual(head, seen.landmarks),
            "spread": 100 * seen.landmarks.spread,
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
        head = method(look(photo, textured=True)).head
        if head is not None:
            picture, small, _ = overlay(head, photo.pixels, settings.face_pixels)
            pictures.append((f"{name}: {errors[name]:.1f} levels", png(side_by_side(small, picture))))
    return pictures
