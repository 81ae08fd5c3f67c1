"""BabyMeshNet: a picture in, one offset for each vertex of a sphere out. Appendix A of Jeon et al.

Jeon, Millman and Kapron, "Physics-based 3D Face Reconstruction". The table's shapes and numbers of parameters
leave one reading: 3 x 3 convolutions without padding, 2 x 2 max pooling after each, one linear layer.

    input            3 x 256 x 256
    convolution 1    8 x 254 x 254          224
    convolution 2   12 x 125 x 125          876      (254 / 2 - 2)
    convolution 3   16 x  60 x  60        1,744
    convolution 4   32 x  28 x  28        4,640
    linear          2562 x 3         48,214,278      (from 32 x 14 x 14)

The paper contradicts itself: its text has 128 x 128 pictures (the table 256), three convolutions (the table
four), and once a "7686 x 3 tensor, where 7686 is the number of vertices" (7,686 is 2,562 x 3). This follows
the table. It does not name activations; here ReLU.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

PAPER_SIZE = 256  # pixels; only then are there 48,221,762 parameters
_CHANNELS = (8, 12, 16, 32)


def after_blocks(size: int, blocks: int) -> int:
    """Pixels that are left of ``size`` after so many 3 x 3 convolutions, each with 2 x 2 pooling."""
    for _ in range(blocks):
        size = (size - 2) // 2
    return size


def convolve(layers: nn.ModuleList, pictures: Tensor) -> Tensor:
    """Flat features (B, N): each layer with a ReLU and 2 x 2 max pooling."""
    for layer in layers:
        pictures = torch.max_pool2d(torch.relu(layer(pictures)), 2)
    return pictures.flatten(1)


class BabyMeshNet(nn.Module):
    """Four convolutions and a linear layer.

    Attributes:
        size: height and width of its pictures, pixels.
        vertices: V offsets that it gives.
    """

    def __init__(self, size: int = PAPER_SIZE, vertices: int = 2562) -> None:
        """Random weights; the linear layer starts small, so that the first mesh is nearly the sphere."""
        super().__init__()
        self.size, self.vertices = size, vertices
        left = after_blocks(size, len(_CHANNELS))
        if left < 1:
            raise ValueError(f"pictures of {size} pixels are too small for four poolings: at least 46")
        widths = (3, *_CHANNELS)
        self.convolutions = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairwise(widths))
        self.offsets = nn.Linear(_CHANNELS[-1] * left * left, vertices * 3)
        start_small(self.offsets)

    def forward(self, pictures: Tensor) -> Tensor:
        """Offsets (B, V, 3), in the unit of the sphere, for pictures (B, 3, size, size) in [0, 1]."""
        check_pictures(pictures, 3, self.size)
        return self.offsets(convolve(self.convolutions, pictures)).view(-1, self.vertices, 3)


def start_small(layer: nn.Linear, scale: float = 0.05) -> None:
    """Scale torch's first weights down."""
    with torch.no_grad():
        layer.weight.mul_(scale)
        layer.bias.mul_(scale)


def check_pictures(pictures: Tensor, channels: int, size: int) -> None:
    """Raise ValueError unless these are (B, channels, size, size)."""
    if pictures.ndim != 4 or tuple(pictures.shape[1:]) != (channels, size, size):
        raise ValueError(
            f"expected pictures (B, {channels}, {size}, {size}), got {tuple(pictures.shape)}; resize them, "
            "or make a network of their size"
        )
