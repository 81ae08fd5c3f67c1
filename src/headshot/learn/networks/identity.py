"""The network of the identity prior: identity coefficients from face-recognition features.

It learns the embedding of a face-recognition network, which barely depends on pose, light and expression,
and predicts the shape from that feature alone, after Zielonka et al., "Towards Metrical
Reconstruction of Human Faces" (MICA), ECCV 2022. Eleven blocks of EfficientNet-Lite0 (Tan and Le 2019) and
the global depthwise convolution of MobileFaceNets (Chen et al. 2018, section 3.1), by which places in the
crop count differently.

Dimension letters: B batch, I = 100 identity modes.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headshot.learn.networks.lite_regressor import FEATURE, IDENTITY
from headshot.learn.networks.unet import LITE0, LiteUNet, channels_last, copy_imagenet

BLOCKS = 11
PLACES = 7  # along each side, of a crop of 112 pixels
WIDTH = 256


class IdentityNetwork(nn.Module):
    """Pictures (B, 3, 112, 112) in [0, 1] to a feature and an identity.

    Args:
        frozen: stem and so many first blocks are frozen; with all of them the feature is too, and only the
            shape is learned.
    """

    def __init__(self, frozen: int = 3) -> None:
        super().__init__()
        whole = LiteUNet(1)
        self.stem, self.blocks = whole.stem, whole.blocks[:BLOCKS]
        self.frozen = frozen
        self.places = nn.Sequential(
            nn.Conv2d(LITE0[BLOCKS - 1][3], WIDTH, 1, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.ReLU(),
            nn.Conv2d(WIDTH, WIDTH, PLACES, groups=WIDTH, bias=False),
            nn.BatchNorm2d(WIDTH),
            nn.Flatten(),
        )
        self.feature = nn.Linear(WIDTH, FEATURE)
        # Linear in the feature alone: what else the network sees, or could memorise, depends on the photo
        # more than on the person.
        self.shape = nn.Linear(FEATURE, 2 * IDENTITY)
        with torch.no_grad():
            self.shape.weight.zero_()
            self.shape.bias.zero_()
        for module in self._still():
            module.requires_grad_(False)

    def _still(self) -> list[nn.Module]:
        begun: list[nn.Module] = [self.stem, *list(self.blocks)[: self.frozen]]
        return begun if self.frozen < BLOCKS else [*begun, self.places, self.feature]

    def train(self, mode: bool = True) -> IdentityNetwork:
        """Training mode, in which frozen layers keep their statistics."""
        super().train(mode)
        for module in self._still():
            module.eval()
        return self

    def embed(self, x: Tensor) -> Tensor:
        """The embedding (B, WIDTH) before the feature: by it photos of one person are compared."""
        x = self.stem(x * (255 / 128) - (127 / 128))
        for block in self.blocks:
            x = block(x)
        embedding: Tensor = self.places(x)
        return embedding

    def read(self, embedding: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """What an embedding (B, WIDTH) means; see `forward`."""
        feature = nn.functional.normalize(self.feature(embedding), dim=1)
        identity, spread = self.shape(feature * FEATURE**0.5).chunk(2, dim=1)
        return feature, identity, spread.clamp(-3, 0.2)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Feature (B, FEATURE) of length 1, identity (B, I), logarithm of its standard deviations (B, I)."""
        return self.read(self.embed(x))


def make_identity_network(*, imagenet: bool = True, frozen: int = 3) -> IdentityNetwork:
    """The network, with ImageNet's weights in its encoder if ``imagenet``."""
    network = IdentityNetwork(frozen)
    if imagenet:
        copy_imagenet(network.stem, network.blocks)
    return channels_last(network)
