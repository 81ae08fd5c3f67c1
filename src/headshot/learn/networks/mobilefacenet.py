"""MobileFaceNet: a small network that recognises people, to judge whether a rendered face is the photo's.

Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices"
(CCBR 2018), table 1, for faces of 112 x 96 pixels. Weights do not ship; a safetensors file with the usual
names (conv1, dw_conv1, blocks.N.conv.N, conv2, linear7, linear1) is read from the file that the caller gives.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from headshot.errors import HeadshotError
from headshot.reading.complaint import reading

# Expansion, channels, repeats and stride of the bottlenecks.
_BOTTLENECKS = ((2, 64, 5, 2), (4, 128, 1, 2), (2, 128, 6, 1), (4, 128, 1, 2), (2, 128, 2, 1))

HEIGHT, WIDTH = 112, 96
# Where the five points lie in a picture of the network (SphereFace's alignment), pixels.
POINTS = ((30.2946, 51.6963), (65.5318, 51.5014), (48.0252, 71.7366), (33.5493, 92.3655), (62.7299, 92.2041))


class _Unit(nn.Module):
    """Convolution, batch normalisation and, unless linear, PReLU."""

    def __init__(
        self, inside: int, out: int, kernel: int | tuple[int, int], stride: int = 1, padding: int = 0,
        *, depthwise: bool = False, linear: bool = False,
    ) -> None:  # fmt: skip
        super().__init__()
        groups = inside if depthwise else 1
        self.conv = nn.Conv2d(inside, out, kernel, stride, padding, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out)
        self.prelu = None if linear else nn.PReLU(out)

    def forward(self, x: Tensor) -> Tensor:
        x = self.bn(self.conv(x))
        return x if self.prelu is None else self.prelu(x)


class _Bottleneck(nn.Module):
    """Expand, filter each channel, project; added to the input if the shapes allow."""

    def __init__(self, inside: int, out: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.conv = nn.Sequential(
            nn.Conv2d(inside, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.PReLU(wide),
            nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False),
            nn.BatchNorm2d(wide), nn.PReLU(wide),
            nn.Conv2d(wide, out, 1, bias=False), nn.BatchNorm2d(out),
        )  # fmt: skip
        self.same = stride == 1 and inside == out

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.same else self.conv(x)


class MobileFaceNet(nn.Module):
    """The network, in evaluation mode and frozen once loaded by `load_mobilefacenet`."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = _Unit(3, 64, 3, 2, 1)
        self.dw_conv1 = _Unit(64, 64, 3, 1, 1, depthwise=True)
        blocks, inside = [], 64
        for expansion, channels, repeats, stride in _BOTTLENECKS:
            for k in range(repeats):
                blocks.append(_Bottleneck(inside, channels, 1 if k else stride, expansion))
                inside = channels
        self.blocks = nn.Sequential(*blocks)
        self.conv2 = _Unit(inside, 512, 1)
        self.linear7 = _Unit(512, 512, (7, 6), depthwise=True, linear=True)
        self.linear1 = _Unit(512, 128, 1, linear=True)

    def forward(self, faces: Tensor) -> Tensor:
        """Unit embeddings (B, 256) of aligned faces (B, 3, 112, 96), sRGB in [0, 1].

        They are those of the picture and of its mirror image, one after the other.
        """
        x = (torch.cat([faces, faces.flip(3)]) * 255 - 127.5) / 128
        x = self.conv2(self.blocks(self.dw_conv1(self.conv1(x))))
        x = self.linear1(self.linear7(x)).flatten(1)
        one, other = x.chunk(2)
        return nn.functional.normalize(torch.cat([one, other], dim=1), dim=1)


def load_mobilefacenet(file: str | Path) -> MobileFaceNet:
    """A frozen MobileFaceNet with the weights of a safetensors file.

    Raises:
        HeadshotError: there is no such file, or it is of another network.
    """
    if not Path(file).is_file():
        raise HeadshotError(
            f"there is no {file}: the identity loss needs MobileFaceNet's weights as safetensors "
            "(docs/explanation/jiang-yang.md), or do without --recogniser"
        )
    network = MobileFaceNet()
    with reading(file, "MobileFaceNet's weights", HeadshotError, also=(SafetensorError,)):
        missing, unexpected = network.load_state_dict(load_file(file), strict=False)
    if unexpected or [key for key in missing if not key.endswith("num_batches_tracked")]:
        raise HeadshotError(f"{file} does not hold MobileFaceNet's weights: other names are in it")
    return network.eval().requires_grad_(False)
