"""Batches of meshes and the appearance of their surface.

Dimension letters: B batch, V vertices, F triangles, C channels, N texture coordinates, T x U texture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from headshot.geometry.raster import Topology
from headshot.learn.render.functions import to_numpy, vertex_normals

Triangles = Tensor | NDArray[Any] | Topology


@dataclass(frozen=True, eq=False)
class VertexColours:
    """A colour for every vertex (PyTorch3D's TexturesVertex).

    Attributes:
        colours: (B, V, C), or (V, C) or (1, V, C) for all meshes alike. Lights need C = 3.
    """

    colours: Tensor

    def __post_init__(self) -> None:
        if self.colours.ndim == 2:
            object.__setattr__(self, "colours", self.colours[None])
        if self.colours.ndim != 3:
            raise ValueError(f"vertex colours must have shape (B, V, C), got {tuple(self.colours.shape)}")


@dataclass(frozen=True, eq=False)
class UVTexture:
    """A picture wrapped around the mesh (PyTorch3D's TexturesUV, whose v runs the other way).

    Attributes:
        image: (B, T, U, C), or (T, U, C) or (1, T, U, C) for all meshes alike; sampled bilinearly.
        uv: (B, N, 2), or (N, 2) for all meshes alike; origin top left, 0 to 1.
        triangles: (F, 3) indices of ``uv``, in the order of the mesh's triangles, or a `Topology`.
    """

    image: Tensor
    uv: Tensor
    triangles: Triangles

    def __post_init__(self) -> None:
        if self.image.ndim == 3:
            object.__setattr__(self, "image", self.image[None])
        if self.uv.ndim == 2:
            object.__setattr__(self, "uv", self.uv[None])
        if self.image.ndim != 4 or 0 in self.image.shape[1:]:
            raise ValueError(f"a texture must have shape (B, T, U, C), got {tuple(self.image.shape)}")
        if self.uv.ndim != 3 or self.uv.shape[2] != 2:
            raise ValueError(f"uv must have shape (B, N, 2), got {tuple(self.uv.shape)}")
        object.__setattr__(self, "triangles", _topology(self.triangles, self.uv.shape[1]))

    @property
    def topology(self) -> Topology:
        """The triangles, checked."""
        assert isinstance(self.triangles, Topology)
        return self.triangles


Textures = VertexColours | UVTexture


class Meshes:
    """B triangle meshes that are drawn together.

    Meshes with the same triangles share them: that is the quick way, and a `Topology` made once and passed
    again saves its checks. Otherwise vertices and triangles are lists, and the shorter lists of vertices are
    padded with zeros, which no triangle uses.

    Attributes:
        vertices: (B, V, 3).
        topologies: one, shared, or B of them.
        textures: colour of the surface, or None for white.
    """

    def __init__(
        self,
        vertices: Tensor | Sequence[Tensor],
        triangles: Triangles | Sequence[Triangles],
        textures: Textures | Sequence[Textures] | None = None,
    ) -> None:
        """Make a batch.

        Args:
            vertices: (B, V, 3), (V, 3) for one mesh, or a list of (V_b, 3).
            triangles: (F, 3) or a `Topology`, shared, counter-clockwise seen from outside; or (B, F, 3) or a
                list of B (F_b, 3).
            textures: for all meshes alike or as a batch; a list of B if triangles are not shared.

        Raises:
            ValueError: shapes do not belong together, or an index is out of range.
        """
        if isinstance(vertices, Tensor):
            padded = vertices[None] if vertices.ndim == 2 else vertices
        else:
            padded = torch.nn.utils.rnn.pad_sequence(list(vertices), batch_first=True)
        if padded.ndim != 3 or padded.shape[2] != 3:
            raise ValueError(f"vertices must have shape (B, V, 3), got {tuple(padded.shape)}")
        if padded.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"vertices must be float32 or float64, got {padded.dtype}")
        faces: list[Triangles]
        if isinstance(triangles, Topology):
            faces, shared = [triangles], True
        elif isinstance(triangles, Tensor | np.ndarray):
            shared = triangles.ndim == 2
            faces = [triangles] if shared else list(triangles)
        else:
            faces, shared = list(triangles), False
        if not shared and len(faces) != len(padded):
            raise ValueError(f"{len(padded)} meshes need as many lists of triangles, got {len(faces)}")
        self.vertices = padded
        self._shared = shared
        self.topologies = tuple(_topology(each, padded.shape[1]) for each in faces)
        if isinstance(textures, Sequence) and all(isinstance(t, VertexColours) for t in textures):
            # Padded like the vertices.
            colours = [t.colours[0] for t in textures if isinstance(t, VertexColours)]
            textures = VertexColours(torch.nn.utils.rnn.pad_sequence(colours, batch_first=True))
        self.textures = textures
        listed = len(textures) if isinstance(textures, Sequence) else None
        if (not shared and isinstance(textures, UVTexture)) or listed not in (None, len(padded)):
            raise ValueError(f"meshes with their own triangles need a list of {len(padded)} textures")
        if shared and listed is not None:
            raise ValueError("meshes that share triangles need one texture object, whose fields have a batch")

    def __len__(self) -> int:
        return len(self.vertices)

    @property
    def shared(self) -> bool:
        """Whether all meshes have the same triangles."""
        return self._shared

    @property
    def topology(self) -> Topology:
        """The shared triangles.

        Raises:
            ValueError: every mesh has its own.
        """
        if not self.shared:
            raise ValueError("these meshes have different triangles: take them one by one, with meshes[i]")
        return self.topologies[0]

    @property
    def appearances(self) -> int:
        """How many different textures there are: 1 if all meshes share theirs."""
        if isinstance(self.textures, VertexColours):
            return len(self.textures.colours)
        if isinstance(self.textures, UVTexture):
            image, uv = len(self.textures.image), len(self.textures.uv)
            return max(image, uv) if image and uv else 0
        return 1 if self.textures is None else len(self.textures)

    def __getitem__(self, index: int) -> Meshes:
        """One mesh, as a batch of one."""
        topology = self.topologies[0 if self.shared else index]
        textures = self.textures
        if isinstance(textures, Sequence):
            textures = textures[index]
        elif isinstance(textures, VertexColours) and len(textures.colours) > 1:
            textures = VertexColours(textures.colours[index : index + 1])
        elif isinstance(textures, UVTexture):
            image, uv = (t if len(t) == 1 else t[index : index + 1] for t in (textures.image, textures.uv))
            textures = UVTexture(image, uv, textures.topology)
        return Meshes(self.vertices[index : index + 1], topology, textures)

    def with_vertices(self, vertices: Tensor) -> Meshes:
        """The same triangles and textures with other vertices (B, V, 3)."""
        return self._replaced(vertices, self.textures)

    def with_textures(self, textures: Textures | Sequence[Textures] | None) -> Meshes:
        """The same meshes with other textures."""
        return self._replaced(self.vertices, textures)

    def offset(self, offsets: Tensor) -> Meshes:
        """The meshes with their vertices moved by (B, V, 3) or (V, 3)."""
        return self.with_vertices(self.vertices + offsets)

    def normals(self, threads: int = 1) -> Tensor:
        """Unit vertex normals (B, V, 3), averaged over the adjoining triangles by area."""
        if self.shared:
            return vertex_normals(self.vertices, self.topology, threads)
        return torch.cat([self[b].normals() for b in range(len(self))])

    def _replaced(self, vertices: Tensor, textures: Textures | Sequence[Textures] | None) -> Meshes:
        return Meshes(vertices, self.topologies[0] if self.shared else list(self.topologies), textures)


def _topology(triangles: Triangles, vertices: int) -> Topology:
    if isinstance(triangles, Tensor):
        triangles = to_numpy(triangles)
    return Topology.of(triangles, vertices)
