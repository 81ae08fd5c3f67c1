"""The loss of the regressor.

Each term is a weighted mean over the crops whose label is known. Where the network predicts a standard
deviation, the prediction itself is trained by its plain error and only the deviation by the likelihood: by
the likelihood alone, hard crops would be given up (Seitzer et al., "On the Pitfalls of
Heteroscedastic Uncertainty Estimation with Probabilistic Neural Networks", ICLR 2022).

Dimension letters: B crops, P points, I identity modes, E expressions, N points of the face.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from headshot.arrays import Array
from headshot.learn.data.training_crops import KNOWN
from headshot.learn.losses import people
from headshot.learn.networks.lite_regressor import Predicted
from headshot.models.head_model import load_head_model


@dataclass(frozen=True)
class Weights:
    """Of the terms.

    Attributes:
        points: distance, in hundredths of the crop's side.
        first: the same of the points before finer layers are sampled at them.
        certainty: likelihood of points and identity, for their standard deviations only.
        reprojection: distance of the points on the regressed head, in hundredths of the side.
        shape: of the neutral face, mm squared.
        identity: of its coefficients.
        expression: of ARKit weights.
        pose: of rotation matrices.
        place: of the head's place, hundredths of the side, and of the logarithm of its size.
        light, albedo: of coefficients.
        presence: of the logit.
        agreement: photos of one person: distance of their neutral faces over that to other people's.
        embedding: of the recogniser's embedding.
        photo_identity: weight of the fit's identity of a photo; that of the truth of synthetic heads is 1.
    """

    points: float = 3.0
    first: float = 1.0
    certainty: float = 0.2
    reprojection: float = 0.5
    shape: float = 0.5
    identity: float = 0.2
    expression: float = 2.0
    pose: float = 4.0
    place: float = 0.3
    light: float = 0.1
    albedo: float = 0.1
    presence: float = 0.5
    agreement: float = 0.0
    embedding: float = 0.0
    photo_identity: float = 0.15


# How much a region's millimetres count in the error of the neutral face.
REGIONS = {"nose": 1.0, "eyelids": 0.5, "lips": 0.5, "jaw": 0.3}
FACE_POINTS = 400


class Geometry(nn.Module):
    """The head model where the losses need it.

    Attributes:
        shape: (I, I) turns identity into offsets of the neutral face in mm, weighted by region, without what
            a similarity explains; squared and summed they are the mean square error.
        mean, modes: the 546 points on the mean head (P, 3), and (I + E, P, 3) their offsets.
    """

    shape: Tensor
    mean: Tensor
    modes: Tensor
    fixed: Tensor

    def __init__(self) -> None:
        super().__init__()
        model = load_head_model("low")
        face = np.flatnonzero(model.regions["face"] > 0.5)
        face = face[:: max(1, len(face) // FACE_POINTS)]
        weight = np.ones(len(face))
        for name, share in REGIONS.items():
            weight += share * model.regions[name][face]
        weight = np.sqrt(weight / weight.sum())
        places = model.mean[face].astype(np.float64)
        places -= places.mean(axis=0)
        x, y, z = places.T
        zero, one = np.zeros_like(x), np.ones_like(x)
        turns = [[zero, -z, y], [z, zero, -x], [-y, x, zero], [x, y, z]]
        moves = [[one, zero, zero], [zero, one, zero], [zero, zero, one]]
        similar = np.array([np.stack(field, axis=1) * weight[:, None] for field in turns + moves]).reshape(
            7, -1
        )
        modes = (
            (model.identity[:, face] * weight[:, None]).reshape(len(model.identity), -1).astype(np.float64)
        )
        basis = np.linalg.qr(similar.T)[0]
        modes = modes - modes @ basis @ basis.T
        points = [model.at(model.landmarks[name]) for name in ("mediapipe478", "ibug68")]
        self.register_buffer("shape", torch.tensor(_square(modes), dtype=torch.float32))
        self.register_buffer("mean", torch.tensor(np.concatenate([p.mean for p in points])))
        offsets = [np.concatenate([p.identity, p.expression]) for p in points]
        self.register_buffer("modes", torch.tensor(np.concatenate(offsets, axis=1)))
        fixed = torch.ones(len(self.mean))
        fixed[478 : 478 + 17] = 0  # iBUG's jaw moves with the view
        self.register_buffer("fixed", fixed)

    def project(self, p: Predicted) -> Tensor:
        """The points (B, P, 2) of the regressed heads, by scaled orthography, in shares of the side."""
        coefficients = torch.cat([p.identity, p.expression], dim=1)
        places = self.mean + (coefficients @ self.modes.flatten(1)).unflatten(1, self.mean.shape)
        seen = places @ p.rotation[:, :2].transpose(1, 2) * p.place[:, None, 2:].exp()
        flip = torch.tensor([1.0, -1.0], device=seen.device)
        return p.place[:, None, :2] + seen * flip


def _square(modes: Array) -> Array:
    """(I, I) with the same products as modes (I, M)."""
    values, vectors = np.linalg.eigh(modes @ modes.T)
    return vectors * np.sqrt(np.maximum(values, 0))


class RegressorLoss(nn.Module):
    """The sum of all terms, and each by itself."""

    def __init__(self, weights: Weights = Weights()) -> None:
        super().__init__()
        self.weights = weights
        self.geometry = Geometry()

    def forward(self, p: Predicted, true: dict[str, Tensor]) -> tuple[Tensor, dict[str, float]]:
        """Loss of predictions for a batch of `RegressorStream`."""
        w = self.weights
        face = true["face"]
        known = {name: true["known"][:, k] * face for k, name in enumerate(KNOWN)}
        identity_weight = known["identity"] * (w.photo_identity + (1 - w.photo_identity) * true["exact"])
        point_weight = true["weight"] * face[:, None]
        terms = {
            "points": weighted_mean(100 * _distance(p.points - true["points"]), point_weight),
            "first": weighted_mean(100 * _distance(p.first - true["points"]), point_weight),
            "certainty": _likelihood(p, true, point_weight, identity_weight),
            "reprojection": weighted_mean(
                100 * _distance(self.geometry.project(p) - true["points"]),
                # Marks of profiles have hidden corners where the eye seems to end, as if it was turned less.
                (point_weight * self.geometry.fixed) * (true["weight"][:, :478].sum(dim=1, keepdim=True) > 0),
            ),
            "shape": weighted_mean(
                (((p.identity - true["identity"]) @ self.geometry.shape) ** 2).sum(dim=1), identity_weight
            ),
            "identity": weighted_mean(((p.identity - true["identity"]) ** 2).mean(dim=1), identity_weight),
            "expression": weighted_mean(
                ((p.expression - true["expression"]) ** 2).sum(dim=1), known["expression"]
            ),
            "pose": weighted_mean(((p.rotation - true["rotation"]) ** 2).sum(dim=(1, 2)), known["pose"]),
            "place": weighted_mean(_place(p.place - true["place"]), known["pose"]),
            "light": weighted_mean(((p.light - true["light"]) ** 2).mean(dim=1).clamp(max=9), known["light"]),
            "albedo": weighted_mean(((p.albedo - true["albedo"]) ** 2).mean(dim=1), known["albedo"]),
            "presence": functional.binary_cross_entropy_with_logits(p.presence, face),
        }
        if w.agreement:
            person = torch.where(face > 0, true["person"], -1)
            terms["agreement"] = people.agreement(p.identity @ self.geometry.shape, person)
        if w.embedding:
            cosine = functional.cosine_similarity(p.feature, true["embedding"], dim=1)
            terms["embedding"] = weighted_mean(
                1 - cosine, face * true["embedding"].abs().sum(dim=1).clamp(max=1)
            )
        total = sum((getattr(w, name) * value for name, value in terms.items()), start=torch.zeros(()))
        return total, {name: float(value.detach()) for name, value in terms.items()}


def _distance(offset: Tensor) -> Tensor:
    """Lengths (...) of offsets (..., 2), with a gradient at zero."""
    return (offset.square().sum(dim=-1) + 1e-8).sqrt()


def weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of values (...) with weights (...); 0 where all weights are."""
    return (values * weight).sum() / weight.sum().clamp(min=1e-6)


def _place(offset: Tensor) -> Tensor:
    return 100 * offset[:, :2].abs().sum(dim=1) + 30 * offset[:, 2].abs()


def _likelihood(
    p: Predicted, true: dict[str, Tensor], point_weight: Tensor, identity_weight: Tensor
) -> Tensor:
    """Negative logarithms of normal densities of points (2 D, isotropic) and of identity coefficients."""
    off = (p.points.detach() - true["points"]).square().sum(dim=-1)
    points = 0.5 * off * (-2 * p.sigma).exp() + 2 * p.sigma
    away = (p.identity.detach() - true["identity"]).square()
    identity = (0.5 * away * (-2 * p.identity_sigma).exp() + p.identity_sigma).mean(dim=1)
    return weighted_mean(points, point_weight) + weighted_mean(identity, identity_weight)
