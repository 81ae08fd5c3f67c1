"""Losses for learning faces from photos.

From Jiang and Yang, "3D Human Face Reconstruction with 3DMM Face Model from RGB Image", section II-F-2: the
image loss and the landmark loss. From the paper's reference, Deng et al., "Accurate 3D Face Reconstruction
with Weakly-Supervised Learning" (CVPRW 2019), sections 3 and 4: the photometric loss with skin attention, the
perceptual loss, regularisation of coefficients and reflectance, aggregation over several photos of a person.

Dimension letters: B batch, H x W image, L landmarks, V vertices, I identity, M photos of a person.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from headshot.learn.networks.mobilefacenet import HEIGHT, POINTS, WIDTH, MobileFaceNet
from headshot.models.topologies import ibug68


def image_loss(picture: Tensor, photo: Tensor) -> Tensor:
    """L_p = 1/N sum_i (I_in,i - I_out,i)^2 over the N pixels, and over the three colours.

    Args:
        picture: (B, H, W, 3) rendered face, stitched into the photo.
        photo: (B, H, W, 3); both sRGB in [0, 1].
    """
    return (picture - photo).square().mean()


def landmark_loss(points: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    """L_l = 1/n sum_i |l_in,i - l_out,i|^2, squared pixels; with weights, Deng et al. equation 4.

    Args:
        points, targets: (B, L, 2) pixels.
        weights: (L,) of the landmarks, or None for 1.
    """
    squared = (points - targets).square().sum(dim=2)
    return squared.mean() if weights is None else (squared * weights.to(squared)).mean()


def landmark_weights(landmark_set: str) -> Tensor | None:
    """Deng et al.'s weights (68,): 20 for the nose and the inside of the mouth, else 1.

    None for sets that have none of them.
    """
    if landmark_set != "ibug68":
        return None
    weights = torch.ones(ibug68.POINTS)
    weights[ibug68.NOSE] = weights[ibug68.LIPS_INNER] = 20
    return weights


def attention_loss(picture: Tensor, photo: Tensor, attention: Tensor) -> Tensor:
    """Photometric loss with skin attention, Deng et al. equation 1.

        sum_{i in M} A_i |I_i - I'_i|_2 / sum_{i in M} A_i

    Args:
        picture, photo: (B, H, W, 3) sRGB in [0, 1].
        attention: (B, H, W): A where the face is rendered (M), 0 elsewhere; see `skin_attention`.
    """
    # Without the small number the root has no slope where pictures agree.
    distance = ((picture - photo).square().sum(dim=3) + 1e-8).sqrt()
    return (distance * attention).sum() / attention.sum().clamp(min=1e-6)


def skin_attention(probability: Tensor) -> Tensor:
    """A of Deng et al.: 1 where skin is more probable than 0.5, else its probability."""
    return torch.where(probability > 0.5, 1.0, probability)


def regularisation(identity: Tensor, expression: Tensor, texture: Tensor) -> Tensor:
    """1.0 |alpha|^2 + 0.8 |beta|^2 + 0.0017 |delta|^2, mean over faces (Deng et al. equation 6).

    Args:
        identity, expression, texture: (B, I), (B, E), (B, A) coefficients.
    """
    squares = [c.square().sum(dim=1).mean() for c in (identity, expression, texture)]
    return 1.0 * squares[0] + 0.8 * squares[1] + 0.0017 * squares[2]


def light_loss(light: Tensor) -> Tensor:
    """How far Basel's light (B, 27) is from white: variance over the colours, as in Deng et al.'s program."""
    gamma = light.view(-1, 3, 9)
    return (gamma - gamma.mean(dim=1, keepdim=True)).square().mean()


def reflectance_loss(reflectance: Tensor, skin: Tensor) -> Tensor:
    """Variance of the reflectance over the skin (Deng et al. equation 7), mean over faces and colours.

    Args:
        reflectance: (B, V, 3).
        skin: (V,) weights.
    """
    share = (skin / skin.sum())[None, :, None]
    mean = (reflectance * share).sum(dim=1, keepdim=True)
    return ((reflectance - mean).square() * share).sum(dim=1).mean()


def aggregate(identity: Tensor, confidence: Tensor, photos: int) -> Tensor:
    """One identity for all photos of a person (Deng et al. equation 8).

        alpha_aggr = sum_j c_j * alpha_j / sum_j c_j     (for each coefficient)

    Args:
        identity: (B, I); each M of them, one after the other, are of one person.
        confidence: (B, I) c, positive.
        photos: M.

    Returns:
        (B, I), the same for all photos of a person.
    """
    if len(identity) % photos:
        raise ValueError(f"{len(identity)} photos are not sets of {photos}")
    alpha, c = (x.view(-1, photos, x.shape[1]) for x in (identity, confidence))
    mean = (c * alpha).sum(dim=1, keepdim=True) / c.sum(dim=1, keepdim=True).clamp(min=1e-6)
    return mean.expand(-1, photos, -1).reshape(identity.shape)


@dataclass(frozen=True, eq=False)
class IdentityLoss:
    """1 - cos of the embeddings of picture and photo of a network that recognises people (Deng et al. eq. 5).

    Attributes:
        network: of `headshot.learn.networks.mobilefacenet.load_mobilefacenet`.
    """

    network: MobileFaceNet

    def __call__(self, picture: Tensor, photo: Tensor, five: Tensor) -> Tensor:
        """Mean over the batch.

        Args:
            picture, photo: (B, H, W, 3) sRGB in [0, 1], of the same place.
            five: (B, 5, 2) eyes, nose tip, corners of the mouth, pixels.
        """
        maps = similarity(five, torch.tensor(POINTS).to(five))
        with torch.no_grad():
            wanted = self.network.forward(crop(photo, maps, (HEIGHT, WIDTH)))
        found = self.network.forward(crop(picture, maps, (HEIGHT, WIDTH)))
        return 1 - (found * wanted).sum(dim=1).mean()


def similarity(points: Tensor, targets: Tensor) -> Tensor:
    """Least-squares similarities (B, 2, 3) that take ``targets`` (P, 2) to ``points`` (B, P, 2).

    In closed form, with a and b of x' = a x - b y + c, y' = b x + a y + d.
    """
    middle, centre = points.mean(dim=1, keepdim=True), targets.mean(dim=0)
    p, t = points - middle, targets - centre
    total = t.square().sum()
    a = (p * t).sum(dim=(1, 2)) / total
    b = (p[..., 1] * t[:, 0] - p[..., 0] * t[:, 1]).sum(dim=1) / total
    linear = torch.stack([torch.stack([a, -b], dim=1), torch.stack([b, a], dim=1)], dim=1)
    return torch.cat([linear, middle.transpose(1, 2) - (linear @ centre)[..., None]], dim=2)


def crop(pictures: Tensor, maps: Tensor, size: tuple[int, int]) -> Tensor:
    """Bilinear crops (B, 3, h, w) of pictures (B, H, W, 3); maps (B, 2, 3) from crops to pictures."""
    height, width = size
    ys = torch.arange(height, device=pictures.device, dtype=pictures.dtype) + 0.5
    xs = torch.arange(width, device=pictures.device, dtype=pictures.dtype) + 0.5
    y, x = torch.meshgrid(ys, xs, indexing="ij")
    places = torch.stack([x, y, torch.ones_like(x)], dim=-1)
    where = torch.einsum("bij,hwj->bhwi", maps.to(pictures), places)
    extent = where.new_tensor([pictures.shape[2], pictures.shape[1]])
    # grid_sample's -1 and 1 are the outer edges of the first and last pixel.
    return nn.functional.grid_sample(
        pictures.permute(0, 3, 1, 2), 2 * where / extent - 1, padding_mode="border", align_corners=False
    )


def normalised_error(points: NDArray[np.floating], targets: NDArray[np.floating]) -> float:
    """Mean distance of landmarks (B, L, 2) over the root of the area of each face's box, in per cent."""
    extent = np.sqrt(np.prod(np.ptp(targets, axis=1), axis=1))
    return float((np.linalg.norm(points - targets, axis=2).mean(axis=1) / extent).mean() * 100)
