"""Perceptual identity loss: the embedding of a rendered head against that of the person's photos.

The perceptual loss of Deng et al., "Accurate 3D Face Reconstruction with Weakly-Supervised Learning" (CVPRW
2019, equation 5), for the shape alone: pose, expression, albedo and light are what the fit found in the
photo, and the face is drawn into it.

Dimension letters: B faces, I identity modes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headshot.arrays import U8, Index, Mask
from headshot.geometry.align import planar_similarity
from headshot.geometry.camera import Camera
from headshot.geometry.pose import camera_of_crop_pose
from headshot.image.crop import FaceCrop
from headshot.image.resample import warp
from headshot.learn.data.align import CENTRE
from headshot.learn.data.regressor_stream import labels_in_crop
from headshot.learn.data.training_crops import KINDS, KNOWN, TrainingCrops
from headshot.learn.face_model import Coefficients, HeadFace
from headshot.learn.networks.mobilefacenet import load_mobilefacenet
from headshot.learn.render import (
    Meshes,
    MeshRenderer,
    PerspectiveCameras,
    RendererSettings,
    VertexColours,
    stitch,
)
from headshot.models.albedo import load_albedo
from headshot.models.head_model import load_head_model
from headshot.models.topologies.ibug68 import five_points
from headshot.perception.recognition import HEIGHT, POINTS, WIDTH

FACES = 8
"""Of a batch, at most: rendering them takes as long as all else."""


class RenderedIdentity(nn.Module):
    """The loss, for training crops of a store."""

    def __init__(self, crops: TrainingCrops, recogniser: Path) -> None:
        """Load the recogniser, MobileFaceNet's weights as safetensors.

        Raises:
            HeadshotError: it is not there.
        """
        super().__init__()
        self.crops = crops
        self.recogniser = load_mobilefacenet(recogniser)
        self.face = HeadFace(load_head_model("low"), load_albedo("low"))
        known = crops.labels["known"][:, [KNOWN.index(name) for name in KNOWN if name != "identity"]]
        embedded = (crops.labels["embedding"] != 0).any(axis=1)
        whole = (crops.labels["weight"][:, 478:] > 0).all(axis=1)
        photo = crops.kind == KINDS.index("photo")
        self.usable: Mask = photo & embedded & whole & (known > 0).all(axis=1)

    def forward(self, identity: Tensor, number: Tensor) -> Tensor:
        """1 - cosine between a person's embedding and that of the face drawn into their photo.

        Args:
            identity: (B, I) of the crops, none of them mirrored.
            number: (B,) numbers of the training crops; -1 for none.

        Returns:
            Mean over the first `FACES` crops of which all that is drawn is known; 0 without any.
        """
        index = number.cpu().numpy()
        usable = np.flatnonzero((index >= 0) & self.usable[index])[:FACES]
        if not len(usable):
            return identity.sum() * 0
        chosen = index[usable]
        pictures = self.draw(identity[torch.from_numpy(usable).to(identity.device)], chosen)
        one, other = self.recogniser(pictures.permute(0, 3, 1, 2)).chunk(2, dim=1)
        wanted = torch.from_numpy(self.crops.labels["embedding"][chosen]).to(identity)
        return 1 - nn.functional.cosine_similarity(one + other, wanted, dim=1).mean()

    def draw(self, identity: Tensor, crops: Index) -> Tensor:
        """Aligned crops (B, HEIGHT, WIDTH, 3), sRGB, with faces of these identities (B, I) rendered."""
        cameras, behind = zip(*(self._aligned(int(k)) for k in crops), strict=True)
        labels = self.crops.labels

        def given(name: str) -> Tensor:
            return torch.from_numpy(labels[name][crops]).to(identity)

        nothing = identity.new_zeros((len(crops), 3))  # the pose is the cameras' business
        c = Coefficients(identity, given("expression"), given("albedo"), nothing, given("light"), nothing)
        vertices = self.face.shape(c)
        colours = VertexColours(self.face.shaded(c, vertices))
        settings = RendererSettings((HEIGHT, WIDTH), cull=True)
        seen = PerspectiveCameras.from_cameras(cameras, identity.dtype)
        middle = torch.tensor(CENTRE, dtype=identity.dtype, device=identity.device)
        drawn = MeshRenderer(seen, settings=settings)(Meshes(vertices + middle, self.face.topology, colours))
        photo = torch.from_numpy(np.stack(behind)).to(identity) / 255
        return stitch(drawn, photo).clamp(0, 1)

    def _aligned(self, number: int) -> tuple[Camera, U8]:
        """A training crop as the recogniser expects it, and the camera that sees the head there."""
        labels = {name: self.crops.labels[name][number].copy() for name in ("points", "rotation", "place")}
        affine = planar_similarity(POINTS, five_points(labels["points"][478:]))
        picture = warp(self.crops.picture(number), affine[None], (HEIGHT, WIDTH), clamp=True)[0]
        labels_in_crop(labels, FaceCrop.of_map(affine @ np.diag([HEIGHT, HEIGHT, 1.0])))
        x, y, size = labels["place"].tolist()
        origin, scale = HEIGHT * np.array([x, y]), HEIGHT * float(np.exp(size))
        rotation = labels["rotation"].astype(np.float64)
        return camera_of_crop_pose(rotation, origin, scale, (WIDTH, HEIGHT)), picture
