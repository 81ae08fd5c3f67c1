"""Projected and lit meshes, and the colours that their surface shows.

Dimension letters: B batch, V vertices, H x W image, C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from headshot.learn.render import functions
from headshot.learn.render.functions import Fragments, SoftTexture
from headshot.learn.render.meshes import Meshes, UVTexture, VertexColours


@dataclass(frozen=True, eq=False)
class Scene:
    """Meshes as cameras see them, before anything is drawn. B is the greatest batch of all that is shown.

    Attributes:
        meshes: B of them, or one for all.
        xy: (B, V, 2) pixels.
        depth: (B, V) distance along the viewing axis.
        factor: (B, V, 3) or (1, V, 3) what light multiplies colours with, or None.
        highlight: (B, V, 3) or (1, V, 3) what it adds, or None.
    """

    meshes: Meshes
    xy: Tensor
    depth: Tensor
    factor: Tensor | None
    highlight: Tensor | None

    @classmethod
    def of(
        cls, meshes: Meshes, xy: Tensor, depth: Tensor, factor: Tensor | None, highlight: Tensor | None
    ) -> Scene:
        """With xy and depth repeated to the greatest batch."""
        sizes = {len(xy), meshes.appearances, *(len(t) for t in (factor, highlight) if t is not None)} - {1}
        if len(sizes) > 1:
            raise ValueError(f"meshes, cameras, lights and textures are of different batches: {sizes}")
        batch = sizes.pop() if sizes else 1
        return cls(meshes, xy.expand(batch, -1, -1), depth.expand(batch, -1), factor, highlight)

    def parts(self) -> list[Scene]:
        """What can be drawn at once: everything if triangles are shared, else mesh by mesh."""
        if self.meshes.shared:
            return [self]

        def take(tensor: Tensor | None, b: int) -> Tensor | None:
            return tensor if tensor is None or len(tensor) == 1 else tensor[b : b + 1]

        return [
            Scene(
                self.meshes[b],
                self.xy[b : b + 1],
                self.depth[b : b + 1],
                take(self.factor, b),
                take(self.highlight, b),
            )
            for b in range(len(self.meshes))
        ]


def lit(colour: Tensor, factor: Tensor | None, highlight: Tensor | None) -> Tensor:
    """Colours (..., 3) under light: factor * colour + highlight, of which either may be None."""
    if factor is None:
        return colour
    if colour.shape[-1] != 3:
        raise ValueError(f"lights need colours of 3 channels, got {colour.shape[-1]}")
    return colour * factor if highlight is None else colour * factor + highlight


def paint(scene: Scene, fragments: Fragments) -> Tensor:
    """Colours (B, H, W, C) of what the pixels see, under the scene's light; 0 where empty."""
    batch, textures = len(scene.xy), scene.meshes.textures
    if not isinstance(textures, UVTexture):
        values = lit(_colours(scene.meshes), scene.factor, scene.highlight)
        return functions.interpolate(fragments, values.expand(batch, -1, -1))
    image, uv = _texture(scene, textures)
    where = functions.interpolate(fragments, uv, textures.topology)
    texels = functions.sample(
        image, where * where.new_tensor([image.shape[2], image.shape[1]]), fragments.settings.threads
    )
    if scene.factor is None:
        return texels * fragments.covered[..., None]
    light = scene.factor if scene.highlight is None else torch.cat([scene.factor, scene.highlight], dim=2)
    seen = functions.interpolate(fragments, light.expand(batch, -1, -1))
    return lit(texels, seen[..., :3], None if scene.highlight is None else seen[..., 3:])


def soft_values(scene: Scene) -> tuple[Tensor, SoftTexture]:
    """The vertices' values and the texture that `functions.soft_rasterise_batch` draws."""
    batch, textures = len(scene.xy), scene.meshes.textures
    if not isinstance(textures, UVTexture):
        values = lit(_colours(scene.meshes), scene.factor, scene.highlight).expand(batch, -1, -1)
        none = values.new_zeros((batch, 0, 0, values.shape[2]))
        return values, SoftTexture(none, values.new_zeros((batch, 0, 2)), None)
    image, uv = _texture(scene, textures)
    factor = scene.factor
    if factor is None:
        factor = scene.xy.new_ones((1, scene.xy.shape[1], image.shape[3]))
    elif image.shape[3] != 3:
        raise ValueError(f"lights need textures of 3 channels, got {image.shape[3]}")
    highlight = torch.zeros_like(factor) if scene.highlight is None else scene.highlight
    values = torch.cat([t.expand(batch, -1, -1) for t in (factor, highlight)], dim=2)
    return values, SoftTexture(image, uv, textures.topology)


def _texture(scene: Scene, textures: UVTexture) -> tuple[Tensor, Tensor]:
    """The texture (B, T, U, C) and its coordinates (B, N, 2), of the scene's type and device."""
    batch = len(scene.xy)
    faces, wanted = len(textures.topology.triangles), len(scene.meshes.topology.triangles)
    if faces != wanted:
        raise ValueError(f"the texture has {faces} triangles, but the mesh {wanted}")
    image, uv = textures.image.to(scene.xy), textures.uv.to(scene.xy)
    return image.expand(batch, -1, -1, -1), uv.expand(batch, -1, -1)


def _colours(meshes: Meshes) -> Tensor:
    """(B, V, C) or (1, V, C)."""
    textures, count = meshes.textures, meshes.vertices.shape[1]
    if textures is None:
        return meshes.vertices.new_ones((1, count, 3))
    if not isinstance(textures, VertexColours):
        raise ValueError(f"textures must be VertexColours or UVTexture, got {type(textures).__name__}")
    if textures.colours.shape[1] != count:
        raise ValueError(f"{textures.colours.shape[1]} vertex colours were given for {count} vertices")
    return textures.colours.to(meshes.vertices)
