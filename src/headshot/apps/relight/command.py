"""The command ``headshot relight``; everything heavy is imported inside it."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from headshot.apps.output import output_folder, require_writable
from headshot.terminal import errors_as_messages


def relight(
    head: Annotated[
        Path,
        typer.Argument(
            metavar="HEAD", help="JSON of a head that was saved with its GLB.", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the pictures.")] = Path("out"),
    light: Annotated[
        list[str],
        typer.Option(
            metavar="NAME|FILE",
            help="studio, side, top, photo (as in the photo), or an environment picture (.hdr, or an "
            "ordinary one). May be given several times.",
        ),
    ] = ["studio"],  # noqa: B006 - Typer copies it
    size: Annotated[int, typer.Option(min=64, max=4096, help="Width and height, pixels.")] = 768,
    yaw: Annotated[float, typer.Option(help="Turn of the head, degrees; to its left is positive.")] = 0.0,
    pitch: Annotated[float, typer.Option(help="Nod of the head, degrees.")] = 0.0,
    turn: Annotated[float, typer.Option(help="Turn of the light about the head, degrees.")] = 0.0,
    photo: Annotated[
        Path | None, typer.Option(help="Draw the head into this photo, of which it was made.")
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(min=2, max=360, help="Turn the head about itself: an animated PNG of so many pictures."),
    ] = None,
) -> None:
    """Show a saved head in other light, with the shadows that it casts.

    Writes HEAD_LIGHT.png for each light.
    """
    import numpy as np

    from headshot.apps.relight.lights import is_known, light_of, name_of
    from headshot.apps.relight.pictures import animated, png
    from headshot.errors import HeadshotError
    from headshot.export.atomic import check_replaceable, write_files
    from headshot.geometry.camera import rotation_from_angles
    from headshot.geometry.environment import PRESETS
    from headshot.image.photo import read_photo
    from headshot.loading import load

    output_folder(output)
    if not all(isfinite(angle) for angle in (yaw, pitch, turn)):
        raise typer.BadParameter("angles must be finite numbers")
    if photo is not None and (frames is not None or yaw or pitch):
        raise typer.BadParameter(
            "the photo says how the head is turned: leave --yaw, --pitch and --frames out"
        )
    for each in light:
        if not is_known(each):
            raise typer.BadParameter(
                f"there is no light {each!r}: give {', '.join(PRESETS)}, photo, or an environment picture",
                param_hint="--light",
            )
    with errors_as_messages():
        require_writable(output)
        names = [f"{head.stem}_{name_of(each)}.png" for each in light]
        if len(set(names)) < len(names):
            raise HeadshotError("two lights would have one file name: rename an environment picture")
        check_replaceable(output, names)
        found = load(head)
        behind = None if photo is None else read_photo(photo).pixels
        rotation = rotation_from_angles(turn, 0.0, 0.0)
        for name, each in zip(names, light, strict=True):
            around = light_of(each, found).turned(rotation)
            if behind is not None:
                content = png(found.render(found.camera, background=np.asarray(behind), light=around))
            elif frames is not None:
                views = (yaw + 360.0 * k / frames for k in range(frames))
                content = animated(
                    [
                        found.render(size=size, yaw=(v + 180) % 360 - 180, pitch=pitch, light=around)
                        for v in views
                    ]
                )
            else:
                content = png(found.render(size=size, yaw=yaw, pitch=pitch, light=around))
            (file,) = write_files(output, {name: content})
            print(file)
