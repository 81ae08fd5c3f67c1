"""Stitching a rendered face into its photo, and the transfer function of sRGB.

Dimension letters: B batch, H x W image, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor

from headshot.image.colour import EXPONENT, KNEE_LINEAR, KNEE_SRGB, OFFSET, SLOPE
from headshot.learn.render.renderer import Rendering


def stitch(rendering: Rendering, photo: Tensor, mask: Tensor | None = None) -> Tensor:
    """The photo (B, H, W, C) with the rendered face in the place of its face.

    "After generating the 2D face image, we stitch the face image back into the original image to cover the
    face area" (Jiang and Yang, "3D Human Face Reconstruction
    with 3DMM Face Model from RGB Image", section E), so that the image loss of its
    section F sees a difference in the face alone. A pixel is the face's as far as the mesh covers it and the
    mask is 1 where the photo shows the face, not hair, glasses or a hand in front of it:

        stitched = mask * (colour * silhouette) + (1 - mask * silhouette) * photo

    Gradients reach the rendering through colour and silhouette, and the photo and mask too.

    Args:
        rendering: B pictures of H x W pixels. Its background does not matter.
        photo: (B, H, W, C) or (H, W, C), in the colour space of the rendering.
        mask: (B, H, W) or (H, W) from 0 to 1, or None for 1 everywhere.

    Raises:
        ValueError: sizes differ.
    """
    foreground, silhouette = rendering.foreground, rendering.silhouette
    if photo.shape[-3:] != foreground.shape[-3:]:
        raise ValueError(
            f"the photo {tuple(photo.shape)} must have the size of the rendering {tuple(foreground.shape)}"
        )
    if mask is None:
        return foreground + (1 - silhouette[..., None]) * photo
    if mask.shape[-2:] != silhouette.shape[-2:]:
        raise ValueError(
            f"the mask {tuple(mask.shape)} must have the size of the rendering {tuple(silhouette.shape)}"
        )
    weight = mask.to(foreground)[..., None]
    return weight * foreground + (1 - weight * silhouette[..., None]) * photo


def to_srgb(linear: Tensor) -> Tensor:
    """Linear light in [0, 1] encoded as sRGB (IEC 61966-2-1); values outside are continued, not clipped."""
    low = linear <= KNEE_LINEAR
    powered = torch.where(low, 0.5, linear) ** (1 / EXPONENT)  # its slope at 0 is infinite
    return torch.where(low, SLOPE * linear, (1 + OFFSET) * powered - OFFSET)


def to_linear(srgb: Tensor) -> Tensor:
    """sRGB in [0, 1] as linear light (IEC 61966-2-1)."""
    low = srgb <= KNEE_SRGB
    base = torch.where(low, 0.5, (srgb + OFFSET) / (1 + OFFSET))
    return torch.where(low, srgb / SLOPE, base**EXPONENT)
