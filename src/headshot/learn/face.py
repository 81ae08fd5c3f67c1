"""Training of the network of Jiang and Yang (2026): photos in, coefficients of a face model out, no 3D truth
needed.

Jiang and Yang, "3D Human Face Reconstruction with 3DMM Face Model from RGB Image" (figure 6): the network
reads a photo, the face model and the renderer turn its coefficients into a picture, the picture is stitched
into the photo, and image and landmark loss go back through all of it. Losses of the paper's reference (Deng
et al. 2019) are added by their weights.

Dimension letters: B batch, S side of pictures, N coefficients, L landmarks.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from headshot.arrays import U8
from headshot.errors import HeadshotError
from headshot.learn.curves import Metrics
from headshot.learn.data.cache import FaceCache
from headshot.learn.data.prepared import UNITS, FaceStream, Item, StreamSettings, collate, split
from headshot.learn.engine import Plan, Task, train
from headshot.learn.face_model import BaselFace, Coefficients, FaceModel, load_face_model
from headshot.learn.losses import face as losses
from headshot.learn.losses.face import IdentityLoss
from headshot.learn.networks.mobilefacenet import load_mobilefacenet
from headshot.learn.networks.regressor import FaceRegressor
from headshot.learn.networks.resnet import Depth, load_imagenet
from headshot.learn.records import file_record
from headshot.learn.render import Rendering, stitch


@dataclass(frozen=True)
class Weights:
    """Weights of the losses; those that are 0 are not computed.

    The paper writes L = w_p L_p + w_l L_l without numbers. w_l is its reference's 1.6e-3 (for pixels of a
    224-pixel crop). With w_p = 10 the two terms are of like size when faces lie where they should.

    Attributes:
        image: w_p.
        landmarks: w_l.
        attention: of the photometric loss with skin attention.
        identity: of the perceptual loss; needs a recogniser.
        coefficients: of the regularisation of identity, expression and texture.
        light: of the light's distance from white (Basel) or from the usual light (built-in head).
        reflectance: of the variance of the skin's reflectance.
        weighted: count the nose and the inside of the mouth more (68 points).
    """

    image: float = 10.0
    landmarks: float = 1.6e-3
    attention: float = 0.0
    identity: float = 0.0
    coefficients: float = 0.0
    light: float = 0.0
    reflectance: float = 0.0
    weighted: bool = False


PRESETS = {
    "paper": Weights(),
    "reference": Weights(
        image=0.0, attention=1.9, identity=0.2, coefficients=3e-4, light=10.0 * 3e-4, reflectance=5.0,
        weighted=True,
    ),
}  # fmt: skip
"""The paper's losses, and those of Deng et al. with their weights (the light's from their program)."""


@dataclass(frozen=True)
class FaceSettings:
    """What to train.

    Attributes:
        model: "ours", or the file of a prepared Basel model.
        weights: of the losses.
        size: side of the pictures that the network sees, and of those rendered.
        depth: of the ResNet.
        imagenet: its weights: a file, "torch.hub", or "none".
        dropout: in the head of the network; the paper gives no number.
        soft: render with the Soft Rasterizer, as the paper does.
        recogniser: MobileFaceNet's weights, for the identity loss.
        image_set: photos of one person that share one identity; 1 for none.
        held_out: share of people to validate on.
        threads: pictures that are rendered at the same time.
    """

    model: str = "ours"
    weights: Weights = PRESETS["paper"]
    size: int = 224
    depth: Depth = 50
    imagenet: str = "torch.hub"
    dropout: float = 0.2
    soft: bool = True
    recogniser: Path | None = None
    image_set: int = 1
    held_out: float = 0.1
    threads: int = 1


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a network makes of a batch.

    Attributes:
        coefficients: of the faces.
        points: (B, L, 2) landmarks in `UNITS`.
        rendering: S x S pictures of the faces alone.
        stitched: (B, S, S, 3) those in their photos.
    """

    coefficients: Coefficients
    points: Tensor
    rendering: Rendering
    stitched: Tensor


class FaceLearner:
    """The way from photos to pictures, and the loss."""

    def __init__(self, model: FaceModel, settings: FaceSettings) -> None:
        """Load what the losses need.

        Raises:
            HeadshotError: the identity loss has no recogniser.
        """
        self.model, self.settings = model, settings
        w = settings.weights
        if w.identity and settings.recogniser is None:
            raise HeadshotError(
                "the identity loss needs a network that recognises people: give --recogniser FILE, or "
                "--identity-weight 0"
            )
        self.identity = IdentityLoss(load_mobilefacenet(settings.recogniser)) if settings.recogniser else None
        self.landmark_weights = losses.landmark_weights(model.landmark_set) if w.weighted else None

    def outcome(self, network: nn.Module, batch: Item, sets: int = 1) -> Outcome:
        """Coefficients, landmarks and pictures of a batch of `FaceStream`."""
        photo = unit_pixels(batch)
        raw, confidence = network(photo)
        # Rendering and losses need all their bits, also where the network runs with fewer.
        with torch.autocast(photo.device.type, enabled=False):
            c = self.model.coefficients(raw.float())
            if sets > 1:
                assert confidence is not None
                c = replace(c, identity=losses.aggregate(c.identity, confidence.float(), sets))
            vertices = self.model.shape(c)
            posed = self.model.posed(c, vertices)
            rendering = self.model.draw(
                posed, self.model.shaded(c, vertices), self.settings.size,
                soft=self.settings.soft, threads=self.settings.threads,
            )  # fmt: skip
            stitched = stitch(rendering, photo.permute(0, 2, 3, 1), batch["mask"].float() / 255)
            return Outcome(c, self.model.landmarks(posed), rendering, stitched)

    def loss(self, network: nn.Module, batch: Item) -> tuple[Tensor, Metrics]:
        """The loss of a batch, and its terms before they are weighted."""
        out = self.outcome(network, batch, self.settings.image_set)
        with torch.autocast(batch["photo"].device.type, enabled=False):
            return self.total(out, batch)

    def total(self, out: Outcome, batch: Item) -> tuple[Tensor, Metrics]:
        """The weighted sum of the losses, and each of them."""
        w, c = self.settings.weights, out.coefficients
        photo = (batch["photo"].float() / 255).permute(0, 2, 3, 1)
        terms: dict[str, tuple[float, Tensor]] = {}
        if w.image:
            terms["image"] = w.image, losses.image_loss(out.stitched, photo)
        if w.landmarks:
            points = losses.landmark_loss(out.points, batch["points"], self.landmark_weights)
            terms["landmarks"] = w.landmarks, points
        if w.attention:
            # M is where the face is rendered; errors there must not be reduced by moving the face away.
            drawn = out.rendering.coverage.detach()
            attention = losses.skin_attention(batch["mask"].float() / 255) * drawn
            terms["attention"] = w.attention, losses.attention_loss(out.stitched, photo, attention)
        if w.identity:
            assert self.identity is not None
            five = batch["five"] * (self.settings.size / UNITS)
            terms["identity"] = w.identity, self.identity(out.stitched, photo, five)
        if w.coefficients:
            size = losses.regularisation(c.identity, c.expression, c.texture)
            terms["coefficients"] = w.coefficients, size
        if w.light:
            basel = isinstance(self.model, BaselFace)
            terms["light"] = w.light, losses.light_loss(c.light) if basel else c.light.square().mean()
        if w.reflectance:
            variance = losses.reflectance_loss(self.model.reflectance(c), self.model.skin)
            terms["reflectance"] = w.reflectance, variance
        if not terms:
            raise HeadshotError("all losses have weight 0")
        total = torch.stack([weight * value for weight, value in terms.values()]).sum()
        return total, {name: value.item() for name, (_, value) in terms.items()}


def unit_pixels(batch: Item) -> Tensor:
    """Pictures (B, 3, S, S) of a batch as networks read them: sRGB in [0, 1]."""
    return batch["photo"].float() / 255


class Validation:
    """Losses and landmark error on held-out people, each photo on its own."""

    def __init__(self, learner: FaceLearner, stream: FaceStream, limit: int = 200, batch: int = 16) -> None:
        step = max(1, -(-len(stream.faces) // limit))
        self.learner, self.stream, self.batch = learner, stream, batch
        self.faces = stream.faces[::step].tolist()

    @property
    def photos(self) -> list[str]:
        """Names of the photos, as the cache has them."""
        return [self.stream.cache.photos[face] for face in self.faces]

    @torch.no_grad()
    def __call__(self, network: nn.Module) -> Metrics:
        """Means over photos of a network in evaluation mode.

        ``nme``: landmarks' mean distance in per cent of the root of the face's box; ``image_error``: root
        mean square difference of the colours where the face is; ``score``: minus the loss.
        """
        device = next(network.parameters()).device
        sums: dict[str, float] = {}
        for start in range(0, len(self.faces), self.batch):
            chosen = self.faces[start : start + self.batch]
            batch = {k: v.to(device) for k, v in collate([self.stream.item(i) for i in chosen]).items()}
            out = self.learner.outcome(network, batch)
            total, metrics = self.learner.total(out, batch)
            metrics["loss"] = total.item()
            metrics["nme"] = losses.normalised_error(out.points.cpu().numpy(), batch["points"].cpu().numpy())
            photo = (batch["photo"].float() / 255).permute(0, 2, 3, 1)
            # stitched - photo = cover (colour - photo)
            cover = out.rendering.coverage * batch["mask"] / 255
            squares = (out.stitched - photo).square().sum(dim=(1, 2, 3))
            error = (squares / (3 * cover.square().sum(dim=(1, 2)).clamp(min=1))).sqrt()
            metrics["image_error"] = error.mean().item()
            for name, value in metrics.items():
                sums[name] = sums.get(name, 0.0) + value * len(chosen)
        means = {name: value / len(self.faces) for name, value in sums.items()}
        return {**means, "score": -means["loss"]}

    @torch.no_grad()
    def picture(self, network: nn.Module, columns: int = 8) -> U8:
        """Photos, the faces made of them in their place, and those alone: three rows, (3 S, columns S, 3)."""
        device = next(network.parameters()).device
        chosen = self.faces[:: max(1, len(self.faces) // columns)][:columns]
        batch = {k: v.to(device) for k, v in collate([self.stream.item(i) for i in chosen]).items()}
        out = self.learner.outcome(network, batch)
        photo = (batch["photo"].float() / 255).permute(0, 2, 3, 1)
        rows = [torch.cat(list(row), dim=1) for row in (photo, out.stitched, out.rendering.rgb)]
        return (torch.cat(rows).clamp(0, 1) * 255 + 0.5).to(torch.uint8).cpu().numpy()


def make_network(model: FaceModel, settings: FaceSettings) -> FaceRegressor:
    """The network for a face model, with ImageNet's weights if they are wanted.

    Raises:
        HeadshotError: those are not there.
    """
    confidences = model.layout.identity if settings.image_set > 1 else 0
    network = FaceRegressor(model.layout.total, settings.depth, settings.dropout, confidences)
    if settings.imagenet != "none":
        load_imagenet(network.backbone, settings.imagenet)
    # Convolutions of processors are a third quicker when the channels of a pixel lie side by side.
    for weight in network.parameters():
        if weight.ndim == 4:
            weight.data = weight.data.contiguous(memory_format=torch.channels_last)
    return network


def make_task(cache: FaceCache, settings: FaceSettings, plan: Plan) -> Task:
    """Everything that the engine trains."""
    own = settings.model == "ours" and cache.making.landmarks == "headshot"
    model = load_face_model(settings.model, "mediapipe478" if own else "ibug68").to(plan.device)
    if settings.image_set > 1 and plan.batch % settings.image_set:
        raise HeadshotError(f"a batch of {plan.batch} is no whole number of sets of {settings.image_set}")
    learner = FaceLearner(model, settings)
    if learner.identity is not None:
        learner.identity.network.to(plan.device)
    training, held_out = split(cache, settings.held_out)
    stream = StreamSettings(settings.size, model.landmark_set, settings.image_set, seed=plan.seed)
    torch.manual_seed(plan.seed)
    plain = replace(stream, photos=1, varied=False)
    validation = Validation(learner, FaceStream(cache, held_out, plain))
    return Task(
        network=make_network(model, settings),
        data=FaceStream(cache, training, stream),
        loss=learner.loss,
        validate=validation,
        score="score",
        picture=validation.picture,
        held_out=tuple(validation.photos),
        about=about(settings, model),
    )


def about(settings: FaceSettings, model: FaceModel) -> dict[str, Any]:
    """What the record of a run says (`headshot.learn.records`): settings, landmarks and the model's file."""
    plain = {**asdict(settings), "recogniser": settings.recogniser and str(settings.recogniser)}
    file = None if settings.model == "ours" else file_record(Path(settings.model))
    return {"kind": "face", "settings": plain, "landmarks": model.landmark_set, "model": file}


def paper_plan(steps_per_epoch: int, epochs: int = 20, **changes: Any) -> Plan:
    """The paper's best setting: 20 epochs, batches of 16, Adam from a learning rate of 1e-3.

    A validation, a picture and a checkpoint follow each epoch, and the best is chosen. Adam is AdamW without
    decay. The weights are those of the network itself, not their average.
    """
    settings: dict[str, Any] = {"batch": 16, "rate": 1e-3, "final": 1.0, "warm_up": 0, **changes}
    return Plan(
        steps=epochs * steps_per_epoch, decay=0.0, average=0.0, every=steps_per_epoch,
        save_every=200, **settings,
    )  # fmt: skip


def run(cache: FaceCache, folder: Path, settings: FaceSettings, plan: Plan) -> nn.Module:
    """Train in a folder, or go on; see `headshot.learn.engine`."""
    return train(make_task(cache, settings, plan), plan, folder)


def steps_per_epoch(cache: FaceCache, settings: FaceSettings, batch: int) -> int:
    """Whole batches in an epoch.

    Raises:
        HeadshotError: there are fewer faces than a batch has.
    """
    training, _ = split(cache, settings.held_out)
    own = settings.model == "ours" and cache.making.landmarks == "headshot"
    points = "mediapipe478" if own else "ibug68"
    items = len(FaceStream(cache, training, StreamSettings(settings.size, points, settings.image_set)))
    if items < batch:
        raise HeadshotError(f"{items} faces are fewer than a batch of {batch}: give a smaller --batch")
    return items // batch
