"""Pictures against pictures: photometric error, structural similarity, the tone of skin."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from headshot.arrays import U8, Array, Mask


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
    luma = np.array([0.299, 0.587, 0.114])
    values = ssim_map(picture @ luma, photo @ luma)
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


def typology(colour: ArrayLike) -> float:
    """Individual typology angle of an sRGB colour (3,) of skin, degrees: large for light skin.

    ITA = atan((L* - 50) / b*), Chardon, Cretois and Hourseau, "Skin colour typology and suntanning
    pathways", 1991. Measured on a photo it depends on the light as much as on the skin.
    """
    s = np.asarray(colour, dtype=np.float64) / 255
    linear = np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4)
    xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]) @ linear
    t = xyz / [0.9505, 1.0, 1.089]
    f = np.where(t > (6 / 29) ** 3, np.cbrt(t), t / (3 * (6 / 29) ** 2) + 4 / 29)
    return float(np.degrees(np.arctan2(116 * f[1] - 66, 200 * (f[1] - f[2]))))


def skin_bin(angle: float) -> str:
    """Label of a typology angle: the classes of Del Bino and Bernerd 2013, in three."""
    return "light" if angle > 41 else "medium" if angle > 10 else "dark"
