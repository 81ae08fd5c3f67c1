"""Ray tracing on the CPU: what a ray hits first, whether anything is in its way, how much sky a point sees.

    volumes = build(vertices, triangles)
    hits = closest(volumes, origins, directions)

Any triangle mesh, in any unit; both sides of triangles are hit. How: `headshot.geometry.rays.kernels`.

Dimension letters: R rays, P points, D directions.
"""

from headshot.geometry.rays.bvh import BoundingVolumes, build
from headshot.geometry.rays.trace import Hits, closest, occluded, visible

__all__ = ["BoundingVolumes", "Hits", "build", "closest", "occluded", "visible"]
