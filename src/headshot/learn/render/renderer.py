"""The renderer: meshes, cameras and lights in, pictures with gradients out.

Two modes. **Hard** is a z-buffer with silhouettes antialiased, so that colours, textures, light, positions
and what is visible have gradients; it is fast, and its pictures are sharp. **Soft** is the Soft Rasterizer
(`headshot.raster.soft`), whose triangles also act at a distance.

Dimension letters: B batch, V vertices, H x W image, C channels (3 if there is light).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from headshot.learn.render import functions
from headshot.learn.render.cameras import PerspectiveCameras
from headshot.learn.render.lights import Light, Material
from headshot.learn.render.meshes import Meshes
from headshot.learn.render.scene import Scene, lit, paint, soft_values
from headshot.raster.batch import RasterSettings
from headshot.raster.soft import SoftSettings


@dataclass(frozen=True)
class RendererSettings:
    """What pictures are to look like (PyTorch3D's RasterizationSettings and BlendParams).

    Attributes:
        size: of the picture in pixels, (height, width) or one number for both.
        soft: parameters of the soft mode, or None for the hard one.
        background: colour behind the meshes, one number or C.
        cull: leave out triangles seen from behind: quicker, and right for closed meshes.
        near: hard mode: only what lies beyond this depth is drawn.
        antialias: hard mode: blend silhouettes; without it they have no gradients.
        per_pixel: hard mode: light is computed at pixels instead of at vertices and interpolated. For meshes
            coarser than their highlights.
        threads: how many pictures of a batch are drawn at the same time.
    """

    size: int | tuple[int, int] = 256
    soft: SoftSettings | None = None
    background: float | tuple[float, ...] = 1.0
    cull: bool = False
    near: float = 0.0
    antialias: bool = True
    per_pixel: bool = False
    threads: int = 1

    def __post_init__(self) -> None:
        if self.soft is not None and self.per_pixel:
            raise ValueError("soft mode lights vertices: leave out per_pixel, or soft")

    def raster(self) -> RasterSettings:
        """The part that the kernels know."""
        height, width = (self.size, self.size) if isinstance(self.size, int) else self.size
        return RasterSettings(height, width, self.cull, self.near, self.threads)


@dataclass(frozen=True, eq=False)
class Rendering:
    """B pictures.

    Attributes:
        rgba: (B, H, W, C + 1) colour over the background, and silhouette.
        depth: (B, H, W) distance of the surface along the viewing axis, in units of the mesh; 0 where empty.
        foreground: (B, H, W, C) colour times silhouette, without background.
    """

    rgba: Tensor
    depth: Tensor
    foreground: Tensor

    @property
    def rgb(self) -> Tensor:
        """(B, H, W, C) colour over the background."""
        return self.rgba[..., :-1]

    @property
    def silhouette(self) -> Tensor:
        """(B, H, W) how much of each pixel the meshes cover, 0 to 1."""
        return self.rgba[..., -1]


@dataclass(frozen=True, eq=False)
class MeshRenderer:
    """Draws batches of meshes.

    Attributes:
        cameras: one for all, or one for each mesh; several cameras and one mesh make several views.
        lights: None shows colours as they are.
        settings: see `RendererSettings`.
        material: how surfaces answer to lamps.
    """

    cameras: PerspectiveCameras
    lights: Light | None = None
    settings: RendererSettings = field(default_factory=RendererSettings)
    material: Material = field(default_factory=Material)

    def __call__(
        self, meshes: Meshes, *, cameras: PerspectiveCameras | None = None, lights: Light | None = None
    ) -> Rendering:
        """Draw meshes, with cameras or lights other than the renderer's own if given.

        Triangles without area or with a corner that is NaN are left out. In hard mode the near plane clips
        triangles; in soft mode those with a corner behind the camera are left out.

        Raises:
            ValueError: textures do not belong to the meshes, or lights meet colours that are not RGB.
        """
        cameras = cameras or self.cameras
        lights = self.lights if lights is None else lights
        scene = self._scene(meshes, cameras, lights)
        if self.settings.soft is not None:
            return self._soft(scene, self.settings.soft)
        return self._hard(scene, cameras, lights)

    def _scene(self, meshes: Meshes, cameras: PerspectiveCameras, lights: Light | None) -> Scene:
        xy, depth = cameras.project(meshes.vertices)
        factor = highlight = None
        if lights is not None and not self.settings.per_pixel:
            normals = meshes.normals(self.settings.threads)
            viewer = cameras.positions().to(normals)
            factor, highlight = lights.shade(meshes.vertices, normals, viewer, self.material)
        return Scene.of(meshes, xy, depth, factor, highlight)

    def _hard(self, scene: Scene, cameras: PerspectiveCameras, lights: Light | None) -> Rendering:
        settings = self.settings.raster()
        parts = scene.parts()
        fragments = [functions.rasterise(p.xy, p.depth, p.meshes.topology, settings) for p in parts]
        colour = torch.cat([paint(p, seen) for p, seen in zip(parts, fragments, strict=True)])
        covered = torch.cat([seen.covered for seen in fragments])
        if lights is not None and self.settings.per_pixel:
            surface = torch.cat([_surface(p, seen) for p, seen in zip(parts, fragments, strict=True)])
            points, normals = surface.flatten(1, 2).split(3, dim=2)
            normals = torch.nn.functional.normalize(normals, dim=2)
            viewer = cameras.positions().to(points)
            factor, highlight = lights.shade(points, normals, viewer, self.material)
            colour = lit(
                colour,
                factor.reshape(-1, *covered.shape[1:], 3),
                None if highlight is None else highlight.reshape(-1, *covered.shape[1:], 3),
            )
            colour = colour * covered[..., None]
        picture = torch.cat([colour, covered[..., None].to(colour)], dim=3)
        if self.settings.antialias:
            slices = picture.split([len(p.xy) for p in parts])
            picture = torch.cat(
                [
                    functions.antialias(piece, p.xy, p.depth, seen)
                    for piece, p, seen in zip(slices, parts, fragments, strict=True)
                ]
            )
        foreground, silhouette = picture[..., :-1], picture[..., -1:]
        rgba = torch.cat([foreground + (1 - silhouette) * self._background(picture), silhouette], dim=3)
        depth = torch.cat([seen.depth for seen in fragments])
        return Rendering(rgba, torch.where(covered, depth, 0.0), foreground)

    def _soft(self, scene: Scene, soft: SoftSettings) -> Rendering:
        settings = self.settings.raster()
        drawn = [
            functions.soft_rasterise_batch(
                (p.xy, p.depth), p.meshes.topology, *soft_values(p), settings, soft
            )
            for p in scene.parts()
        ]
        colour, mean_depth, background, clear = (torch.cat(field) for field in zip(*drawn, strict=True))
        rgb = colour + background[..., None] * self._background(colour)  # eq. 2
        silhouette = 1 - clear  # eq. 4
        # The surface alone: the weights of eq. 3 without the background's, where there is any surface.
        share = 1 - background
        some = share > 10 * torch.finfo(share.dtype).eps
        share = torch.where(some, share, 1.0)
        foreground = colour * (torch.where(some, silhouette, 0.0) / share)[..., None]
        rgba = torch.cat([rgb, silhouette[..., None]], dim=3)
        return Rendering(rgba, torch.where(some, mean_depth / share, 0.0), foreground)

    def _background(self, like: Tensor) -> Tensor:
        return torch.as_tensor(self.settings.background, dtype=like.dtype, device=like.device)


def _surface(part: Scene, fragments: functions.Fragments) -> Tensor:
    """Positions and normals (B, H, W, 6) in the world, at every pixel."""
    meshes = part.meshes
    surface = torch.cat([meshes.vertices, meshes.normals(fragments.settings.threads)], dim=2)
    return functions.interpolate(fragments, surface.expand(len(part.xy), -1, -1))
