"""Training MeshNet+ (see `networks.meshnet_plus`): appearance from photos, depth from heads of known shape.

One item in four is a photo, compared with its rendering where the segmentation sees the face, and one a head
of the head model in a light that is known too (`data.rendered`). The rest are photos of synthetic heads
(`data.heads`), or again of both kinds where there are none. All have landmarks. Half are mirrored.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from headshot.arrays import F32, U8
from headshot.errors import HeadshotError
from headshot.fitting.landmark_noise import load_landmark_noise
from headshot.learn.curves import Metrics
from headshot.learn.data.faces import Faces
from headshot.learn.data.mesh_items import Known, Mixed, batch_of, cameras_of, item
from headshot.learn.data.rendered import Rendered
from headshot.learn.engine import Plan, Task, train
from headshot.learn.losses.perceptual import VGGLoss
from headshot.learn.mesh import masked_error
from headshot.learn.mesh_plus_loss import Loss, PlusWeights, draw, predict
from headshot.learn.networks.meshnet_plus import MeshNetPlus, Prediction, Surface
from headshot.learn.networks.solve import LandmarkModel
from headshot.learn.render import PerspectiveCameras
from headshot.learn.template import Template, face_template
from headshot.metrics.shape import aligned_distance
from headshot.models.albedo import load_albedo
from headshot.models.head_model import load_head_model


def surface_of(template: Template) -> Surface:
    """The template for the network, with the modes of the head model and the mean albedo and light."""
    model, albedo = load_head_model("low"), load_albedo("low")
    points = model.at(model.landmarks["mediapipe478"])
    reported = load_landmark_noise().at(points, np.eye(3))
    people = len(model.identity)

    def carried(modes: F32) -> Tensor:
        return torch.from_numpy(np.stack([template.carried(mode, model) for mode in modes]))

    return Surface(
        torch.from_numpy(template.vertices),
        [torch.from_numpy(t) for t in template.triangles],
        template.counts,
        [torch.from_numpy(e) for e in template.edges],
        torch.from_numpy(template.carried(albedo.mean, model)),
        torch.tensor(albedo.light_mean.reshape(9, 3), dtype=torch.float32),
        torch.tensor(albedo.light_precision, dtype=torch.float32),
        carried(model.identity),
        carried(model.expression),
        LandmarkModel(
            torch.tensor(points.mean),
            torch.tensor(reported.model.identity[:people]),
            torch.tensor(points.expression),
            torch.tensor(reported.model.identity[people:]),
            torch.tensor(reported.deviation, dtype=torch.float32),
        ),
    )


def validate(loss: Loss, photos: Faces, heads: Rendered, network: MeshNetPlus, limit: int = 24) -> Metrics:
    """Held-out photos: photometric and landmark errors; held-out heads: error of the shape, mm.

    The error of a shape is the mean distance from the true face after the best similarity.

    The landmark error is over the distance of the outer corners of the eyes (points 33 and 263); "coarse" and
    "template" are what the shape would be from landmarks alone, and the mean face's.
    """
    photometric, landmarks = [], []
    shape: dict[str, list[float]] = {"shape_mm": [], "coarse_mm": [], "template_mm": [], "neutral_mm": []}
    for n in np.linspace(0, len(photos) - 1, min(limit, len(photos))).astype(int):
        batch = batch_of([item(photos, n)])
        cameras = cameras_of(batch)
        found = predict(network, batch)
        drawn = draw(network, found, cameras, batch["picture"].shape[2])
        photometric.append(float(masked_error(drawn[:, :3], batch["picture"], batch["mask"])))
        points, _ = cameras.project(loss.landmarks(found.stages[-1]))
        true = batch["landmarks"]
        eyes = (true[0, 33] - true[0, 263]).norm()
        landmarks.append(float((points - true).norm(dim=2).mean() / eyes))
    face = torch.nonzero(loss.importance[: heads.truth.shape[1]] > 0.5)[:, 0]
    for n in np.linspace(0, len(heads) - 1, min(2 * limit, len(heads))).astype(int):
        batch = batch_of([item(heads, n)])
        found = predict(network, batch)
        alone = torch.cat([found.coarse.identity, found.coarse.expression], dim=1)
        plain = network.template + (alone @ network.modes).view(1, -1, 3)
        for name, vertices, true in (
            ("shape_mm", found.vertices, batch["truth"]), ("coarse_mm", plain, batch["truth"]),
            ("template_mm", network.template[None], batch["truth"]),
            ("neutral_mm", found.neutral, batch["neutral"]),
        ):  # fmt: skip
            ours, other = (x[0, face].double().numpy() for x in (vertices[:, : true.shape[1]], true))
            shape[name].append(aligned_distance(ours, other))
    out = {
        "photometric": float(np.mean(photometric)),
        "landmarks": float(np.mean(landmarks)),
        **{name: float(np.mean(values)) for name, values in shape.items()},
    }
    return {**out, "score": -10 * out["photometric"] - 10 * out["landmarks"] - 0.2 * out["shape_mm"]}


def clay(found: Prediction) -> Prediction:
    """The shape in plain grey under a lamp from above and the front."""
    light = torch.zeros_like(found.light)
    light[:, 0], light[:, 1], light[:, 2] = 0.7, 0.35, 0.35
    return replace(found, albedo=torch.full_like(found.albedo, 0.4), light=light)


def turned(cameras: PerspectiveCameras) -> PerspectiveCameras:
    """The same cameras, before faces that look 40 degrees to the side."""
    turn = torch.tensor([[0.766, 0.0, 0.643], [0.0, 1.0, 0.0], [-0.643, 0.0, 0.766]])
    return replace(cameras, rotation=turn.expand_as(cameras.rotation))


def sheet(photos: Faces, network: MeshNetPlus, columns: int = 8) -> U8:
    """Held-out photos, the result, its albedo, its shape, and shape and result turned, in rows."""
    batch = batch_of([item(photos, n) for n in range(min(columns, len(photos)))])
    cameras = cameras_of(batch)
    size = batch["picture"].shape[2]
    found = predict(network, batch)
    plain = torch.zeros_like(found.light)
    plain[:, 0] = 1
    rows = [batch["picture"]]
    for view, kinds in (
        (cameras, (found, replace(found, light=plain), clay(found))),
        (turned(cameras), (clay(found), found)),
    ):
        rows += [draw(network, kind, view, size)[:, :3] for kind in kinds]
    out = torch.cat([torch.cat(list(row.clamp(0, 1)), dim=2) for row in rows], dim=1).permute(1, 2, 0)
    return (out.numpy() * 255 + 0.5).astype(np.uint8)


def run(
    folder: Path, photos: Faces, known: Known, vgg: VGGLoss | None, plan: Plan, *,
    weights: PlusWeights | None = None, threads: int = 1, say: Callable[[str], None] = print,
) -> None:  # fmt: skip
    """Train MeshNet+, or go on training, in the folder of a run (see `headshot.learn.engine`).

    Args:
        folder: of the run.
        photos: segmented photos; those held out are for validation.
        known: heads of the photos' size; those held out are for validation.
        vgg: perceptual loss, or None for none.
        plan: how to train.
        weights: of the loss.
        threads: pictures that are drawn at the same time.
        say: called with lines of progress.

    Raises:
        HeadshotError: there are no heads.
    """
    unseen = known.select(held_out=True).some()
    if unseen is None:
        raise HeadshotError("MeshNet+ learns shape from heads: give --heads or --rendered")
    torch.manual_seed(plan.seed)
    template = face_template()
    network = MeshNetPlus(surface_of(template))
    loss = Loss(template, vgg, weights, threads)
    held = photos.select(photos.held_out)
    data = Mixed(photos.select(~photos.held_out), known.select(held_out=False), template, plan.seed)

    def net(module: nn.Module) -> MeshNetPlus:
        assert isinstance(module, MeshNetPlus)
        return module

    task = Task(
        network,
        data,
        lambda module, batch: loss(net(module), batch),
        lambda module: validate(loss, held, unseen, net(module)),
        "score",
        lambda module: sheet(held, net(module)),
        about={"kind": "meshnet+", "crop": photos.pixels.shape[1]},
    )
    train(task, plan, folder, say=say)
