"""MeshNet: photo and segmentation in, offsets and colours of a template's vertices out. Appendix B.

Jeon, Millman and Kapron, "Physics-based 3D Face Reconstruction". As in `babymesh`, the table leaves one
reading:

    input             6 x 128 x 128                  photo and segmentation, three channels each
    convolution 1    16 x 126 x 126          880
    convolution 2    32 x  61 x  61        4,640
    convolution 3    64 x  28 x  28       18,496
    convolution 4   128 x  12 x  12       73,856
    linear          2113 x 3          29,216,451     offsets, from 128 x 6 x 6
    linear          2113 x 3          29,216,451     colours

The paper contradicts itself: its text has 3 x 64 x 64 pictures, the table 128 x 128. (With 64 there would be
6,600,000 parameters.) Here the size is a choice, and any batch works; the paper was held to batches of 1 by a
bug. Neither activations nor the range of the colours are named: ReLU, and a sigmoid for colours in [0, 1].

Its title, its abstract ("considering illumination and shadow") and Figure 3 promise light, its table bakes
it into the colours. With `Skin` the second linear layer gives albedo instead, and a third one nine spherical
harmonics a colour:

    linear             9 x 3             124,443     light, only with `Skin`: 58,655,217 in all
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn

from headshot.learn.networks.babymesh import after_blocks, check_pictures, convolve, start_small

PAPER_SIZE = 128  # pixels; only then are there 58,530,774 parameters
_CHANNELS = (16, 32, 64, 128)


@dataclass(frozen=True, eq=False)
class Skin:
    """What MeshNet with light starts from.

    Attributes:
        albedo: (V, 3) linear reflectance.
        light: (9, 3), in the order of `headshot.geometry.light`.
    """

    albedo: Tensor
    light: Tensor


class Deformation(NamedTuple):
    """What MeshNet says of B pictures.

    Attributes:
        offsets: (B, V, 3) in the unit of the template.
        colours: (B, V, 3) in [0, 1]: sRGB, or linear albedo where there is light.
        light: (B, 9, 3), or None where it is baked into the colours.
    """

    offsets: Tensor
    colours: Tensor
    light: Tensor | None


class MeshNet(nn.Module):
    """Four convolutions and two linear layers, or three.

    Attributes:
        size: height and width of its pictures, pixels.
        vertices: V offsets and colours that it gives.
    """

    start_colours: Tensor
    start_light: Tensor

    def __init__(self, size: int = PAPER_SIZE, vertices: int = 2113, skin: Skin | None = None) -> None:
        """Random weights; the linear layers start small: the undeformed template, mid-grey, or in the colours
        and the light of ``skin``."""  # fmt: skip
        super().__init__()
        self.size, self.vertices = size, vertices
        left = after_blocks(size, len(_CHANNELS))
        if left < 1:
            raise ValueError(f"pictures of {size} pixels are too small for four poolings: at least 46")
        widths = (6, *_CHANNELS)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairwise(widths))
        features = _CHANNELS[-1] * left * left
        self.offsets = nn.Linear(features, vertices * 3)
        self.colours = nn.Linear(features, vertices * 3)
        start_small(self.offsets)
        start_small(self.colours)
        self.light: nn.Linear | None = None
        if skin is not None:
            self.light = nn.Linear(features, 27)
            start_small(self.light)
            self.register_buffer("start_colours", skin.albedo.clamp(0.01, 0.99).logit())
            self.register_buffer("start_light", skin.light.clone())

    def forward(self, pictures: Tensor, segmentation: Tensor) -> Deformation:
        """Deform and paint the template.

        Args:
            pictures: (B, 3, size, size) sRGB in [0, 1].
            segmentation: (B, 3, size, size), the map of the face's parts painted in three channels.
        """
        check_pictures(pictures, 3, self.size)
        check_pictures(segmentation, 3, self.size)
        both = 2 * torch.cat([pictures, segmentation], dim=1) - 1
        features = convolve(self.convolutions, both)
        offsets = self.offsets(features).float().view(-1, self.vertices, 3)
        painted = self.colours(features).float().view(-1, self.vertices, 3)
        if self.light is None:
            return Deformation(offsets, torch.sigmoid(painted), None)
        light = self.start_light + self.light(features).float().view(-1, 9, 3)
        return Deformation(offsets, torch.sigmoid(self.start_colours + painted), light)
