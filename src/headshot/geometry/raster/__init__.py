"""Rasterisation of triangle meshes with analytic gradients: Numba kernels, no torch.

Forward only (what rendering and texturing need): `rasterise`, `interpolate`, `sample`, `vertex_normals`.

Differentiable, batches over threads, float32 or float64: `headshot.geometry.raster.batch` and, each the
derivative of what it is named after, `headshot.geometry.raster.gradients`,
`headshot.geometry.raster.antialias` (visibility at silhouettes) and `headshot.geometry.raster.projection`.
They are imported by name only, so that the usual way of a photo neither loads nor compiles them.

Dimension letters: B batch, V vertices, F triangles, E edges, H x W image, C channels, N points or pairs.
"""

from headshot.geometry.raster.hard import Raster, interpolate, rasterise
from headshot.geometry.raster.normals import vertex_normals
from headshot.geometry.raster.sampling import sample
from headshot.geometry.raster.topology import Topology

__all__ = ["Raster", "Topology", "interpolate", "rasterise", "sample", "vertex_normals"]
