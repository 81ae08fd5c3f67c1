"""ResNet, the backbone of the regressor of Jiang and Yang (2026).

He et al., "Deep Residual Learning for Image Recognition" (CVPR 2016), with the stride in the bottleneck's
3 x 3 convolution as torchvision has it. The names of all weights are torchvision's, so its files load.

Dimension letters: B batch, H x W image, C features.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from headshot.errors import HeadshotError
from headshot.reading.complaint import reading

Depth = Literal[18, 34, 50]

_LAYERS: dict[int, tuple[int, int, int, int]] = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}
FILES = {
    18: "resnet18-f37072fd.pth",
    34: "resnet34-b627a593.pth",
    50: "resnet50-0676ba61.pth",
}
"""torchvision's files of ImageNet weights (the first version, trained as by He et al.)."""
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as those weights expect


class _Block(nn.Module):
    """A residual block: out = relu(F(x) + shortcut(x))."""

    expansion = 1

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        out = width * self.expansion
        self.downsample: nn.Module | None = None
        if stride != 1 or inside != out:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, out, 1, stride, bias=False), nn.BatchNorm2d(out)
            )

    def residual(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        return self.relu(self.residual(x) + shortcut)


class BasicBlock(_Block):
    """Two 3 x 3 convolutions."""

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__(inside, width, stride)
        self.conv1 = nn.Conv2d(inside, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)

    def residual(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))


class Bottleneck(_Block):
    """1 x 1, 3 x 3 and 1 x 1 convolutions; the last has four times the width."""

    expansion = 4

    def __init__(self, inside: int, width: int, stride: int) -> None:
        super().__init__(inside, width, stride)
        self.conv1 = nn.Conv2d(inside, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * width)

    def residual(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(x))


class ResNet(nn.Module):
    """Pictures to features: ResNet-18, -34 or -50 without its classifier."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, depth: Depth = 50) -> None:
        """With random weights (He et al. 2015); see `load_imagenet`."""
        super().__init__()
        if depth not in _LAYERS:
            raise HeadshotError(f"there is no ResNet-{depth} here: take 18, 34 or 50")
        self.depth = depth
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        block = Bottleneck if depth >= 50 else BasicBlock
        inside = 64
        for i, count in enumerate(_LAYERS[depth]):
            width, blocks = 64 * 2**i, []
            for k in range(count):
                blocks.append(block(inside, width, 2 if i and not k else 1))
                inside = width * block.expansion
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.features = inside
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1), persistent=False)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, pictures: Tensor) -> Tensor:
        """Features (B, C) of pictures (B, 3, H, W), sRGB in [0, 1]; C is 2048 for depth 50, else 512."""
        x = (pictures - self.mean) / self.deviation
        x = torch.relu(self.bn1(self.conv1(x)))
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for i in range(1, 5):
            x = self.get_submodule(f"layer{i}")(x)
        return x.mean(dim=(2, 3))


def load_imagenet(network: ResNet, weights: str | Path) -> None:
    """Load torchvision's weights into a ResNet.

    Args:
        network: changed in place.
        weights: the file, or "torch.hub" for where torch.hub keeps it. Nothing is downloaded.

    Raises:
        HeadshotError: the file is not there or is of another network; says how to get it.
    """
    name = FILES[network.depth]
    file = Path(torch.hub.get_dir()) / "checkpoints" / name if weights == "torch.hub" else Path(weights)
    if not file.is_file():
        raise HeadshotError(
            f"ImageNet's weights of ResNet-{network.depth} are not at {file}: download "
            f"https://download.pytorch.org/models/{name} to that place, or begin from random weights with "
            "--weights none"
        )
    with reading(file, "weights as torchvision has them", HeadshotError, also=(pickle.UnpicklingError,)):
        state = torch.load(file, map_location="cpu", weights_only=True)
    wanted = {key for key in network.state_dict() if not key.endswith("num_batches_tracked")}
    if not isinstance(state, dict) or not wanted <= set(state):
        missing = len(wanted - set(state)) if isinstance(state, dict) else len(wanted)
        raise HeadshotError(
            f"{file} is not of ResNet-{network.depth}: {missing} of its weights are not in it"
        )
    try:
        network.load_state_dict({key: state[key] for key in wanted}, strict=False)
    except RuntimeError as error:
        raise HeadshotError(f"{file} is not of ResNet-{network.depth}: {error}") from error
