"""Sampling a photo: for every texel, and for single vertices, its colour and how well it is seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from headshot.arrays import F32, I32, U8, Array, Mask, single
from headshot.kernels import njit
from headshot.ramps import smoothstep_kernel
from headshot.robust import weighted_median
from headshot.texture.atlas import TexelMesh
from headshot.texture.crop import PhotoCrop
from headshot.texture.layout import Layout
from headshot.texture.masks import MAYBE_RIM, NO_GLASSES, NO_RIMS, SURE_SKIN, UNOCCLUDED
from headshot.texture.outliers import filter_outliers
from headshot.texture.pixel_kernels import CropFrame, bilinear, colour_at, nearest
from headshot.texture.rows import in_rows
from headshot.texture.skin_colour import SkinColourModel, VertexSamples, fit_skin_colour, skin_likelihood
from headshot.texture.skin_tone import LOG_TABLE, SkinTone, measure_skin_tone
from headshot.texture.surface import Surface
from headshot.texture.visibility import Occlusion, SkinLikelihood, colour_likelihood, visibility

_CELLS = 128  # along the texture's side, on which outliers are filtered
_SURE = np.float32(0.75)  # how much less selective colours are tested where the segmentation is sure of skin
_PLAIN = 0.45  # tolerated deviation of log brightness of single vertices
_TINTED = 0.8  # logarithm of the darkness of skin from which on the lenses before it are dark,
_SHADED = 0.4  # and from which on they change the colours of eyes
_BEARD = np.float32(0.85)  # how much less selective colours are tested where there is a beard


class PosedTexels(NamedTuple):
    """The texels on a mesh in front of the camera.

    Attributes:
        mesh: of the texture.
        facing: (F,) triangles that may be seen.
        points, normals: (V, 3) camera frame, mm and unit.
    """

    mesh: TexelMesh
    facing: Mask
    points: F32
    normals: F32


class Expected(NamedTuple):
    """What is expected of the photo at each vertex.

    Attributes:
        selectivity: (V,) weight of the skin-colour likelihood.
        beard: (V,) tolerance to what is darker than skin.
        skin_prior: (V,) prior probability of skin.
        log_colour: (V, 3) logarithm of the linear colour of bare skin.
        glasses: (V,) which parts of glasses hide it: 0 none, 1 the mask of `Photo.glasses`, 2 all.
    """

    selectivity: F32
    beard: F32
    skin_prior: F32
    log_colour: F32
    glasses: F32


class Photo(NamedTuple):
    """A crop of a photo, as kernels take it.

    Attributes:
        pixels: (h, w, 3) uint8 sRGB.
        frame: projects into it.
        hidden: what hides what.
        cubic: interpolate with a cubic kernel, where the photo is coarser than the texture.
        glasses: channel of the masks that says where glasses hide skin: `NO_RIMS` or `NO_GLASSES`.
    """

    pixels: U8
    frame: CropFrame
    hidden: Occlusion
    cubic: bool
    glasses: int


class Sampled(NamedTuple):
    """What is filled in, all of it of rows of texels.

    Attributes:
        colour: (T, T, 3) sRGB.
        weight: (T, T) by geometry and segmentation.
        likelihood: (T, T) of the colour.
        cells: (t, t, 2) sums over square cells of texels of weights alone, and times likelihoods.
    """

    colour: U8
    weight: F32
    likelihood: F32
    cells: F32


@dataclass(frozen=True, eq=False)
class TexelSamples:
    """What one photo shows of a head's texture.

    Attributes:
        colour: (T, T, 3) uint8 sRGB; undefined where the weight is 0.
        weight: (T, T) in [0, 1], how well the photo shows each texel. Eyes and mouth by geometry alone.
        tone: the person's skin in the middle of the face.
        skin: the skin-colour model of this photo.
        iris: (3,) colour of the irises in ordinary light, see `headshot.texture.eyes.iris_in_photo`; None
            where nobody looked.
    """

    colour: U8
    weight: F32
    tone: SkinTone
    skin: SkinColourModel
    iris: Array | None = None


@njit(cache=True, nogil=True, error_model="numpy")
def _mix(values: F32, corner: tuple[int, int, int], share: tuple[float, float, float]) -> float:
    """Values (V,) of a triangle's corners at barycentric weights."""
    return share[0] * values[corner[0]] + share[1] * values[corner[1]] + share[2] * values[corner[2]]


@njit(cache=True, nogil=True, error_model="numpy")
def _mix3(
    values: F32, corner: tuple[int, int, int], share: tuple[float, float, float]
) -> tuple[float, float, float]:
    """Vectors (V, 3) of a triangle's corners at barycentric weights."""
    i, j, k = corner
    a, b, c = share
    return (
        a * values[i, 0] + b * values[j, 0] + c * values[k, 0],
        a * values[i, 1] + b * values[j, 1] + c * values[k, 1],
        a * values[i, 2] + b * values[j, 2] + c * values[k, 2],
    )


@njit(cache=True, nogil=True, error_model="numpy")
def _sample_rows(
    rows: tuple[int, int],
    texels: PosedTexels,
    expected: Expected,
    photo: Photo,
    skin: SkinLikelihood,
    out: Sampled,
) -> None:
    """Sample some rows of texels, from the first to before the last of ``rows``."""
    one, half, most = single(1), single(0.5), single(0.75)
    frame, masks, mesh = photo.frame, photo.hidden.masks, texels.mesh
    block = -(-mesh.triangle.shape[1] // out.cells.shape[1])
    for y in range(rows[0], rows[1]):
        for x in range(mesh.triangle.shape[1]):
            t = mesh.triangle[y, x]
            if t < 0 or not texels.facing[t]:
                continue
            corner = (mesh.triangles[t, 0], mesh.triangles[t, 1], mesh.triangles[t, 2])
            share = (mesh.barycentric[y, x, 0], mesh.barycentric[y, x, 1], mesh.barycentric[y, x, 2])
            prior = _mix(expected.skin_prior, corner, share)
            p, n = _mix3(texels.points, corner, share), _mix3(texels.normals, corner, share)
            px, py, w = visibility(p, n, frame, photo.hidden)
            w *= prior
            if not w > 0:
                continue
            w *= bilinear(masks, px, py, frame, UNOCCLUDED)
            glasses = _mix(expected.glasses, corner, share)
            if glasses > 0.5:
                w *= bilinear(masks, px, py, frame, NO_GLASSES if glasses > 1.5 else photo.glasses)
            if not w > 0.01:
                continue
            out.cells[y // block, x // block, 0] += w
            value = colour_at(photo.pixels, px, py, photo.cubic)
            selectivity = _mix(expected.selectivity, corner, share)
            # Next to an outline a small error of the fit shows what lies behind.
            far = smoothstep_kernel(nearest(photo.hidden.outline, px, py, frame), single(4), single(13))
            selectivity = max(selectivity, most * (one - far))
            selectivity *= one - _SURE * bilinear(masks, px, py, frame, SURE_SKIN)
            if glasses > 0.5:
                selectivity = max(selectivity, bilinear(masks, px, py, frame, MAYBE_RIM))
            likelihood = one
            if selectivity > 0.01:
                bare = _mix3(expected.log_colour, corner, share)
                beard = _mix(expected.beard, corner, share)
                likelihood = colour_likelihood(value, bare, selectivity, beard, skin)
            out.cells[y // block, x // block, 1] += w * likelihood
            out.weight[y, x] = min(w, one)
            out.likelihood[y, x] = likelihood
            for c in range(3):
                out.colour[y, x, c] = int(value[c] + half)


def sample_texels(layout: Layout, crop: PhotoCrop, shading: F32 | None = None) -> TexelSamples:
    """What a photo shows of every texel.

    Args:
        layout: of the texture.
        crop: the photo.
        shading: (S, 3) linear light on the skin's vertices, if it is known.
    """
    model, skin, size = layout.model, layout.skin, layout.size
    samples, tone, colours = _sample_skin(crop, skin, shading)
    beard = skin.beard * np.float32(colours.beard)
    selectivity = np.maximum(skin.selectivity * (1 - _BEARD * beard), colours.covered)
    lids = model.regions["eyelids"][skin.vertices]
    around = skin.area * (lids < 0.5) * (np.abs(skin.brow) < 0.5)
    tint = _tint(samples, around, colours)
    # Eyes and mouth: any colour, but not through dark glasses.
    v = len(model.mean)
    expected = Expected(
        np.zeros(v, np.float32),
        np.zeros(v, np.float32),
        np.ones(v, np.float32),
        np.zeros((v, 3), np.float32),
        np.full(v, 2 * (tint > _SHADED), np.float32),
    )
    at = skin.vertices
    expected.selectivity[at], expected.beard[at], expected.skin_prior[at] = (
        selectivity,
        beard,
        skin.skin_prior,
    )
    expected.log_colour[at], expected.glasses[at] = colours.log, 1
    block = size // _CELLS
    cells = -(-size // block)
    out = Sampled(
        np.empty((size, size, 3), np.uint8),
        np.zeros((size, size), np.float32),
        np.ones((size, size), np.float32),
        np.zeros((cells, cells, 2), np.float32),
    )
    facing = ((crop.points * crop.normals).sum(axis=1) < 0) & (expected.skin_prior > 0)
    posed = PosedTexels(layout.texels.mesh, facing[model.triangles].any(axis=1), crop.points, crop.normals)
    lenses = NO_RIMS if tint < _TINTED else NO_GLASSES
    photo = Photo(crop.pixels, crop.frame, crop.hidden, crop.enlarged, lenses)
    likelihood = SkinLikelihood(LOG_TABLE, *tone.packed())
    in_rows(lambda rows: _sample_rows(rows, posed, expected, photo, likelihood, out), size, block)
    filter_outliers(out.cells, out.likelihood, out.weight)
    return TexelSamples(out.colour, out.weight, tone, colours)


@njit(cache=True, nogil=True, error_model="numpy")
def _sample_points(chosen: I32, points: F32, normals: F32, photo: Photo, out: F32) -> None:
    """Sample single vertices (N,) of points and normals (V, 3); out (N, 6) as of `VertexSamples`."""
    frame, masks = photo.frame, photo.hidden.masks
    for k in range(chosen.shape[0]):
        v = chosen[k]
        p = (points[v, 0], points[v, 1], points[v, 2])
        n = (normals[v, 0], normals[v, 1], normals[v, 2])
        x, y, w = visibility(p, n, frame, photo.hidden)
        if w > 0:
            value = colour_at(photo.pixels, x, y, photo.cubic)
            out[k, 0], out[k, 1], out[k, 2] = value[0], value[1], value[2]
            clear = bilinear(masks, x, y, frame, NO_GLASSES)
            w *= bilinear(masks, x, y, frame, UNOCCLUDED)
            out[k, 4] = w * max(bilinear(masks, x, y, frame, photo.glasses) - clear, single(0))
            w *= clear
            out[k, 5] = bilinear(masks, x, y, frame, SURE_SKIN)
        out[k, 3] = w


def sample_vertices(skin: Surface, crop: PhotoCrop) -> tuple[F32, F32]:
    """Colour (S, 3) sRGB in [0, 255] and weight (S,) in [0, 1] of the skin's vertices, without a texture.

    Coarser than `sample_texels`: hair is distinguished from skin vertex by vertex.
    """
    samples, tone, colours = _sample_skin(crop, skin)
    likelihood = skin_likelihood(samples.log() - colours.log, tone, _PLAIN)
    beard = skin.beard * np.float32(colours.beard)
    selectivity = np.maximum(skin.selectivity * (1 - beard), colours.covered)
    return samples.colour, samples.weight * skin.skin_prior * (1 - selectivity * (1 - likelihood))


def _tint(samples: VertexSamples, around: F32, colours: SkinColourModel) -> float:
    """How much darker skin behind the lenses of glasses is than it should be, as a logarithm; 0 without.

    Args:
        samples: of the skin's vertices.
        around: (S,) areas of skin around the eyes and elsewhere, without lids and brows, mm^2.
        colours: what bare skin should look like.
    """
    behind = samples.lens * around
    if behind.sum() < 20:
        return 0.0
    return weighted_median(-(samples.log() - colours.log).mean(axis=1), behind)


def _sample_skin(
    crop: PhotoCrop, skin: Surface, shading: F32 | None = None
) -> tuple[VertexSamples, SkinTone, SkinColourModel]:
    """What the photo shows at the vertices, and from it the colour of bare skin: where neither hair, beard
    nor lids cover the face, and what follows from it elsewhere."""
    out = np.zeros((len(skin.vertices), 6), np.float32)
    photo = Photo(crop.pixels, crop.frame, crop.hidden, False, NO_RIMS)
    _sample_points(skin.vertices, crop.points, crop.normals, photo, out)
    samples = VertexSamples(out[:, :3], out[:, 3], out[:, 4], out[:, 5])
    normals = crop.normals[skin.vertices]
    bare = np.flatnonzero(skin.bare > 0.5)
    bare = bare[:: max(1, len(bare) // 600)]
    tone = measure_skin_tone(samples.colour[bare], normals[bare], samples.weight[bare])
    return samples, tone, fit_skin_colour(skin, samples, normals, tone, shading)
