"""The loss of the identity network; docs/explanation/identity.md.

Dimension letters: B crops, I identity modes.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from headshot.arrays import F32
from headshot.learn.curves import Metrics
from headshot.learn.losses import people
from headshot.learn.losses.regressor import Geometry, weighted_mean
from headshot.learn.losses.rendered_identity import RenderedIdentity
from headshot.perception.landmarks.mirror import head_mirror


@dataclass(frozen=True)
class Weights:
    """Of the terms.

    Attributes:
        embedding: cosine with the recogniser's embedding.
        shape: of the neutral face, mm squared, from the fit's or the true one.
        identity: of its coefficients.
        certainty: likelihood, of the standard deviations alone.
        agreement, margin: of photos of one person, see `headshot.learn.losses.people`.
        rendered: cosine of the embedding of the rendered face with that of the photos, see
            `headshot.learn.losses.rendered_identity`.
    """

    embedding: float = 10.0
    shape: float = 1.0
    identity: float = 1.0
    certainty: float = 0.3
    agreement: float = 0.0
    margin: float = 1.0
    rendered: float = 0.0


class IdentityLoss(nn.Module):
    """The distance from the recogniser's embedding, and that of the shape from the fit's or the true one.

    The standard deviation is trained by the likelihood alone; the fit's own variance is added for photos.
    Photos of one person and rendered faces are compared where their terms have weights.
    """

    open: Tensor
    space: Tensor
    signs: Tensor

    def __init__(
        self, weights: Weights, open_variance: F32, rendered: RenderedIdentity | None = None
    ) -> None:
        super().__init__()
        self.weights, self.rendered = weights, rendered
        self.register_buffer("open", torch.from_numpy(open_variance))
        self.register_buffer("space", Geometry().shape)
        self.register_buffer("signs", torch.tensor(head_mirror().identity))

    def forward(self, p: tuple[Tensor, Tensor, Tensor], true: dict[str, Tensor]) -> tuple[Tensor, Metrics]:
        """Loss of a batch of `IdentityStream`."""
        feature, identity, spread = p
        off = identity - true["identity"]
        open_variance = self.open * (1 - true["exact"][:, None])
        away = off.detach().square() + open_variance
        likelihood = (0.5 * away * (-2 * spread).exp() + spread).mean(dim=1)
        embedded = true["embedding"].abs().sum(dim=1).clamp(max=1)
        terms = {
            "embedding": weighted_mean(
                1 - functional.cosine_similarity(feature, true["embedding"], dim=1), embedded
            ),
            "shape": weighted_mean((off @ self.space).square().sum(dim=1), true["known"]),
            "identity": weighted_mean(off.square().mean(dim=1), true["known"]),
            "certainty": weighted_mean(likelihood, true["known"]),
        }
        upright = torch.where(true["mirrored"][:, None], identity * self.signs, identity)
        if self.weights.agreement:
            terms["agreement"] = people.agreement(upright @ self.space, true["person"])
        if self.weights.margin:
            terms["margin"] = people.margin(upright @ self.space, true["person"])
        if self.rendered is not None:
            terms["rendered"] = self.rendered(upright, true["crop"])
        total = sum((getattr(self.weights, k) * v for k, v in terms.items()), start=torch.zeros(()))
        return total, {name: float(value.detach()) for name, value in terms.items()}
