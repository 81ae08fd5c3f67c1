"""From a photo and a fitted head to the head's texture.

photo + pose ─► what each texel shows, and how believable it is   (view, observe, skin)
             ─► the light taken out, if that is wanted            (delight)
             ─► the rest of the skin, in the photo's light        (complete)
             ─► eyes and mouth                                    (eyes, mouth)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import F32, U8
from headshot.geometry.camera import Camera
from headshot.models.head_model import HeadModel
from headshot.perception.segmentation import Segmentation
from headshot.texture.atlas import Atlas, Surface, atlas_of, surface_of
from headshot.texture.complete import FLOOR, compose, grain_tile, seen_colours, spread_colours
from headshot.texture.delight import Looks, delit, features_of, shading_of
from headshot.texture.eyes import eye_texels, measure_eyes, paint_eyes
from headshot.texture.mouth import between_lips, measure_teeth, mouth_colours, paint_teeth
from headshot.texture.observe import observe_texels
from headshot.texture.rows import in_rows
from headshot.texture.skin import SkinColour, tinted
from headshot.texture.view import look

__all__ = ["Looks", "Texture", "TextureSettings", "make_texture"]


_LIPS = np.array([0.88, 0.66, 0.66])  # of the skin's tone, when the photo shows no lips
_TURNED = 1.5  # skin that turns so far away from the front, as 1 / cosine, is no longer all outside


@dataclass(frozen=True)
class TextureSettings:
    """How a texture is made.

    Attributes:
        size: width and height T, 256 to 4096 texels.
        grain: contrast of the fine noise on skin that the photo does not show, so that it does not look like
            plastic next to skin that it does.
        delit: take the photo's light out.
    """

    size: int = 1024
    grain: float = 0.01
    delit: bool = False

    def __post_init__(self) -> None:
        if not 256 <= self.size <= 4096:
            raise ValueError(f"the texture size must be within 256..4096, got {self.size}")


@dataclass(frozen=True, eq=False)
class Texture:
    """A head's texture.

    Attributes:
        pixels: (T, T, 3) uint8 sRGB, the light of the photo included or taken out.
        observed: (T, T) in [0, 1], how well the photo shows each texel; 0 where it was completed.
        coverage: how much of the face that a frontal photo would show this photo does show, in [0, 1].
    """

    pixels: U8
    observed: F32
    coverage: float


def make_texture(
    pixels: U8,
    vertices: ArrayLike,
    model: HeadModel,
    camera: Camera,
    settings: TextureSettings | None = None,
    looks: Looks | None = None,
    parts: Segmentation | None = None,
) -> Texture:
    """Texture a head from a photo.

    Args:
        pixels: (H, W, 3) uint8 sRGB photo.
        vertices: (V, 3) mm, head frame, with the expression that the photo shows.
        model: gives triangles, parts, texture coordinates and symmetry.
        camera: projects the head frame to the photo.
        settings: defaults to `TextureSettings()`.
        looks: the person's colours and the light (`headshot.texture.appearance`). Hidden skin gets them;
            without, its colours and shading are guessed from the skin that is seen.
        parts: what is before the face in the photo; without, only colours tell.

    Raises:
        ValueError: shapes do not belong together, vertices are not finite, or the light is to be taken out
            and not known.
    """
    options = settings or TextureSettings()
    points = np.ascontiguousarray(vertices, dtype=np.float32)
    if points.shape != model.mean.shape:
        raise ValueError(f"vertices must have shape {model.mean.shape} for this model, got {points.shape}")
    if not np.isfinite(points).all():
        raise ValueError("vertices must be finite")
    if pixels.dtype != np.uint8 or pixels.shape != (camera.height, camera.width, 3):
        raise ValueError(
            f"pixels must be uint8 of shape {(camera.height, camera.width, 3)} like the camera's picture, "
            f"got {pixels.dtype} {pixels.shape}"
        )
    if options.delit and looks is None:
        raise ValueError("give the person's looks, so that the light can be taken out of the texture")
    texels, skin = atlas_of(model, options.size), surface_of(model)
    view = look(pixels, points, model, camera, options.size, parts)
    shading = None if looks is None else shading_of(looks, points, model)[skin.vertices]
    seen = observe_texels(texels, skin, model, view, shading)
    features = np.sqrt(skin.hollow)[:, None]
    if looks is not None and options.delit:
        seen = delit(texels, skin, model, points, looks, seen)
    elif looks is not None:
        features = features_of(looks, skin, seen[2].tone)
    colour, weight, tone, expected = seen
    eyes = eye_texels(model, options.size)
    sclera, iris = measure_eyes(eyes, colour, weight, tone.tone)
    tooth = measure_teeth(model, colour, weight, tone.tone, between_lips(pixels, parts))
    _forget_other_parts(texels, model, weight)
    found, belief = seen_colours(texels, skin, model.triangles, colour, weight)
    hidden = np.clip(expected.tone * features, 0, 1)
    hidden = _with_lips(skin, hidden, tone.tone, found, belief)
    log = spread_colours(skin, found, belief, hidden)
    out = _join(texels, skin, model, (log, tone), (colour, weight), options)
    paint_eyes(eyes, sclera, iris, out)
    paint_teeth(model, tone.tone, tooth, out)
    flat = out.reshape(-1, 3)
    flat[texels.gutter] = flat[texels.source]
    coverage = float(belief @ skin.frontal / max(float(skin.frontal.sum()), 1e-9))
    return Texture(out, weight, min(coverage, 1.0))


def _with_lips(skin: Surface, hidden: F32, tone: F32, seen: F32, belief: F32) -> F32:
    """Colours (S, 3) of hidden skin, with lips, and their insides, which appear when the mouth moves.

    Args:
        skin: the surface.
        hidden: (S, 3) sRGB of hidden skin.
        tone: (3,) the person's skin.
        seen, belief: see `seen_colours`.
    """
    weight = belief * skin.area * (skin.lips > 0.7)
    lips = tone * tinted(_LIPS, tone)
    if weight.sum() > 100:  # mm^2
        lips = weight @ seen / weight.sum()
    dry = np.minimum(lips, hidden)  # of a mouth that is covered
    light = 0.65 + 0.35 * np.clip(_TURNED * skin.frontal / skin.area, 0, 1)  # little gets between them
    return (hidden + skin.lips[:, None] * (light[:, None] * dry - hidden)).astype(np.float32)


def _forget_other_parts(texels: Atlas, model: HeadModel, weight: F32) -> None:
    """Eyes and mouth are painted, not copied: their texels do not count as observed."""
    first, last = model.parts.get("skin", (0, len(model.triangles)))
    weight[(texels.triangle < first) | (texels.triangle >= last)] = 0


def _join(
    texels: Atlas,
    skin: Surface,
    model: HeadModel,
    low: tuple[F32, SkinColour],
    seen: tuple[U8, F32],
    options: TextureSettings,
) -> U8:
    """The texture (T, T, 3) of skin and mouth; outside of the charts the skin's tone."""
    log, tone = low
    base = np.zeros((len(model.mean), 4), np.float32)
    base[:, :3] = mouth_colours(model, tone.tone) + FLOOR
    base[skin.vertices, :3] = np.exp(log)
    base[skin.vertices, 3] = 1
    out = np.empty((options.size, options.size, 3), np.uint8)
    out[:] = np.round(tone.tone * 255)
    grain = grain_tile(options.size, options.grain)
    mesh = (texels.triangle, texels.barycentric)
    in_rows(lambda rows: compose(rows, mesh, model.triangles, base, grain, *seen, out), options.size)
    return out
