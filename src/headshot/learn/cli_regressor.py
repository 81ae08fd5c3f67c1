"""The commands ``headshot learn regressor-data``, ``regressor`` and ``identity``: networks that ship."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from headshot.learn import cli_options as option
from headshot.terminal import errors_as_messages, fail

commands = typer.Typer()


@commands.command("regressor-data")
def regressor_data(
    store: option.Store,
    photos: Annotated[Path | None, typer.Option(help="Folder of photos, labelled by the fit.")] = None,
    marked: Annotated[Path | None, typer.Option(help="Folder of photos with hand-made points.")] = None,
    name: Annotated[str, typer.Option(help="Of the data: lfw, cfp, helen, celebamask or utkface.")] = "",
    synthetic: Annotated[
        int, typer.Option(min=0, help="So many synthetic heads, in the photos' colours.")
    ] = 0,
    turned: Annotated[
        int, typer.Option(min=0, help="So many photos of which the fit's own head is turned.")
    ] = 0,
    embed: Annotated[
        Path | None,
        typer.Option(help="Face-recognition network (ONNX), for embeddings of the photos."),
    ] = None,
    first: Annotated[int, typer.Option(min=0, help="Photos to leave out at the beginning.")] = 0,
    limit: Annotated[int, typer.Option(min=1, help="Photos at most, with those left out.")] = 1000,
    colours: Annotated[
        bool, typer.Option(help="Fit photos to their colours, not their landmarks only.")
    ] = True,
    seed: option.Seed = 0,
) -> None:
    """Fill a folder with training crops for the regressor; goes on where it was interrupted."""

    with errors_as_messages():
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


@commands.command()
def regressor(
    run: option.Run,
    store: option.LearnedFrom = None,
    benchmark: option.Benchmark = None,
    begin: option.Begin = None,
    imagenet: option.Imagenet = True,
    frozen: option.Frozen = 3,
    photo_identity: Annotated[
        float, typer.Option(min=0, help="Weight of the fit's identity of photos; that of the truth is 1.")
    ] = 0.15,
    agreement: Annotated[
        float, typer.Option(min=0, help="Weight of photos of one person having one neutral face.")
    ] = 0.0,
    embedding: Annotated[
        float, typer.Option(min=0, help="Weight of the recogniser's embedding; needs --embed before.")
    ] = 0.0,
    steps: option.Steps = 8000,
    batch: option.Batch = 24,
    rate: option.Rate = 1e-3,
    every: option.Every = 500,
    seed: option.Seed = 0,
    device: option.Device = "cpu",
    workers: option.Workers = 1,
    export: option.Export = None,
) -> None:
    """Train the network that predicts a whole head from one crop, or export it."""

    with errors_as_messages():
        from headshot.learn import regressor as learn
        from headshot.learn.losses.regressor import Weights

        if export is not None:
            learn.export_best(run, export)
            typer.echo(str(export))
            return
        if store is None:
            fail("say which folder of training crops to learn from: headshot learn regressor RUN STORE")
        plan = option.plan(steps, batch, rate, every, seed, device=device, workers=workers)
        weights = Weights(agreement=agreement, embedding=embedding, photo_identity=photo_identity)
        settings = learn.RegressorSettings(
            frozen=frozen, weights=weights, begin=begin, imagenet=imagenet, benchmark=benchmark
        )  # fmt: skip
        learn.run(run, store, plan, settings)


@commands.command()
def identity(
    run: option.Run,
    store: option.LearnedFrom = None,
    benchmark: option.Benchmark = None,
    begin: option.Begin = None,
    imagenet: option.Imagenet = True,
    frozen: option.Frozen = 3,
    mix: Annotated[
        Path | None,
        typer.Option(help="Recogniser (ONNX), for embeddings of mixtures of two faces."),
    ] = None,
    embedding: Annotated[
        float, typer.Option(min=0, help="Weight of the recogniser's embedding; 0 learns shapes alone.")
    ] = 10.0,
    agreement: Annotated[
        float, typer.Option(min=0, help="Weight of one person's shapes agreeing more than people's.")
    ] = 0.0,
    margin: Annotated[
        float, typer.Option(min=0, help="Weight of other people's shapes being farther off by a margin.")
    ] = 1.0,
    rendered: Annotated[
        float, typer.Option(min=0, help="Weight of the recogniser's embedding of the rendered face.")
    ] = 0.0,
    recogniser: option.Recogniser = None,
    steps: option.Steps = 8000,
    batch: option.Batch = 32,
    rate: option.Rate = 2e-3,
    every: option.Every = 500,
    seed: option.Seed = 0,
    device: option.Device = "cpu",
    workers: option.Workers = 1,
    export: option.Export = None,
    refit: Annotated[
        bool, typer.Option("--refit", help="Fit the readout of shapes to STORE's photos again, and export.")
    ] = False,
) -> None:
    """Train the network of the identity prior, or export it."""

    with errors_as_messages():
        from headshot.learn import identity as learn
        from headshot.learn.data.training_crops import learned_from
        from headshot.learn.losses.identity import Weights

        if store is None and (export is None or refit):
            fail("say which folder of training crops to learn from: headshot learn identity RUN STORE")
        if export is not None:
            crops = learned_from(store, benchmark) if store is not None and refit else None
            learn.export_best(run, export, crops)
            typer.echo(str(export))
            return
        assert store is not None
        plan = option.plan(steps, batch, rate, every, seed, device=device, workers=workers)
        weights = Weights(embedding=embedding, agreement=agreement, margin=margin, rendered=rendered)
        settings = learn.IdentitySettings(
            frozen=frozen, begin=begin, imagenet=imagenet, weights=weights, benchmark=benchmark, mixer=mix,
            recogniser=recogniser,
        )  # fmt: skip
        learn.run(run, store, plan, settings)
