"""Real-looking skin, eyes, hair and surroundings for synthetic heads, from photos of people.

    from synthetic_portraits import make_portrait, paint_portrait

A *portrait* is a photo on which our head has been fitted. Its colours (skin, brows, lashes, lips, glasses,
hair on the forehead) are laid on the mesh of another head, whose shape is the exact truth; the rest of the
photo stands behind it as a flat picture at the depth of the ears, bent so that the outline of the old face
meets that of the new one. Turned by much more than the photo itself it becomes wrong; up to some 40 degrees
it does not. (After the face profiling of Zhu et al., "Face Alignment Across Large Poses", CVPR 2016, section
5, which turns the person's own shape; here the shape changes as well.)

The pictures contain pixels of the photos they are made from, and are bound by their terms.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from headshot import Camera, load_head_model, read_photo
from headshot.datasets.subject import central_subject
from headshot.datasets.utkface import with_border
from headshot.errors import HeadshotError
from headshot.evaluate.baselines import METHODS
from headshot.geometry.align import Surface
from headshot.geometry.camera import project_for_raster
from headshot.geometry.raster import interpolate, rasterise, sample, vertex_normals
from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.models.head_model import HeadModel
from headshot.pipeline import Reconstructor
from headshot.texture import TextureSettings
from headshot.texture.photographed import as_photographed

TEXELS = 512
GRID = 40  # cells along the sides of the flat picture
BEHIND = np.array([0.0, -20.0, -60.0])  # where that picture stands, head frame
MATCHING = 25.0  # degrees between the photo's pose and the new one up to which the photo's hair fits
LEAST_FACE = 100  # pixels, of a face good enough for a texture
OUR_PARTS = {"teeth": ("teeth_upper", "teeth_lower")}  # parts that other meshes do not divide


@dataclass(frozen=True, eq=False)
class Portrait:
    """A photo as a source of colours.

    Attributes:
        texture: (T, T, 3) uint8 sRGB in the layout of our head model.
        pixels: (H, W, 3) uint8, the photo.
        camera: sees the fitted head, model millimetres.
        vertices: (V, 3) the fitted head with its expression, low resolution.
        expression: (E,) its ARKit weights.
    """

    texture: np.ndarray
    pixels: np.ndarray
    camera: Camera
    vertices: np.ndarray
    expression: np.ndarray

    @property
    def darkness(self) -> float:
        """Of the skin, 0 to 1, as the photo's light shows it: by the face's median luma."""
        model = load_head_model("low")
        cheeks = self.camera.project(self.vertices[model.regions["cheeks"] > 0.7])
        luma = sample(self.pixels, cheeks) @ [0.3, 0.59, 0.11]
        return float(np.clip((0.8 - np.median(luma)) / 0.6, 0, 1))


def make_portrait(file: Path) -> Portrait | None:
    """The portrait of a photo, or None where the face is not good enough."""
    photo = read_photo(file)
    border = photo.width // 3 if photo.width == photo.height == 200 else 0
    photo = with_border(photo, border)
    try:
        subject = central_subject(photo)
    except HeadshotError:
        return None
    extent = subject.landmarks.extent
    grey = np.abs(np.diff(photo.pixels.astype(int), axis=2)).mean() < 2
    if extent < LEAST_FACE or subject.landmarks.presence < 0.98 or subject.landmarks.spread > 0.02 or grey:
        return None
    texture = TextureSettings(size=TEXELS, grain=0.0)
    settings = replace(METHODS["without networks"](), detail="low", texture=texture)
    found = Reconstructor(settings, preload=False).of_face(photo, subject.face, subject.landmarks)
    assert found.texture is not None
    texture = as_photographed(
        found.texture.pixels, photo.pixels, found.vertices, found.model, found.camera, scalp_as_hair=True
    )
    return Portrait(texture, photo.pixels, found.camera, found.vertices, found.expression)


def gather_portraits(folders: list[Path], count: int, rng: np.random.Generator) -> list[Portrait]:
    """So many portraits from photos anywhere below the folders, each folder giving about as many."""
    portraits: list[Portrait] = []
    for k, folder in enumerate(folders):
        files = sorted(folder.rglob("*.jpg"))
        goal = round(count * (k + 1) / len(folders))
        for index in rng.permutation(len(files)):
            if len(portraits) >= goal:
                break
            portrait = make_portrait(files[index])
            portraits += [portrait] if portrait is not None else []
    if len(portraits) < count:
        raise SystemExit(f"found {len(portraits)} of {count} good portraits: name more folders of photos")
    return portraits


def save_portrait(file: Path, portrait: Portrait) -> None:
    """Keep a portrait for another run."""
    c = portrait.camera
    np.savez(
        file, texture=portrait.texture, pixels=portrait.pixels, vertices=portrait.vertices,
        expression=portrait.expression, rotation=c.rotation, translation=c.translation,
        lens=np.array([c.focal, *c.centre]),
    )  # fmt: skip


def read_portrait(file: Path) -> Portrait:
    """What `save_portrait` wrote."""
    with np.load(file, allow_pickle=False) as data:
        height, width = data["pixels"].shape[:2]
        focal, x, y = (float(v) for v in data["lens"])
        camera = Camera(width, height, focal, (x, y), data["rotation"], data["translation"])
        return Portrait(data["texture"], data["pixels"], camera, data["vertices"], data["expression"])


@dataclass(frozen=True, eq=False)
class Wrapping:
    """How our texture and the surroundings follow another mesh.

    Attributes:
        uv: (3 F, 2) texture coordinates of every triangle's corners, in texels.
        anchors: (A,) our vertices along the outlines of a head.
        theirs: (A,) the nearest vertices of the other mesh.
        bare: (F,) triangles that are neither scalp nor neck.
    """

    uv: np.ndarray
    anchors: np.ndarray
    theirs: np.ndarray
    bare: np.ndarray


def wrap(triangles: np.ndarray, canonical: np.ndarray, names: tuple[str, ...], part: np.ndarray) -> Wrapping:
    """Lay our texture on a mesh whose vertices (V, 3) have known places on our mean head.

    Args:
        triangles: (F, 3).
        canonical: (V, 3).
        names, part: names of parts, and which (F,) each triangle belongs to.
    """
    model = load_head_model("low")
    corners = np.zeros((len(triangles), 3, 2))
    for index, name in enumerate(names):
        here = part == index
        ours = [n for n in OUR_PARTS.get(name, (name,)) if n in model.parts]
        chosen = np.concatenate([np.arange(*model.parts[n]) for n in ours])
        surface = Surface(model.mean, model.triangles[chosen])
        vertices, local = np.unique(triangles[here], return_inverse=True)
        triangle, weights, _ = surface.closest(canonical[vertices])
        charts = model.triangles_uv[chosen[_kept(model, chosen)]][triangle]
        uv = (model.uv[charts] * weights[:, :, None]).sum(axis=1)[local.reshape(-1, 3)]
        torn = np.ptp(uv, axis=1).max(axis=1) > 0.2  # across the seam at the back of the head
        uv[torn] = uv[torn, :1]
        corners[here] = uv
    skin = np.unique(model.part_triangles("skin"))
    side = np.abs(vertex_normals(model.mean, model.triangles)[skin, 2]) < 0.5
    anchors = skin[side & (model.mean[skin, 2] > -110)][::8]
    gaps = np.linalg.norm(canonical[None] - model.mean[anchors][:, None], axis=2)
    ours = Surface(model.mean, model.triangles)
    triangle, weights, _ = ours.closest(canonical)
    covered = model.regions["scalp"] + model.regions["neck"]
    hidden = (covered[ours.triangles[triangle]] * weights).sum(axis=1) > 0.6
    bare = ~hidden[triangles].all(axis=1)
    return Wrapping(corners.reshape(-1, 2) * TEXELS, anchors, gaps.argmin(axis=1), bare)


def _kept(model: HeadModel, chosen: np.ndarray) -> np.ndarray:
    """Which of the chosen triangles `Surface` keeps: those with an area."""
    a, b, c = np.moveaxis(model.mean.astype(np.float64)[model.triangles[chosen]], 1, 0)
    return np.flatnonzero((np.cross(b - a, c - a) != 0).any(axis=1))


@lru_cache(maxsize=1)
def _grid() -> tuple[np.ndarray, np.ndarray]:
    """Places (N, 2) in units of the photo's side, with room around, and triangles of the flat picture."""
    side = np.linspace(-0.6, 1.6, GRID + 1)
    x, y = np.meshgrid(side, side)
    corner = (np.arange(GRID)[:, None] * (GRID + 1) + np.arange(GRID)).ravel()
    a, b, c, d = corner, corner + 1, corner + GRID + 1, corner + GRID + 2
    triangles = np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)])
    return np.stack([x.ravel(), y.ravel()], axis=1), triangles.astype(np.int32)


def paint_portrait(
    portrait: Portrait,
    wrapping: Wrapping,
    vertices: np.ndarray,
    triangles: np.ndarray,
    camera: Camera,
    rng: np.random.Generator,
    samples: int = 2,
) -> np.ndarray:
    """The picture (H, W, 3) uint8 of a head (V, 3), head frame, in the portrait's colours."""
    height, width = camera.height * samples, camera.width * samples
    # What is behind may be coarse: lenses blur it.
    behind = _surroundings(portrait, wrapping, vertices, camera)
    behind = behind.repeat(samples, axis=0).repeat(samples, axis=1)
    xy, depth = project_for_raster(vertices, camera)
    # Hair and collar of the photo are better than a painted skull, until the head turns away from them.
    drawn = np.ones(len(triangles), bool)
    if abs(camera.angles[0] - portrait.camera.angles[0]) < MATCHING:
        drawn = wrapping.bare
    triangles = np.ascontiguousarray(triangles[drawn])
    raster = rasterise(xy * np.float32(samples), depth, triangles, height, width)
    covered = raster.triangle >= 0
    each = np.arange(3 * len(triangles), dtype=np.int32).reshape(-1, 3)
    uv = wrapping.uv.reshape(-1, 3, 2)[drawn].reshape(-1, 2)
    at = interpolate(raster, uv, each)[covered]
    colour = sample(TO_LINEAR[portrait.texture], at)
    normals = vertex_normals(vertices.astype(np.float32), triangles) @ camera.rotation.T.astype(np.float32)
    normal = interpolate(raster, normals, triangles)[covered]
    # The photo's light stays on the skin; another light from the side is added to it.
    light = np.array([rng.uniform(-1, 1), rng.uniform(-0.4, 1), rng.uniform(0.3, 1)])
    light /= np.linalg.norm(light)
    strength = rng.uniform(0, 0.5)
    colour *= (1 - strength * 0.6 + strength * np.maximum(normal @ light, 0))[:, None]
    linear = behind
    linear[covered] = colour
    parts = [linear[j::samples, i::samples] for j in range(samples) for i in range(samples)]
    return _developed(sum(parts[1:], start=parts[0]) / len(parts), rng)


def _surroundings(portrait: Portrait, wrapping: Wrapping, vertices: np.ndarray, camera: Camera) -> np.ndarray:
    """The photo (H, W, 3), linear light, as a flat picture behind a new head."""
    source = portrait.camera
    place, triangles = _grid()
    pixels = place * [source.width, source.height]
    distance = -source.to_camera(BEHIND)[2]
    ray = (pixels - source.centre) / source.focal * [1, -1]
    flat = (np.column_stack([ray, -np.ones(len(ray))]) * distance - source.translation) @ source.rotation
    # The outline of the old face goes to that of the new one.
    old, new = portrait.vertices[wrapping.anchors], vertices[wrapping.theirs]
    across = (source.to_camera(flat)[:, None, :2] - source.to_camera(old)[None, :, :2]).astype(np.float32)
    nearness = np.exp(-0.5 / 15.0**2 * (across**2).sum(axis=2)) + 1e-9
    flat = flat + nearness @ (new - old) / nearness.sum(axis=1, keepdims=True)
    xy, depth = project_for_raster(flat, camera)
    height, width = camera.height, camera.width
    raster = rasterise(xy, depth, triangles, height, width, cull=False)
    at = interpolate(raster, pixels, triangles).reshape(-1, 2)
    colour = sample(TO_LINEAR[portrait.pixels], at).reshape(height, width, 3)
    colour[raster.triangle < 0] = colour[raster.triangle >= 0].mean(axis=0)
    return colour


def _developed(linear: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera makes of it: exposure, white balance, a soft lens or few pixels, noise, JPEG."""
    linear = linear * rng.uniform(0.75, 1.25) * rng.normal(1, [0.04, 0.01, 0.05])
    encoded = srgb_bytes(linear).astype(float)
    encoded = np.clip(encoded + rng.normal(0, rng.uniform(0, 4.0), encoded.shape), 0, 255)
    picture = Image.fromarray((encoded + 0.5).clip(0, 255).astype(np.uint8))
    if rng.random() < 0.4:
        side = round(picture.width * rng.uniform(0.4, 0.9))
        picture = picture.resize((side, side), Image.Resampling.BILINEAR).resize(
            picture.size, Image.Resampling.BICUBIC
        )
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=int(rng.integers(50, 96)))
    return np.asarray(Image.open(file).convert("RGB"))
