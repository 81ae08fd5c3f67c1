"""The regressor of Jiang and Yang (2026): a picture of a face to the coefficients of a face model.

Jiang and Yang, "3D Human Face Reconstruction with 3DMM Face Model from RGB Image", section II-F: a ResNet-50
that has learned ImageNet, with fully connected layers below it, random dropout (Srivastava et al. 2014) and
batch normalisation (Ioffe and Szegedy 2015). The paper gives no sizes for those layers; here it is one hidden
layer between the features and the coefficients.

Dimension letters: B batch, H x W image, N coefficients, I identity.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from headshot.learn.networks.resnet import Depth, ResNet

HIDDEN = 1024


class FaceRegressor(nn.Module):
    """ResNet and fully connected head.

    The last layer begins with zeros: before training every picture gives the mean face, in the middle, in
    the light that is usual.
    """

    def __init__(self, outputs: int, depth: Depth = 50, dropout: float = 0.2, confidences: int = 0) -> None:
        """Make the network with random weights.

        Args:
            outputs: N.
            depth: of the ResNet.
            dropout: share of features that are left out in training.
            confidences: I if the network also predicts a confidence of each identity coefficient
                (`headshot.learn.losses.face.aggregate`), else 0.
        """
        super().__init__()
        self.backbone = ResNet(depth)
        self.hidden = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(self.backbone.features, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
        )
        self.coefficients = nn.Linear(HIDDEN, outputs)
        self.confidence = nn.Linear(HIDDEN, confidences) if confidences else None
        for layer in (self.coefficients, self.confidence):
            if layer is not None:
                nn.init.zeros_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward(self, pictures: Tensor) -> tuple[Tensor, Tensor | None]:
        """Read pictures (B, 3, H, W), sRGB in [0, 1].

        Returns:
            (B, N) numbers for `headshot.learn.face_model.FaceModel.coefficients`, and (B, I) confidences in
            (0, 1) or None.
        """
        # Adam moves each weight by about the learning rate a step, and all 1,024 may agree: without this
        # factor the first step of the paper's 1e-3 would turn heads by half a radian, not by a hundredth.
        x = self.hidden(self.backbone(pictures)) * HIDDEN**-0.5
        confidence = None if self.confidence is None else torch.sigmoid(self.confidence(x))
        return self.coefficients(x), confidence
