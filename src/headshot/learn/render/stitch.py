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
    section F sees a difference in the face alone. The picture is the Soft Rasterizer's (Liu et al. 2019,
    eq. 2) with the photo as the colour of the background, C_b:

        stitched = sum_j w_j C_j + w_b photo,    w_b = 1 - sum_j w_j = 1 - coverage    (eq. 3)

    So no pixel of the face keeps anything of the photo, and a wrong face cannot hide behind it. The
    silhouette of eq. 4 would let a quarter of the photo through along every edge between two triangles, and
    its slope would teach faces to shrink, since outside of them the stitched picture has no error. With a
    mask that is 1 where the photo shows the face, not hair, glasses or a hand in front of it,

        stitched = photo + mask * (sum_j w_j C_j + w_b photo - photo)

    Gradients reach the rendering through colours and weights, and the photo and mask too.

    Args:
        rendering: B pictures of H x W pixels. Its background does not matter.
        photo: (B, H, W, C) or (H, W, C), in the colour space of the rendering.
        mask: (B, H, W) or (H, W) from 0 to 1, or None for 1 everywhere.

    Raises:
        ValueError: sizes differ.
    """
    if photo.shape[-3:] != rendering.rgb.shape[-3:]:
        raise ValueError(
            f"the photo {tuple(photo.shape)} must have the size of the rendering {tuple(rendering.rgb.shape)}"
        )
    coverage = rendering.coverage
    if mask is None:
        return rendering.foreground + (1 - coverage)[..., None] * photo
    if mask.shape[-2:] != coverage.shape[-2:]:
        raise ValueError(
            f"the mask {tuple(mask.shape)} must have the size of the rendering {tuple(coverage.shape)}"
        )
    weight = mask.to(coverage)
    return weight[..., None] * rendering.foreground + (1 - weight * coverage)[..., None] * photo


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
