"""Training of the network behind `headshot.perception.segmentation`: loss, validation, pictures, export to
ONNX.

The loss is cross-entropy plus Dice (Milletari et al., "V-Net", 3DV 2016), both for labels that are sets of
classes, because data sets with coarser labels than ours are used too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from headshot.arrays import I32, U8, Index
from headshot.datasets.parts import celebamask, fasseg, helen, helen_points, lfw
from headshot.datasets.parts.scheme import UNKNOWN, Sample, classes
from headshot.errors import HeadshotError
from headshot.learn.checkpoints import best_weights
from headshot.learn.data.face_crops import find_crops
from headshot.learn.data.segmentation_stream import Plain, Source, Stream, StreamSettings
from headshot.learn.engine import Plan, Task, train
from headshot.learn.networks.unet import LiteUNet, UNet, channels_last, load_imagenet, to_network
from headshot.learn.weights import compress
from headshot.metrics.segmentation import confusion, scores
from headshot.perception.segmentation import CLASSES, PALETTE, SIZE


def partial_loss(logits: Tensor, sets: Tensor) -> tuple[Tensor, Tensor]:
    """Cross-entropy and Dice loss of labels that are sets.

    With the probabilities p = softmax(logits) and the set S of a pixel,

        CE = -log sum_{c in S} p_c,    Dice_c = 1 - 2 sum p_c t_c / (sum p_c + sum t_c),

    where t_c is 1 if S = {c} and 0 if c is not in S; pixels of which neither is true do not count for the
    Dice of c, and classes that no pixel of the batch has do not either. A pixel of which nothing is known (S
    holds all classes) counts for neither.

    Args:
        logits: (B, C, H, W).
        sets: (B, H, W) integers, bit c for class c.

    Returns:
        Both, means over pixels and classes.
    """
    count = logits.shape[1]
    bits = (2 ** torch.arange(count, device=sets.device)).view(1, count, 1, 1)
    member = (sets[:, None] & bits) > 0
    logs = logits.float().log_softmax(dim=1)
    known = (~member).any(dim=1)
    allowed = torch.logsumexp(logs.masked_fill(~member, -1e4), dim=1)
    entropy = -(allowed * known).sum() / known.sum().clamp(min=1)
    single = member.sum(dim=1, keepdim=True) == 1
    truth = (member & single).float()
    counts = (single | ~member).float() * known[:, None]
    p = logs.exp() * counts
    overlap = (p * truth).sum(dim=(0, 2, 3))
    present = truth.sum(dim=(0, 2, 3))
    dice = 1 - (2 * overlap + 1) / (p.sum(dim=(0, 2, 3)) + present + 1)
    return entropy, (dice * (present > 0)).sum() / (present > 0).sum().clamp(min=1)


def loss(network: nn.Module, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, dict[str, float]]:
    """Loss of a batch of crops (B, 3, S, S) uint8 and their sets (B, S, S)."""
    pixels, sets = batch
    logits = network(to_network(pixels))
    entropy, dice = partial_loss(logits, sets)
    return entropy + 0.5 * dice, {"entropy": entropy.item(), "dice": dice.item()}


class Validation:
    """F1 and accuracy of a network on held-out photos, by data set and in its own labels.

    Args:
        sources: held-out samples.
        size: of the crops.
        limit: so many of each source, spread over it.
    """

    def __init__(self, sources: Sequence[Source], size: int = SIZE, limit: int = 60) -> None:
        self.sources = [_thinned(source, limit) for source in sources]
        self.size = size

    def __call__(self, network: nn.Module) -> dict[str, float]:
        """Metrics of a network in evaluation mode: a mean F1 and a pixel accuracy for each data set."""
        metrics: dict[str, float] = {}
        for name in dict.fromkeys(source.samples[0].scheme.name for source in self.sources):
            sources = [source for source in self.sources if source.samples[0].scheme.name == name]
            counts = np.sum([self._confusion(network, source) for source in sources], axis=0)
            result = scores(counts)
            common = counts.sum(axis=1) >= 0.01 * counts.sum()
            metrics[f"{name}_f1"] = float(result.f1[common].mean())
            metrics[f"{name}_accuracy"] = float(np.trace(counts) / counts.sum())
        metrics["score"] = float(np.mean([v for k, v in metrics.items()]))
        return metrics

    def _confusion(self, network: nn.Module, source: Source) -> Index:
        scheme = source.samples[0].scheme
        device = next(network.parameters()).device
        counts = np.zeros((len(scheme.labels),) * 2, np.int64)
        # A label that stands for several classes has the sum of their probabilities.
        members = torch.zeros(len(scheme.labels), len(CLASSES), device=device)
        for c, label in enumerate(scheme.measured):
            if label >= 0:
                members[label, c] = 1
        table = np.full(UNKNOWN + 1, 255, np.uint8)
        table[list(scheme.sets)] = np.arange(len(scheme.labels))
        for pixels, sets in DataLoader(Plain(source, self.size), 8):
            p = network(to_network(pixels.to(device))).float().softmax(dim=1)
            predicted = torch.einsum("lc,bchw->blhw", members, p).argmax(dim=1).cpu().numpy()
            counts += confusion(predicted, table[sets.numpy()], len(scheme.labels), ignore=255)
        return counts


def sample_picture(network: nn.Module, sources: Sequence[Source], rows: int = 4, size: int = SIZE) -> U8:
    """Photos, labels, predictions side by side, (H, W, 3): a row for each source, ``rows`` crops in it."""
    device = next(network.parameters()).device
    lines = []
    for source in sources:
        tiles = []
        chosen = Plain(_thinned(source, rows), size)
        for pixels, sets in (chosen[k] for k in range(len(chosen))):
            labels = network(to_network(pixels[None].to(device)))[0].argmax(dim=0).cpu().numpy()
            tiles += [pixels.numpy().transpose(1, 2, 0), coloured(sets.numpy()), PALETTE[labels]]
        tiles += [np.zeros((size, size, 3), np.uint8)] * (3 * rows - len(tiles))
        lines.append(np.concatenate(tiles, axis=1))
    return np.concatenate(lines)


def coloured(sets: I32) -> U8:
    """Pictures of sets: the mean colour of their members."""
    members = (sets[..., None] >> np.arange(len(CLASSES))) & 1
    return (members @ PALETTE.astype(float) / np.maximum(members.sum(axis=-1), 1)[..., None]).astype(np.uint8)


def _thinned(source: Source, limit: int) -> Source:
    step = max(1, -(-len(source.samples) // limit))
    return Source(source.samples[::step], source.crops[::step], source.share)


def export_onnx(network: nn.Module, file: Path, size: int = SIZE) -> None:
    """Write a network as ONNX: ``pixels`` (1, S, S, 3) uint8 sRGB to ``probabilities`` (1, C, S, S) float32.

    Weights are stored with 8 bits, small ones with 16; ONNX Runtime computes with 32.
    """
    whole = _Exported(network).eval().cpu()
    pixels = torch.zeros(1, size, size, 3, dtype=torch.uint8)
    torch.onnx.export(
        whole,
        (pixels,),
        str(file),
        dynamo=False,
        opset_version=17,
        input_names=["pixels"],
        output_names=["probabilities"],
    )
    compress(file, eight_bits_from=10_000)


class _Exported(nn.Module):
    """A network with the conversions from a photo and to probabilities in it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pixels: Tensor) -> Tensor:
        logits = self.network(pixels.permute(0, 3, 1, 2).float() / 255)
        # Softmax, written out: ONNX Runtime's takes as long over channels as the whole network.
        powers = (logits - logits.amax(dim=1, keepdim=True)).exp()
        return powers / powers.sum(dim=1, keepdim=True)


@dataclass(frozen=True)
class Folders:
    """Where the data sets are; those without a folder are left out."""

    celebamask: Path | None = None
    fasseg: Path | None = None
    helen: Path | None = None
    helen_points: Path | None = None
    lfw: Path | None = None
    lfw_photos: Path | None = None

    def find(self) -> list[list[Sample]]:
        """The samples of each data set.

        Raises:
            HeadshotError: no folder is given, or one does not hold what it should.
        """
        found = []
        if self.celebamask:
            found.append(celebamask.find(self.celebamask))
        if self.fasseg:
            found.append(fasseg.find(self.fasseg))
        if self.helen:
            found.append(helen.find(self.helen))
        if self.helen_points:
            found.append(helen_points.find(self.helen_points))
        if self.lfw:
            if not self.lfw_photos:
                raise HeadshotError("the labels of LFW need its photos: give --lfw-photos too")
            found.append(lfw.find(self.lfw, self.lfw_photos))
        if not found:
            raise HeadshotError(
                "nothing to learn from: give at least one of --celebamask, --fasseg, --helen, "
                "--helen-points, --lfw"
            )
        return found


# Share of the training stream; only CelebAMask-HQ and HELEN label all classes that matter.
# Photos of it with a hat or glasses have a share of their own besides.
SHARES = {
    "celebamask": 0.45, "rare": 0.1, "fasseg": 0.1, "fasseg-multipose": 0.12, "helen": 0.3,
    "helen-points": 0.2, "lfw": 0.23,
}  # fmt: skip


def sources(
    samples: Sequence[Sequence[Sample]], crops: Path, unseen: Sequence[str] = ()
) -> tuple[list[Source], list[Source]]:
    """Samples of data sets as sources for training and for validation, one for each labelling scheme.

    Args:
        samples: of the data sets.
        crops: file in which the crops around their faces are kept.
        unseen: names of labelling schemes of which nothing is trained on.

    Raises:
        HeadshotError: none of the samples is of such a scheme.
    """
    there = {sample.scheme.name for found in samples for sample in found}
    if missing := sorted(set(unseen) - there):
        raise HeadshotError(f"--unseen {missing[0]}: the labels at hand are {', '.join(sorted(there))}")
    training: list[Source] = []
    validation: list[Source] = []
    for found in samples:
        for name in dict.fromkeys(sample.scheme.name for sample in found):
            for held_out, target in ((False, training), (True, validation)):
                part = [
                    s for s in found if s.scheme.name == name and (name in unseen or s.held_out) == held_out
                ]
                if part:
                    target.append(Source(part, find_crops(part, crops), SHARES[name]))
    rare = [s for source in training for s in source.samples if s.scheme.name == "celebamask" and _rare(s)]
    if rare:
        training.append(Source(rare, find_crops(rare, crops), SHARES["rare"]))
    return training, validation


def _rare(sample: Sample) -> bool:
    """Whether a photo shows a hat or glasses, which few do."""
    return bool((np.isin(sample.read_sets(), (classes("hat"), classes("glasses")))).mean() > 0.01)


def make_network(name: str, *, imagenet: bool) -> nn.Module:
    """The network "lite", or the paper's "unet".

    Raises:
        HeadshotError: there is no network of this name.
    """
    if name == "unet":
        return channels_last(UNet(len(CLASSES)))
    if name != "lite":
        raise HeadshotError(f'the network must be "lite" or "unet", not {name!r}')
    network = LiteUNet(len(CLASSES))
    if imagenet:
        load_imagenet(network)
    return channels_last(network)


@dataclass(frozen=True)
class SegmentSettings:
    """What is trained, and on what.

    Attributes:
        network: "lite" or "unet".
        imagenet: begin with ImageNet's weights, where the network has some.
        small_steps: so many of the first steps see crops of ``small`` pixels.
        small: pixels of these, a multiple of 32.
        occluded: share of the crops with something before the face.
        unseen: labelling schemes of which nothing is trained on.
    """

    network: str = "lite"
    imagenet: bool = True
    small_steps: int = 1000
    small: int = 192
    occluded: float = 0.5
    unseen: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.small % 32:
            raise HeadshotError(
                f"crops of {self.small} pixels do not halve five times: give a multiple of 32"
            )


def run(folder: Path, folders: Folders, plan: Plan, settings: SegmentSettings) -> nn.Module:
    """Train in a folder, or go on; see `headshot.learn.engine`."""
    training, validation = sources(folders.find(), folder / "crops.json", settings.unseen)
    sizes = ((0, settings.small), (settings.small_steps, SIZE)) if settings.small_steps else ((0, SIZE),)
    torch.manual_seed(plan.seed)
    stream = StreamSettings(plan.batch, sizes, settings.occluded, plan.seed)
    task = Task(
        network=make_network(settings.network, imagenet=settings.imagenet),
        data=Stream(training, stream),
        loss=loss,
        validate=Validation(validation),
        score="score",
        picture=lambda net: sample_picture(net, validation),
        held_out=tuple(
            f"{s.scheme.name}/{s.group}/{s.photo.name}" for source in validation for s in source.samples
        ),
    )
    return train(task, plan, folder)


def export_best(folder: Path, network: str, file: Path) -> None:
    """Write the best weights of a run as ONNX."""
    made = make_network(network, imagenet=False)
    made.load_state_dict(best_weights(folder))
    export_onnx(made, file)
