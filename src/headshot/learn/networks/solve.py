"""Layers that solve a least-squares problem in closed form: head from landmarks, light from colours.

What these find is what `headshot.fitting` finds step by step, for a batch at once and with gradients: how far
landmarks and modes are trusted are parameters that training changes. They give a network a start that is
right to first order, and leave to it what no linear model has.

Dimension letters: B batch, V vertices, L landmarks, I identity modes, E expressions, K modes of the
landmarks' errors.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from headshot.learn.render import PerspectiveCameras
from headshot.learn.render.lights import sh_basis

_TURN, _SHIFT = 0.1, (20.0, 20.0, 40.0)  # standard deviations of the pose's corrections: radians, mm
_EXPRESSION = 0.3  # of expression weights
_FIXED = 1e4  # precision of what is not to move
_LIGHT = 2e4  # precision of colours (linear light) over the whole face


@dataclass(frozen=True, eq=False)
class LandmarkModel:
    """The head model at the landmarks, and the noise model of the landmark network
    (`headshot.fitting.landmark_noise`).

    Attributes:
        mean: (L, 3) mm.
        identity: (I, L, 3) mm per standard deviation, as the network reports them.
        expression: (E, L, 3) mm at weight 1.
        errors: (K, L, 3) mm per standard deviation, errors that many points have in common.
        deviation: (L,) mm, of what is left.
    """

    mean: Tensor
    identity: Tensor
    expression: Tensor
    errors: Tensor
    deviation: Tensor


@dataclass(frozen=True, eq=False)
class Coarse:
    """Heads from landmarks alone.

    Attributes:
        identity: (B, I) standard deviations.
        expression: (B, E) weights in [0, 1].
        rotation: (B, 3, 3), small, and
        translation: (B, 3) mm: how the head is to be moved before the camera sees it.
        residual: (B, L, 2) what of the landmarks is not explained, mm at their depth, picture axes x, y down.
    """

    identity: Tensor
    expression: Tensor
    rotation: Tensor
    translation: Tensor
    residual: Tensor


class LandmarkSolve(nn.Module):
    """Pose, identity and expression that explain landmarks best under Gaussian priors.

    Minimises  sum_l w_l |x_l - project(mean + sum_n c_n mode_n)_l|^2 + sum_n p_n c_n^2  over the coefficients
    c of identity, expression, a small motion, and the landmarks' own errors, by two steps of Gauss and Newton
    with the Jacobian of the mean head. Expression weights are clamped to [0, 1] after the first.
    """

    mean: Tensor
    expression: Tensor
    motion: Tensor

    def __init__(self, model: LandmarkModel) -> None:
        """Precisions from the measured errors; they, the modes as reported and the errors can be learned."""
        super().__init__()
        count = len(model.mean)
        self.register_buffer("mean", model.mean.clone(), persistent=False)
        self.register_buffer("expression", model.expression.clone(), persistent=False)
        turns = torch.linalg.cross(torch.eye(3)[:, None].expand(3, count, 3), model.mean.expand(3, count, 3))
        shifts = torch.eye(3)[:, None].expand(3, count, 3)
        self.register_buffer("motion", torch.cat([turns, shifts]), persistent=False)
        self.identity = nn.Parameter(model.identity.clone())
        self.errors = nn.Parameter(model.errors.clone())
        self.log_weight = nn.Parameter(-2 * model.deviation.log())
        i, e, k = len(model.identity), len(model.expression), len(model.errors)
        prior = [torch.ones(i), torch.full((e,), _EXPRESSION**-2),
                 torch.tensor([_TURN**-2] * 3 + [s**-2 for s in _SHIFT]), torch.ones(k)]  # fmt: skip
        self.log_prior = nn.Parameter(torch.cat(prior).log())
        self.counts = (i, e, 6, k)

    def forward(self, landmarks: Tensor, cameras: PerspectiveCameras) -> Coarse:
        """Heads for landmarks (B, L, 2), pixels of the cameras."""
        i, e = self.counts[:2]
        modes = torch.cat([self.identity, self.expression, self.motion, self.errors])
        seen = cameras.to_camera(self.mean[None])
        depth = -seen[..., 2]
        millimetres = depth / cameras.focal[:, None]  # a pixel's
        # d(x, y) of a point p by dp, times depth / focal: the rows of R, tilted towards the viewing ray.
        right, up, back = (cameras.rotation[:, None, axis] for axis in range(3))
        slope = (seen[..., :2] / depth[..., None])[..., None]
        across = torch.stack([right + slope[..., 0, :] * back, -(up + slope[..., 1, :] * back)], dim=2)
        jacobian = torch.einsum("blij,nlj->blin", across, modes).flatten(1, 2)  # (B, 2 L, N)
        weight = self.log_weight.exp().repeat_interleave(2)
        weighted = jacobian * weight[None, :, None]
        prior = self.log_prior.exp()
        normal = weighted.transpose(1, 2) @ jacobian + torch.diag(prior)
        flat = self._residual(landmarks, cameras, None, millimetres).flatten(1)[..., None]
        first = torch.cholesky_solve(weighted.transpose(1, 2) @ flat, torch.linalg.cholesky(normal))[..., 0]
        clamped = first[:, i : i + e].clamp(0, 1)
        fixed = torch.zeros_like(prior)
        fixed[i : i + e] = _FIXED
        goal = torch.zeros_like(first)
        goal[:, i : i + e] = clamped
        start = torch.cat([first[:, :i], clamped, first[:, i + e :]], dim=1)
        left = self._residual(landmarks, cameras, start, millimetres).flatten(1)[..., None]
        wanted = weighted.transpose(1, 2) @ (left + jacobian @ start[..., None]) + (fixed * goal)[..., None]
        again = torch.cholesky_solve(wanted, torch.linalg.cholesky(normal + torch.diag(fixed)))[..., 0]
        found = torch.cat([again[:, :i], clamped, again[:, i + e :]], dim=1)
        residual = self._residual(landmarks, cameras, found, millimetres)
        turn = rotation_of(found[:, i + e : i + e + 3])
        return Coarse(found[:, :i], clamped, turn, found[:, i + e + 3 : i + e + 6], residual)

    def _residual(
        self, landmarks: Tensor, cameras: PerspectiveCameras, found: Tensor | None, millimetres: Tensor
    ) -> Tensor:
        """(B, L, 2) what of the landmarks is not explained by coefficients (B, N), mm."""
        points = self.mean[None]
        if found is not None:
            i, e, m, _ = self.counts
            shape = torch.cat([self.identity, self.expression, self.errors]).flatten(1)
            c = torch.cat([found[:, : i + e], found[:, i + e + m :]], dim=1)
            points = points + (c @ shape).view(len(c), -1, 3)
            turn = rotation_of(found[:, i + e : i + e + 3])
            points = points @ turn.transpose(1, 2) + found[:, None, i + e + 3 : i + e + 6]
        return (landmarks - cameras.project(points)[0]) * millimetres[..., None]


def rotation_of(turn: Tensor) -> Tensor:
    """Rotations (B, 3, 3) about vectors (B, 3), whose lengths are the angles (Rodrigues)."""
    x, y, z = turn.unbind(1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=1).view(-1, 3, 3)
    return torch.linalg.matrix_exp(cross)


class LightSolve(nn.Module):
    """The light under which a known albedo is nearest to what is seen, with the prior of light."""

    mean: Tensor
    precision: Tensor

    def __init__(self, mean: Tensor, precision: Tensor) -> None:
        """Prior of the light: mean (9, 3) and inverse covariance (27, 27)."""
        super().__init__()
        self.register_buffer("mean", mean.clone())
        self.register_buffer("precision", precision.clone(), persistent=False)
        self.log_strength = nn.Parameter(torch.tensor(_LIGHT).log())

    def forward(self, colours: Tensor, albedo: Tensor, normals: Tensor, weights: Tensor) -> Tensor:
        """Light (B, 9, 3).

        Args:
            colours: (B, V, 3) linear light.
            albedo: (V, 3).
            normals: (B, V, 3).
            weights: (B, V) in [0, 1], how far a vertex is seen.
        """
        share = self.log_strength.exp() * weights / weights.sum(dim=1, keepdim=True).clamp(min=1)
        basis = sh_basis(normals)
        prior = self.mean.reshape(27)
        normal = self.precision.expand(len(colours), 27, 27).clone()
        wanted = (self.precision @ prior).expand(len(colours), 27).clone()
        for c in range(3):
            rows = basis * (share * albedo[:, c] ** 2)[..., None]
            normal[:, c::3, c::3] += rows.transpose(1, 2) @ basis
            seen = (share * albedo[:, c] * colours[..., c])[:, None]
            wanted[:, c::3] += (seen @ basis)[:, 0]
        found = torch.cholesky_solve(wanted[..., None], torch.linalg.cholesky(normal))
        return found.view(-1, 9, 3)
