"""The 68 iBUG points of a fitted head, with the jaw line where the photo shows it.

Points 0-16 of the iBUG scheme follow the visible outline of the face, so on a turned head those of the far
side are no fixed points of the skin. As in "landmark marching" (Zhu et al., "High-fidelity pose and
expression normalization", CVPR 2015, section 3.2) each slides along a line across the cheek to where the
outline is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from headshot.camera import Camera
from headshot.head_model import HeadModel

JAW = 17


def landmarks68(model: HeadModel, vertices: ArrayLike, camera: Camera) -> NDArray[np.float64]:
    """Positions (68, 3) of the iBUG points on a head as seen by a camera, in the head's frame and units.

    Args:
        vertices: (V, 3) vertices of the head.
        camera: the camera that sees it; decides only where the outline runs.
    """
    points = model.landmarks["ibug68"].on(vertices, model.triangles).astype(np.float64)
    lines = model.landmarks["contour"].on(vertices, model.triangles).astype(np.float64)
    lines = lines.reshape(JAW, -1, 3)
    # Lines run from the cheek to behind the jaw. What lies behind the anatomical jaw point is not face:
    # annotators follow the jaw on the near side even where ear and neck stand out farther.
    reach = np.linalg.norm(lines - points[:JAW, None], axis=2).argmin(axis=1)
    seen = camera.project(lines)
    jaw = camera.project(points[:JAW])
    up = camera.rotation[:2, 1] * [1, -1]
    up = up / max(float(np.linalg.norm(up)), 1e-9)
    right = np.array([-up[1], up[0]])
    for j in range(JAW):
        # The cheeks' lines run sideways, the chin's downwards.
        outward = -up if abs(j - 8) <= 3 else right * np.sign(j - 8)
        candidates = seen[j, : reach[j] + 1] @ outward
        best = int(candidates.argmax())
        if candidates[best] > jaw[j] @ outward:
            points[j] = lines[j, best]
    return points
