"""Colour profiles that photos carry (ICC.1:2022)."""

from __future__ import annotations

import io
import struct

from PIL import Image, ImageCms

from headshot.image.limits import MAX_PROFILE, MAX_PROFILE_ELEMENTS


def transform_to_srgb(image: Image.Image, mode: str) -> ImageCms.ImageCmsTransform | None:
    """From the picture's own colour profile to sRGB; None when it has none, or a useless one.

    Useless are damaged ones, those of another kind of pixels, and those beyond the limits: what the numbers
    say without them is near enough.
    """
    profile = image.info.get("icc_profile")
    if not profile or len(profile) > MAX_PROFILE or _elements(profile) > MAX_PROFILE_ELEMENTS:
        return None
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in (ImageCms.getProfileDescription(embedded) or "").lower():
            return None
        return ImageCms.buildTransform(embedded, ImageCms.createProfile("sRGB"), mode, "RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None


def _elements(profile: bytes) -> int:
    """Number of steps that the profile's multi-process elements take for a colour (section 10.16)."""
    count = 0
    for entry in range(132, min(len(profile), 132 + 12 * 100) - 11, 12):  # lcms reads up to 100 tags
        at = struct.unpack_from(">I", profile, entry + 4)[0]
        if profile[at : at + 4] == b"mpet" and at + 16 <= len(profile):
            count += struct.unpack_from(">I", profile, at + 12)[0]
    return count
