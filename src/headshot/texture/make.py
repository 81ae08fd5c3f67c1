"""The making of a texture from beginning to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from headshot.arrays import F32, U8, ReadOnly, single
from headshot.checked import Checked
from headshot.models.head_model import HeadModel
from headshot.texture.appearance import PersonAlbedo
from headshot.texture.complete import (
    FLOOR,
    Composition,
    complete_colours,
    compose,
    grain_tile,
    vertex_colours,
)
from headshot.texture.crop import PhotoCrop, crop_head, texels_of_photo
from headshot.texture.delight import features_of, remove_light, shading_of
from headshot.texture.eyes import eye_texels, iris_in_photo
from headshot.texture.layer import Layer, layer_of
from headshot.texture.layout import Layout, layout_of
from headshot.texture.lids import without_folded
from headshot.texture.merge import merge
from headshot.texture.mouth import mouth_colours
from headshot.texture.painted import Painted, measure_best, measure_painted, paint
from headshot.texture.rows import in_rows
from headshot.texture.sample import TexelSamples, sample_texels
from headshot.texture.sharpness import sharpness_of
from headshot.texture.skin_tone import tinted
from headshot.texture.surface import Surface
from headshot.texture.view import TextureView

COMPLETED = 255  # source of texels that no photo shows
_LIPS = np.array([0.88, 0.66, 0.66])  # of the skin's tone, when no photo shows lips
_TURNED = 1.5  # skin that turns so far away from the front, as 1 / cosine, is no longer all outside


@dataclass(frozen=True)
class TextureSettings(Checked):
    """How a texture is made.

    Attributes:
        size: width and height T, 256 to 4096 texels.
        grain: contrast of the fine noise on skin that no photo shows, so that it does not look like plastic
            next to skin that one does.
        delit: take the photos' light out.
    """

    size: int = 1024
    grain: float = 0.01
    delit: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 256 <= self.size <= 4096:
            raise ValueError(f"the texture size must be within 256..4096, got {self.size}")
        if not 0 <= self.grain <= 1:
            raise ValueError(f"grain must be within 0 to 1, got {self.grain}")


@dataclass(frozen=True, eq=False, repr=False)
class Texture(ReadOnly):
    """A head's texture.

    Attributes:
        pixels: (T, T, 3) uint8 sRGB, the light of the photo included or taken out; that of several photos is
            their mean, evened out.
        observed: (T, T) in [0, 1], how well the photos show each texel; 0 where it was completed.
        source: (T, T) uint8, the view that the detail of each texel mainly comes from, `COMPLETED` where it
            was completed.
        coverage: how much of the face that a frontal photo would show the photos do show, in [0, 1].
        delit: whether the photos' light was taken out.
        samples: what its one photo shows, for the texture without light; None where that is made anew.
        photo_texels: the side at which a texel of the face is a pixel of the photo, of several of the finest;
            a larger texture shows no more. None where it is not known.
    """

    pixels: U8
    observed: F32
    source: U8
    coverage: float
    delit: bool = False
    samples: TexelSamples | None = None
    photo_texels: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        side = len(self.pixels)
        if self.pixels.shape != (side, side, 3) or self.pixels.dtype != np.uint8:
            raise ValueError(f"pixels must be uint8 (T, T, 3), got {self.pixels.dtype} {self.pixels.shape}")
        for name, values in (("observed", self.observed), ("source", self.source)):
            if values.shape != (side, side):
                raise ValueError(f"{name} must have shape {(side, side)} like the pixels, got {values.shape}")


def make_texture(
    views: Sequence[TextureView],
    model: HeadModel,
    settings: TextureSettings | None = None,
    albedo: PersonAlbedo | None = None,
    samples: TexelSamples | None = None,
) -> Texture:
    """Texture a head from one or several photos of one person.

    The texture of several has their mean exposure and one even light; each view takes 4 bytes a texel. That
    of one photo keeps what it is made of, 7 bytes a texel, unless the light is taken out.

    Args:
        views: the photos, at most 254, and the head in each of them.
        model: gives triangles, parts, texture coordinates and symmetry.
        settings: defaults to `TextureSettings()`.
        albedo: the person's colours. Hidden skin gets them, in the photo's light; without, its colours and
            shading are estimated from the skin that is seen.
        samples: `Texture.samples` of the same one view, so that it is not sampled once more.

    Raises:
        ValueError: shapes do not belong together, or the light is to be taken out and not known.
    """
    options = settings or TextureSettings()
    _check(views, model, options, albedo, samples)
    layout = layout_of(model, options.size)
    without_light = albedo if options.delit else None
    if len(views) == 1:
        lit = samples if samples is not None else sample_view(layout, views[0])[0]
        kept = None if options.delit else lit
        seen = lit if without_light is None else remove_light(layout, views[0], without_light, lit)
        source = np.zeros(seen.weight.shape, np.uint8)
        painted = measure_painted(layout, seen, views[0])
    else:
        kept = None
        layers = layers_of(layout, views, without_light)
        merged = merge(layout, layers, albedo, options.delit)
        seen, source = merged.samples, merged.source
        painted = measure_best(layout, layers, views, merged.gains, seen.tone.tone)
    seen = replace(seen, weight=without_folded(layout, views, seen.weight))
    own = features_of(None if options.delit else albedo, layout.skin, seen.tone.tone)
    whole = _complete(layout, seen, source, own, painted, options.grain)
    finest = max(texels_of_photo(view, model) for view in views)
    return replace(whole, delit=options.delit, samples=kept, photo_texels=finest)


def _check(
    views: Sequence[TextureView],
    model: HeadModel,
    options: TextureSettings,
    albedo: PersonAlbedo | None,
    samples: TexelSamples | None,
) -> None:
    """Raise ValueError unless all of it belongs together."""
    if not 1 <= len(views) < COMPLETED:
        raise ValueError(f"a texture needs 1 to {COMPLETED - 1} views, got {len(views)}")
    for view in views:
        if view.vertices.shape != model.mean.shape:
            raise ValueError(
                f"vertices must have shape {model.mean.shape} for this model, got {view.vertices.shape}"
            )
    if albedo is not None and albedo.colours.shape != model.mean.shape:
        raise ValueError(
            f"albedo must have colours of shape {model.mean.shape} for this model, got {albedo.colours.shape}"
        )
    if samples is not None and (len(views) > 1 or len(samples.weight) != options.size):
        raise ValueError(
            f"samples must be of the one view and of {options.size} texels a side, got {len(samples.weight)} "
            f"texels and {len(views)} views"
        )
    if options.delit and (albedo is None or any(view.light is None for view in views)):
        raise ValueError(
            "give the person's albedo and the light of every view, so that the light can be taken out of the "
            "texture (headshot.texture.appearance.with_appearance estimates them)"
        )


def sample_view(
    layout: Layout, view: TextureView, without_light: PersonAlbedo | None = None
) -> tuple[TexelSamples, PhotoCrop]:
    """What one photo shows of the texture; with the person's albedo, what it would show without its light."""
    crop, shading = crop_head(view, layout.model, layout.size), _shading(layout, view)
    seen = sample_texels(layout, crop, shading)
    eyes = eye_texels(layout.model, layout.size)  # their colours are judged beside the skin's as photographed
    seen = replace(seen, iris=iris_in_photo(eyes, seen.colour, seen.weight, seen.tone.tone))
    return (seen if without_light is None else remove_light(layout, view, without_light, seen)), crop


def layers_of(
    layout: Layout, views: Sequence[TextureView], without_light: PersonAlbedo | None = None
) -> list[Layer]:
    """What each of several photos shows; see `sample_view`."""
    out = []
    for view in views:
        seen, crop = sample_view(layout, view, without_light)
        shading = None if without_light is not None else _shading(layout, view)
        normals = crop.normals[layout.skin.vertices]
        out.append(layer_of(seen, sharpness_of(layout, crop), normals, shading, view.weight))
    return out


def _shading(layout: Layout, view: TextureView) -> F32 | None:
    """Linear light (S, 3) on the skin's vertices, None where it is not known."""
    if view.light is None:
        return None
    return shading_of(view.light, view.vertices, layout.model)[layout.skin.vertices]


def _complete(
    layout: Layout, seen: TexelSamples, source: U8, own: F32, painted: Painted, grain: float
) -> Texture:
    """The whole texture, with what no photo shows.

    Args:
        layout: of the texture.
        seen: what the photos show.
        source: (T, T) the view that each texel mainly comes from.
        own: (S, 3) the person's own colours against the core of the face, as a factor of sRGB.
        painted: the colours of eyes and teeth.
        grain: see `TextureSettings`.
    """
    model, skin, texels = layout.model, layout.skin, layout.texels
    tone = seen.tone.tone
    # Eyes and mouth are painted, not copied: their texels do not count as observed.
    first, last = model.parts.get("skin", (0, len(model.triangles)))
    shown = np.where((texels.triangle < first) | (texels.triangle >= last), single(0), seen.weight)
    colour, weight = vertex_colours(texels, skin, seen.colour, shown)
    expected = _with_lips(skin, np.clip(seen.skin.tone * own, 0, 1), tone, colour, weight)
    base = np.zeros((len(model.mean), 4), np.float32)
    base[:, :3] = mouth_colours(model, tone) + FLOOR
    base[skin.vertices, :3] = np.exp(complete_colours(skin, colour, weight, expected))
    base[skin.vertices, 3] = 1
    parts = Composition(base, grain_tile(layout.size, grain), seen.colour, shown)
    out = np.empty((layout.size, layout.size, 3), np.uint8)
    out[:] = np.round(tone * 255)
    in_rows(lambda rows: compose(rows, texels.mesh, parts, out), layout.size)
    paint(layout, painted, tone, out)
    flat = out.reshape(-1, 3)
    flat[texels.gutter] = flat[texels.source]
    coverage = float(weight @ skin.frontal / max(float(skin.frontal.sum()), 1e-9))
    source = np.where(shown >= 0.5, source, np.uint8(COMPLETED))  # of which completion is the lesser part
    return Texture(out, shown, source, min(coverage, 1.0))


def _with_lips(skin: Surface, expected: F32, tone: F32, colour: F32, weight: F32) -> F32:
    """Colours (S, 3) of hidden skin, with lips, and their insides, which appear when the mouth moves.

    Args:
        skin: the surface.
        expected: (S, 3) sRGB of bare skin.
        tone: (3,) the person's skin.
        colour, weight: (S, 3), (S,) what is seen, see `headshot.texture.complete.vertex_colours`.
    """
    seen = weight * skin.area * (skin.lips > 0.7)
    lips = tone * tinted(_LIPS, tone)
    if seen.sum() > 100:  # mm^2
        lips = seen @ colour / seen.sum()
    dry = np.minimum(lips, expected)  # of a mouth that is covered
    light = 0.65 + 0.35 * np.clip(_TURNED * skin.frontal / skin.area, 0, 1)  # little gets between them
    return (expected + skin.lips[:, None] * (light[:, None] * dry - expected)).astype(np.float32)
