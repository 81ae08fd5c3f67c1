"""How finely a photo shows each part of the head: pixels, viewing angle, and measured blur."""

from __future__ import annotations

import numpy as np

from headshot.arrays import F32, U8, Mask
from headshot.image.colour import luma
from headshot.texture.crop import PhotoCrop
from headshot.texture.layout import Layout

# Blur of a sharp photo, standard deviation in pixels, as `blur_of` measures it: 0.5 to 0.9 on photos of
# HELEN, LFW and photos/ reduced to a half and to a quarter, as any photo then is sharp.
SHARP = 0.8
_ANGLE = 3
_REBLUR = 1.0  # pixels
_EDGES = 0.9  # quantile of gradients from which on they are taken for edges
_FEW = 256  # pixels of a face that say nothing about blur


def sharpness_of(layout: Layout, crop: PhotoCrop) -> F32:
    """How finely a photo shows each vertex of the skin (S,), in [0, 1]: independent pixels per texel, at most
    1, times the cube of the cosine of the viewing angle.

    By one cosine the surface is foreshortened; the rest is that errors of shape and pose move what is seen at
    a grazing angle, by the tangent. What hides a vertex does not count here.
    """
    skin = layout.skin
    pixel = max(1.0, blur_of(crop.pixels, _face(layout, crop)) / SHARP)  # of as many crop pixels
    points, normals = crop.points[skin.vertices], crop.normals[skin.vertices]
    cosine = -(points * normals).sum(axis=1) / np.maximum(np.linalg.norm(points, axis=1), 1e-6)
    return (min(crop.density / pixel, 1.0) * np.clip(cosine, 0, 1) ** _ANGLE).astype(np.float32)


def blur_of(pixels: U8, inside: Mask) -> float:
    """Blur of a picture (H, W, 3) at the edges in it: standard deviation in pixels.

    Blurring once more, with sigma0, lowers the gradient of an edge blurred with sigma by the factor
    R = sqrt(sigma^2 + sigma0^2) / sigma (Zhuo and Sim, "Defocus map estimation from a single image", Pattern
    Recognition 2011, eq. 5), so that sigma = sigma0 / sqrt(R^2 - 1).

    Args:
        pixels: uint8 sRGB.
        inside: (H, W), where to measure; with less than some hundred pixels the picture counts as sharp.
    """
    if inside.sum() < _FEW:
        return SHARP
    grey = luma(pixels).astype(np.float32)
    before, after = _gradient(grey), _gradient(_blurred(grey))
    strength = before[inside]
    edges = strength >= max(float(np.quantile(strength, _EDGES)), 1e-3)
    if not edges.any():
        return SHARP
    ratio = float(np.median(strength[edges] / np.maximum(after[inside][edges], 1e-6)))
    return _REBLUR / np.sqrt(max(ratio**2 - 1, 1e-3))


def _face(layout: Layout, crop: PhotoCrop) -> Mask:
    """Pixels (h, w) of the crop within the box around the face that show the head."""
    height, width = crop.pixels.shape[:2]
    face = layout.model.regions["face"] > 0.5
    toward = (crop.points * crop.normals).sum(axis=1) < 0
    scale = crop.frame.focal / np.maximum(-crop.points[:, 2], 1)
    x, y = crop.frame.x + scale * crop.points[:, 0], crop.frame.y - scale * crop.points[:, 1]
    used = face & toward & (crop.points[:, 2] < -1)
    out = np.zeros((height, width), bool)
    if used.any():
        left, right = np.clip([x[used].min(), x[used].max()], 0, width).astype(int)
        top, bottom = np.clip([y[used].min(), y[used].max()], 0, height).astype(int)
        out[top:bottom, left:right] = True
    depth = crop.hidden.depth
    row = np.minimum((np.arange(height) * crop.frame.cells).astype(int), depth.shape[0] - 1)
    column = np.minimum((np.arange(width) * crop.frame.cells).astype(int), depth.shape[1] - 1)
    return out & np.isfinite(depth[np.ix_(row, column)])


def _gradient(grey: F32) -> F32:
    down, right = np.gradient(grey)
    return np.asarray(np.hypot(down, right), np.float32)


def _blurred(grey: F32) -> F32:
    """Gaussian blur by `_REBLUR` pixels."""
    taps = np.exp(-0.5 * (np.arange(-3, 4) / _REBLUR) ** 2).astype(np.float32)
    taps /= taps.sum()
    for axis in (0, 1):
        padded = np.pad(grey, [(3, 3) if axis == a else (0, 0) for a in (0, 1)], mode="edge")
        n = grey.shape[axis]
        grey = np.sum([t * padded.take(range(k, k + n), axis) for k, t in enumerate(taps)], axis=0)
    return grey
