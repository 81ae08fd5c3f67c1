"""The renderer: meshes, cameras and lights in, pictures with gradients out.

Two modes. **Hard** is a z-buffer with silhouettes antialiased, so that colours, textures, light, positions
and what is visible have gradients; it is fast, and its pictures are sharp. **Soft** is the Soft Rasterizer
(`headshot.geometry.raster.soft`), whose triangles also act at a distance.

Dimension letters: B batch, V vertices, H x W image, C channels (3 if there is light).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from headshot.geometry.raster.batch import RasterSettings
from headshot.geometry.raster.soft import SoftSettings
from headshot.learn.render import functions
from headshot.learn.render.cameras import PerspectiveCameras
from headshot.learn.render.lights import Light, Material
from headshot.learn.render.meshes import Meshes
from headshot.learn.render.scene import Scene, lit, paint, soft_values


@dataclass(frozen=True)
class RendererSettings:
    """Settings of pictures (PyTorch3D's RasterizationSettings and BlendParams).

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
        background: (C,) what is behind.
        coverage: (B, H, W) how much of rgb is not background. In hard mode that is the silhouette; in soft
            mode 1 - w_b (Soft Rasterizer, eq. 2 and 3), which is 1 wherever a triangle is near.
    """

    rgba: Tensor
    depth: Tensor
    background: Tensor
    coverage: Tensor

    @property
    def rgb(self) -> Tensor:
        """(B, H, W, C) colour over the background."""
        return self.rgba[..., :-1]

    @property
    def silhouette(self) -> Tensor:
        """(B, H, W) how much of each pixel the meshes cover, 0 to 1.

        In soft mode eq. 4: on an edge between two triangles each of them covers half, so that it is
        1 - (1 - 1/2)^2 = 3/4 there. For comparing silhouettes; what is behind is hidden by `coverage`.
        """
        return self.rgba[..., -1]

    @property
    def foreground(self) -> Tensor:
        """(B, H, W, C) rgb without the background: colour of the surface, times coverage."""
        return self.rgb - (1 - self.coverage)[..., None] * self.background


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
        colour = _join([paint(p, seen) for p, seen in zip(parts, fragments, strict=True)])
        covered = _join([seen.covered for seen in fragments])
        if lights is not None and self.settings.per_pixel:
            surface = _join([_surface(p, seen) for p, seen in zip(parts, fragments, strict=True)])
            points, normals = surface.flatten(1, 2).split(3, dim=2)
            normals = torch.nn.functional.normalize(normals, dim=2)
            viewer = cameras.positions().to(points)
            factor, highlight = lights.shade(points, normals, viewer, self.material)
            colour = lit(
                colour,
                factor.reshape(-1, *covered.shape[1:], 3),
                None if highlight is None else highlight.reshape(-1, *covered.shape[1:], 3),
            )
            colour = torch.where(covered[..., None], colour, 0.0)
        # Antialiasing is linear and the background the same everywhere, so it may be put in before.
        background = self._background(colour)
        solid = covered[..., None].to(colour)
        picture = torch.cat([colour, solid], dim=3)
        behind = torch.cat([background, background.new_zeros(1)])[None]
        # As a product of matrices, which is many times quicker than broadcasting to four channels.
        picture = torch.addmm(picture.flatten(0, 2), (1 - solid).reshape(-1, 1), behind).view_as(picture)
        if self.settings.antialias:
            slices = picture.split([len(p.xy) for p in parts]) if len(parts) > 1 else [picture]
            picture = _join(
                [
                    functions.antialias(piece, p.xy, p.depth, seen)
                    for piece, p, seen in zip(slices, parts, fragments, strict=True)
                ]
            )
        depth = _join([seen.depth for seen in fragments])
        return Rendering(picture, torch.where(covered, depth, 0.0), background, picture[..., -1])

    def _soft(self, scene: Scene, soft: SoftSettings) -> Rendering:
        settings = self.settings.raster()
        drawn = [
            functions.soft_rasterise_batch(
                (p.xy, p.depth), p.meshes.topology, *soft_values(p), settings, soft
            )
            for p in scene.parts()
        ]
        colour, mean_depth, behind, clear = (_join(list(field)) for field in zip(*drawn, strict=True))
        background = self._background(colour)
        rgb = colour + behind[..., None] * background  # eq. 2
        rgba = torch.cat([rgb, 1 - clear[..., None]], dim=3)  # eq. 4
        # The surface's depth alone: the weights of eq. 3 without the background's, where any surface is.
        coverage = 1 - behind
        some = coverage > 10 * torch.finfo(coverage.dtype).eps
        depth = torch.where(some, mean_depth, 0.0) / torch.where(some, coverage, 1.0)
        return Rendering(rgba, depth, background, coverage)

    def _background(self, like: Tensor) -> Tensor:
        """(C,)."""
        colour = torch.as_tensor(self.settings.background, dtype=like.dtype, device=like.device)
        return colour.expand(like.shape[-1])


def _join(parts: Sequence[Tensor]) -> Tensor:
    return parts[0] if len(parts) == 1 else torch.cat(list(parts))


def _surface(part: Scene, fragments: functions.Fragments) -> Tensor:
    """Positions and normals (B, H, W, 6) in the world, at every pixel."""
    meshes = part.meshes
    surface = torch.cat([meshes.vertices, meshes.normals(fragments.settings.threads)], dim=2)
    return functions.interpolate(fragments, surface.expand(len(part.xy), -1, -1))
