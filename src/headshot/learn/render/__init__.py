"""Differentiable rendering on the CPU: triangle meshes to pictures, with gradients back to everything.

    renderer = MeshRenderer(PerspectiveCameras.from_fov(224, 60, *look_at_view_transform(2.7)))
    picture = renderer(Meshes(vertices, triangles, VertexColours(colours)))
    picture.rgba, picture.depth

The guide is docs/explanation/differentiable-rendering.md; the kernels below are `headshot.geometry.raster`,
which needs no torch.
"""

from headshot.geometry.raster import Topology
from headshot.geometry.raster.soft import SoftSettings
from headshot.learn.render.cameras import PerspectiveCameras, from_pytorch3d, look_at_view_transform
from headshot.learn.render.lights import (
    AmbientLights,
    DirectionalLights,
    Light,
    Material,
    PointLights,
    SphericalHarmonics,
)
from headshot.learn.render.meshes import Meshes, UVTexture, VertexColours
from headshot.learn.render.renderer import MeshRenderer, RendererSettings, Rendering
from headshot.learn.render.stitch import stitch, to_linear, to_srgb

__all__ = [
    "AmbientLights",
    "DirectionalLights",
    "Light",
    "Material",
    "MeshRenderer",
    "Meshes",
    "PerspectiveCameras",
    "PointLights",
    "RendererSettings",
    "Rendering",
    "SoftSettings",
    "SphericalHarmonics",
    "Topology",
    "UVTexture",
    "VertexColours",
    "from_pytorch3d",
    "look_at_view_transform",
    "stitch",
    "to_linear",
    "to_srgb",
]
