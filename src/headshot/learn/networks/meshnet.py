"""MeshNet: photo and segmentation in, offsets and colours of a hemisphere's vertices out. Appendix B.

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
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from headshot.learn.networks.babymesh import after_blocks, check_pictures, convolve, start_small

PAPER_SIZE = 128  # pixels; only then are there 58,530,774 parameters
_CHANNELS = (16, 32, 64, 128)


class MeshNet(nn.Module):
    """Four convolutions and two linear layers.

    Attributes:
        size: height and width of its pictures, pixels.
        vertices: V offsets and colours that it gives.
    """

    def __init__(self, size: int = PAPER_SIZE, vertices: int = 2113) -> None:
        """Random weights; both linear layers start small: a hemisphere, mid-grey."""
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

    def forward(self, pictures: Tensor, segmentation: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets (B, V, 3) in the unit of the hemisphere, and colours (B, V, 3), sRGB in [0, 1].

        Args:
            pictures: (B, 3, size, size) sRGB in [0, 1].
            segmentation: (B, 3, size, size), the map of the face's parts painted in three channels.
        """
        check_pictures(pictures, 3, self.size)
        check_pictures(segmentation, 3, self.size)
        features = convolve(self.convolutions, torch.cat([pictures, segmentation], dim=1))
        offsets = self.offsets(features).view(-1, self.vertices, 3)
        return offsets, torch.sigmoid(self.colours(features)).view(-1, self.vertices, 3)
