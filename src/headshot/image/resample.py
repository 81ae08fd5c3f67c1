"""Fast, antialiased resampling of photos: reduction by whole factors and affine crops.

Pixels have their centres at +0.5, so an affine map between two pictures needs no half-pixel corrections.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import U8, Array
from headshot.kernels import njit

MAX_TAPS = 2  # samples a pixel and axis; a coarser crop is made from a reduced picture


@njit(cache=True, nogil=True)
def _reduce(image, top, left, k, out):  # type: ignore[no-untyped-def]
    """Mean of k x k pixels from a corner on. image (H, W * 3) and out (h, w * 3) uint8."""
    height, width = out.shape[0], out.shape[1] // 3
    n = width * k * 3
    rows = np.empty(n, np.uint32)
    half, scale = np.uint32(k * k // 2), np.float32(1.0 / (k * k))
    for i in range(height):
        rows[:] = 0
        for a in range(k):
            line = image[top + i * k + a, 3 * left : 3 * left + n]
            for j in range(n):
                rows[j] += line[j]
        for j in range(width):
            base = j * k * 3
            r, g, b = half, half, half
            for a in range(k):
                r += rows[base + 3 * a]
                g += rows[base + 3 * a + 1]
                b += rows[base + 3 * a + 2]
            out[i, 3 * j] = np.uint8(np.float32(r) * scale)
            out[i, 3 * j + 1] = np.uint8(np.float32(g) * scale)
            out[i, 3 * j + 2] = np.uint8(np.float32(b) * scale)


@njit(cache=True, nogil=True)
def _warp(image, maps, taps, clamp, out):  # type: ignore[no-untyped-def]
    """Bilinear crops. image (H, W, 3), out (N, h, w, 3) uint8; maps (N, 2, 3) float32 from out to image."""
    height, width = image.shape[0], image.shape[1]
    step, weight = np.float32(1.0 / taps), np.float32(1.0 / (taps * taps))
    one, half = np.float32(1.0), np.float32(0.5)
    for n in range(out.shape[0]):
        a, b, c = maps[n, 0, 0], maps[n, 0, 1], maps[n, 0, 2] - half
        d, e, f = maps[n, 1, 0], maps[n, 1, 1], maps[n, 1, 2] - half
        for i in range(out.shape[1]):
            for j in range(out.shape[2]):
                r, g, bl = np.float32(0), np.float32(0), np.float32(0)
                for s in range(taps):
                    v = np.float32(i) + (np.float32(s) + half) * step
                    for t in range(taps):
                        u = np.float32(j) + (np.float32(t) + half) * step
                        x, y = a * u + b * v + c, d * u + e * v + f
                        x0, y0 = int(np.floor(x)), int(np.floor(y))
                        fx, fy = x - np.float32(x0), y - np.float32(y0)
                        if 0 <= x0 < width - 1 and 0 <= y0 < height - 1:
                            w11 = fx * fy
                            w01, w10 = fx - w11, fy - w11
                            w00 = one - fx - w10
                            # Unsigned, so that the compiled code does not look for negative indices.
                            yu, xu = np.uintp(y0), np.uintp(x0)
                            yv, xv = yu + np.uintp(1), xu + np.uintp(1)
                            r += (
                                w00 * np.float32(image[yu, xu, 0])
                                + w01 * np.float32(image[yu, xv, 0])
                                + w10 * np.float32(image[yv, xu, 0])
                                + w11 * np.float32(image[yv, xv, 0])
                            )
                            g += (
                                w00 * np.float32(image[yu, xu, 1])
                                + w01 * np.float32(image[yu, xv, 1])
                                + w10 * np.float32(image[yv, xu, 1])
                                + w11 * np.float32(image[yv, xv, 1])
                            )
                            bl += (
                                w00 * np.float32(image[yu, xu, 2])
                                + w01 * np.float32(image[yu, xv, 2])
                                + w10 * np.float32(image[yv, xu, 2])
                                + w11 * np.float32(image[yv, xv, 2])
                            )
                            continue
                        for q in range(2):
                            wy = fy if q else one - fy
                            yq = y0 + q
                            if yq < 0 or yq >= height:
                                if not clamp:
                                    continue
                                yq = min(max(yq, 0), height - 1)
                            for p in range(2):
                                w = wy * (fx if p else one - fx)
                                xp = x0 + p
                                if xp < 0 or xp >= width:
                                    if not clamp:
                                        continue
                                    xp = min(max(xp, 0), width - 1)
                                r += w * np.float32(np.float32(image[yq, xp, 0]))
                                g += w * np.float32(np.float32(image[yq, xp, 1]))
                                bl += w * np.float32(np.float32(image[yq, xp, 2]))
                out[n, i, j, 0] = np.uint8(r * weight + half)
                out[n, i, j, 1] = np.uint8(g * weight + half)
                out[n, i, j, 2] = np.uint8(bl * weight + half)


def reduced(image: U8, k: int) -> U8:
    """A picture (H, W, 3) uint8 made k times smaller by averaging k x k pixels; (H // k, W // k, 3).

    Up to k - 1 pixels at the right and at the bottom are left out. k = 1 returns the picture itself.
    """
    if k == 1:
        return image
    return _reduced_part(image, (0, 0), (image.shape[0] // k, image.shape[1] // k), k)


def _reduced_part(image: U8, corner: tuple[int, int], size: tuple[int, int], k: int) -> U8:
    """A part of a picture, k times smaller: (h, w, 3) of the pixels from the corner (top, left) on."""
    out = np.empty((size[0], size[1] * 3), np.uint8)
    _reduce(_uniform(image).reshape(image.shape[0], -1), *corner, k, out)
    return out.reshape(*size, 3)


def _uniform(image: U8) -> U8:
    """The picture as one kind of array, read-only, for which kernels are compiled once; mostly no copy."""
    view = np.ascontiguousarray(image).view()
    view.flags.writeable = False
    return view


def warp(image: U8, maps: ArrayLike, size: tuple[int, int], *, clamp: bool = False) -> U8:
    """Affine crops of a picture, averaged where they are coarser than it.

    Args:
        image: (H, W, 3) uint8, C-contiguous.
        maps: (N, 2, 3), pixel coordinates of the crop to pixel coordinates of the picture.
        size: height and width (h, w) of the crops.
        clamp: outside of the picture repeat its border; otherwise it is black there.

    Returns:
        (N, h, w, 3) uint8.
    """
    image = _uniform(image)
    m = np.array(maps, dtype=np.float64).reshape(-1, 2, 3)
    out = np.empty((len(m), *size, 3), np.uint8)
    scale = np.sqrt(np.abs(np.linalg.det(m[:, :, :2])))
    # Rounding up at 1.2: a crop that is only slightly coarser needs no second sample.
    taps = np.clip(np.ceil(scale - 0.2), 1, None)
    factors = np.exp2(np.ceil(np.log2(np.maximum(taps / MAX_TAPS, 1)))).astype(int)
    samples = np.minimum(taps, MAX_TAPS).astype(int)
    for k, t in sorted(set(zip(factors.tolist(), samples.tolist(), strict=True))):
        chosen = np.flatnonzero((factors == k) & (samples == t))
        source, local = _reduced_around(image, m[chosen], size, k)
        part = np.empty((len(chosen), *size, 3), np.uint8)
        _warp(_uniform(source), np.ascontiguousarray(local, dtype=np.float32), t, clamp, part)
        out[chosen] = part
    return out


def _reduced_around(image: U8, maps: Array, size: tuple[int, int], k: int) -> tuple[U8, Array]:
    """The part of a picture that crops touch, k times smaller, and the maps into it."""
    height, width = image.shape[0] // k * k, image.shape[1] // k * k
    if k == 1 or min(height, width) == 0:
        return image, maps
    corners = np.array([[0, size[1], 0, size[1]], [0, 0, size[0], size[0]], [1, 1, 1, 1]], dtype=np.float64)
    touched = (maps @ corners) / k
    low = np.floor(touched.min(axis=(0, 2))).astype(int) - 1
    high = np.ceil(touched.max(axis=(0, 2))).astype(int) + 1
    # At least one block, however far outside of the picture the crops lie.
    x0, y0 = np.clip(low * k, 0, [width - k, height - k])
    x1, y1 = np.clip(high * k, [x0 + k, y0 + k], [width, height])
    moved = maps.copy()
    moved[:, :, 2] -= (x0, y0)
    return _reduced_part(image, (int(y0), int(x0)), (int(y1 - y0) // k, int(x1 - x0) // k), k), moved / k
