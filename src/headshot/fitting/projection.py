"""Where points of the head model are seen, and how that changes with the parameters of a fit."""

from __future__ import annotations

import numpy as np

from headshot.arrays import Array, Index
from headshot.fitting.parameters import Layout, PersonState, ViewState
from headshot.geometry.camera import Camera
from headshot.models.protocol import SurfacePoints


def linearised(
    model: SurfacePoints, identity: Array, expression: Array, camera: Camera
) -> tuple[Array, Array]:
    """Projection (L, 2) and its Jacobian (P, L, 2).

    Parameters: pose 7 (`headshot.fitting.parameters`), identity I, expression E.

    Args:
        model: the head model at L points.
        identity: (I,) coefficients.
        expression: (E,) weights.
        camera: that sees them.
    """
    shape, basis = model.linearised(identity.astype(np.float32), expression.astype(np.float32))
    rotated = shape @ camera.rotation.T
    x, y, z = (rotated + camera.translation).T
    depth = np.maximum(-z, 1.0)
    gain = camera.focal / depth
    # d(u, v)/d(X, Y, Z) of u = cx + f X / -Z, v = cy - f Y / -Z.
    du = np.stack([gain, np.zeros_like(gain), gain * x / depth], axis=-1)
    dv = np.stack([np.zeros_like(gain), -gain, -gain * y / depth], axis=-1)
    projection = np.stack([du, dv], axis=1)  # (L, 2, 3)
    from_centre = np.stack([gain * x, -gain * y], axis=-1)

    head = np.einsum("lij,jk->lik", projection, camera.rotation).astype(np.float32)
    jacobian = np.empty((7 + len(basis), len(shape), 2))
    # Rotation increments act on the left: d(exp(w) r)/dw = -[r]x, whose columns are e x r.
    still = np.zeros_like(x)
    x, y, z = rotated.T
    turned = np.stack([still, -z, y, z, still, -x, -y, x, still], axis=-1).reshape(-1, 3, 3)
    jacobian[:3] = np.einsum("lij,laj->ali", projection, turned)
    jacobian[3:6] = projection.transpose(2, 0, 1)
    jacobian[5] *= camera.translation[2]
    jacobian[6] = from_centre
    jacobian[7:] = np.matmul(basis.transpose(1, 0, 2), head.transpose(0, 2, 1)).transpose(1, 0, 2)
    return from_centre + camera.centre, jacobian


def geometry_columns(person: PersonState, view: ViewState) -> Index:
    """Where the parameters of `linearised` lie in the local vector."""
    layout = Layout.of(person, view)
    return layout.columns(layout.pose, layout.identity, layout.expression)
