"""The regressor that ships: EfficientNet-Lite0 with a head that keeps places in the crop apart.

The encoder ends at 1/32 of the crop, 4 x 4 places for a crop of 128 pixels. They are narrowed and flattened,
not averaged, because where a nose is matters as much as that it is there. What earlier, finer layers show at
the points that are found so moves them to their places (after the shape-indexed features of Cao et al., "Face
Alignment by Explicit Shape Regression", IJCV 2014). The 546 points (478 and the 68 of iBUG) are a mean and
`MODES` principal components of all the ways in which faces lie in crops; the components are fixed, so that
coefficients of like size do like work.

Dimension letters: B batch, P = 546 points, I = 100 identity modes, E = 52 expressions, A = 60 albedo modes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headshot.learn.networks.unet import LITE0, LiteUNet, channels_last, copy_imagenet

POINTS, MODES, IDENTITY, EXPRESSION, LIGHT, ALBEDO = 546, 96, 100, 52, 27, 60
TRUNK = 384
FEATURE = 128  # of the recogniser whose embedding may be distilled
SIDE = 128  # pixels of the crop
SIGMA = (-6.5, 0.0)  # log of the standard deviations of points, shares of the crop's side
FINE = ((2, 24), (4, 40), (10, 112))  # blocks, and their channels, that are sampled again at the points
SAMPLED = (*range(468, 478), *range(478, 546))  # irises and iBUG's points
FINE_WIDTH = 16
RESTING = -3.0  # logit at which expressions begin


@dataclass(frozen=True, eq=False)
class Predicted:
    """Predictions of the network for crops.

    Attributes:
        points: (B, P, 2) in shares of the crop's side.
        sigma: (B, P) logarithm of their standard deviation, likewise.
        identity, identity_sigma: (B, I) coefficients, and logarithms of their standard deviations.
        expression: (B, E) ARKit weights in [0, 1].
        rotation: (B, 3, 3) of the head as seen along the ray to it.
        place: (B, 3) the head's origin in shares of the side; log of sides a millimetre.
        light: (B, 27) in units of its prior.
        albedo: (B, A).
        presence: (B,) logit of there being a face that fills the crop as it should.
        feature: (B, FEATURE) for the recogniser's embedding.
        first: (B, P, 2) the points before finer layers are sampled at them.
    """

    points: Tensor
    sigma: Tensor
    identity: Tensor
    identity_sigma: Tensor
    expression: Tensor
    rotation: Tensor
    place: Tensor
    light: Tensor
    albedo: Tensor
    presence: Tensor
    feature: Tensor
    first: Tensor


class LiteRegressor(nn.Module):
    """Crops (B, 3, SIDE, SIDE) in [0, 1] to `Predicted`.

    Args:
        frozen: stem and so many first blocks keep the weights of ImageNet: they are the larger half of the
            work of a step, and edges and blobs are the same everywhere.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, frozen: int = 3) -> None:
        super().__init__()
        whole = LiteUNet(1)
        self.stem, self.blocks = whole.stem, whole.blocks
        self.frozen = frozen
        width = LITE0[-1][3]
        self.narrow = nn.Sequential(nn.Conv2d(width, 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU())
        self.wide = nn.Sequential(nn.Conv2d(width, 512, 1, bias=False), nn.BatchNorm2d(512), nn.ReLU())
        self.trunk = nn.Sequential(nn.Linear(96 * 16, TRUNK), nn.ReLU())
        self.appearance = nn.Sequential(nn.Linear(TRUNK + 512, 256), nn.ReLU())
        self.place_head = nn.Linear(TRUNK, MODES + POINTS + EXPRESSION + 6 + 3 + 1)
        self.appearance_head = nn.Linear(256, 2 * IDENTITY + LIGHT + ALBEDO)
        self.feature_head = nn.Linear(256, FEATURE)
        self.fine = nn.ModuleList(nn.Conv2d(width, FINE_WIDTH, 1) for _, width in FINE)
        seen = len(SAMPLED) * len(FINE) * FINE_WIDTH
        self.move = nn.Sequential(nn.Linear(seen + MODES, 128), nn.ReLU(), nn.Linear(128, MODES))
        self.register_buffer("mean", torch.zeros(POINTS, 2))
        self.register_buffer("basis", torch.zeros(MODES, POINTS, 2))
        self._start()
        for module in [self.stem, *self.blocks[:frozen]]:
            module.requires_grad_(False)

    def _start(self) -> None:
        """Begin with a mean face in the middle."""
        with torch.no_grad():
            for head in (self.place_head, self.appearance_head):
                head.weight.mul_(0.1)
                head.bias.zero_()
            for values in list(self.move.parameters())[-2:]:
                values.zero_()
            bias = self.place_head.bias
            bias[MODES : MODES + POINTS] = -3.0
            first = MODES + POINTS
            bias[first : first + EXPRESSION] = RESTING
            bias[first + EXPRESSION :] = torch.tensor([1.0, 0, 0, 0, 1, 0, 0.5, 0.41, -5.4, 1.0])

    def train(self, mode: bool = True) -> LiteRegressor:
        """Training mode, in which frozen layers keep ImageNet's statistics."""
        super().train(mode)
        for module in [self.stem, *self.blocks[: self.frozen]]:
            module.eval()
        return self

    def encode(self, x: Tensor) -> list[Tensor]:
        """Outputs of the blocks `FINE`, and of the last, (B, 192, 4, 4)."""
        sampled = []
        with torch.no_grad():
            x = self.stem(x * (255 / 128) - (127 / 128))
        for index, block in enumerate(self.blocks):
            with torch.set_grad_enabled(index >= self.frozen and torch.is_grad_enabled()):
                x = block(x)
            if index in dict(FINE):
                sampled.append(x)
        return [*sampled, x]

    def forward(self, x: Tensor) -> Predicted:
        """See `Predicted`."""
        return self.predictions(self.encode(x))

    def features(self, encoded: list[Tensor]) -> Tensor:
        """What identity, light and albedo are read from (B, 896), of encoded crops."""
        trunk = self.trunk(self.narrow(encoded[-1]).flatten(1))
        return torch.cat([trunk, self.wide(encoded[-1]).mean(dim=(2, 3))], dim=1)

    def predictions(self, encoded: list[Tensor]) -> Predicted:
        """`Predicted` of encoded crops."""
        seen = self.features(encoded)
        appearance = self.appearance(seen)
        modes, sigma, expression, turn, place, presence = self.place_head(seen[:, :TRUNK]).split(
            [MODES, POINTS, EXPRESSION, 6, 3, 1], dim=1
        )
        identity, spread, light, albedo = self.appearance_head(appearance).split(
            [IDENTITY, IDENTITY, LIGHT, ALBEDO], 1
        )
        first = self._points(modes)
        points = self._points(modes + self._moves(encoded, modes.detach(), first.detach()))
        return Predicted(
            points, sigma.clamp(*SIGMA), identity, spread.clamp(-3, 1), expression.sigmoid(),
            rotation_of(turn), place, light, albedo, presence[:, 0], self.feature_head(appearance), first,
        )  # fmt: skip

    def _points(self, modes: Tensor) -> Tensor:
        """(B, P, 2) of coefficients (B, MODES)."""
        return self.mean + (modes @ self.basis.flatten(1)).unflatten(1, (POINTS, 2))

    def _moves(self, encoded: list[Tensor], modes: Tensor, points: Tensor) -> Tensor:
        """By what finer layers show at points (B, P, 2), how far the coefficients (B, MODES) are off."""
        places = 2 * points[:, None, list(SAMPLED)] - 1
        seen = [
            nn.functional.grid_sample(narrow(layer), places, align_corners=False).flatten(1)
            for narrow, layer in zip(self.fine, encoded[:-1], strict=True)
        ]
        moves: Tensor = self.move(torch.cat([*seen, modes], dim=1))
        return moves


def rotation_of(turn: Tensor) -> Tensor:
    """Rotations (B, 3, 3) of six numbers (B, 6), two rows made orthonormal.

    Zhou et al., "On the Continuity of Rotation Representations in Neural Networks", CVPR 2019, eq. 15.
    """
    first = nn.functional.normalize(turn[:, :3], dim=1)
    second = turn[:, 3:] - (first * turn[:, 3:]).sum(dim=1, keepdim=True) * first
    second = nn.functional.normalize(second, dim=1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], dim=1)


def make_regressor(*, imagenet: bool = True, frozen: int = 3) -> LiteRegressor:
    """The network, with ImageNet's weights in its encoder if ``imagenet``."""
    network = LiteRegressor(frozen)
    if imagenet:
        copy_imagenet(network.stem, network.blocks)
    return channels_last(network)
