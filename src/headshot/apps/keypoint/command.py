"""The command ``headshot keypoint``; everything heavy is imported inside it."""

from __future__ import annotations

from enum import Enum
from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from headshot.apps.keypoint import FORMATS
from headshot.apps.output import output_folder, require_writable
from headshot.export.registry import MESH_FORMATS, parse_formats
from headshot.terminal import errors_as_messages

FORMATS_HELP = (
    f"Any of {', '.join(MESH_FORMATS)} (the mesh), png (the four pictures), json (the coefficients), with "
    'commas between; or "all".'
)


class Finder(str, Enum):
    """Who finds the landmarks."""

    headshot = "headshot"
    dlib = "dlib"


class CameraKind(str, Enum):
    """Camera model of the fit."""

    perspective = "perspective"
    orthographic = "orthographic"


class Solve(str, Enum):
    """How shape, expression and pose are found."""

    joint = "joint"
    alternating = "alternating"


def keypoint(
    photo: Annotated[Path, typer.Argument(metavar="PHOTO", help="The photo.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the results.")] = Path("out"),
    model: Annotated[
        str,
        typer.Option(
            help='Face model: "headshot" (built in), or a file: sfm_shape_3448.bin with its companions '
            "beside it, a prepared Basel model .npz, and others (docs/reference/model-formats.md)."
        ),
    ] = "headshot",
    landmarks: Annotated[
        Finder, typer.Option(help="Who finds face and landmarks; dlib needs the extra of this name.")
    ] = Finder.headshot,
    face: Annotated[int, typer.Option(min=1, help="Which face, 1 being the largest.")] = 1,
    camera: Annotated[CameraKind, typer.Option(help="Camera model.")] = CameraKind.perspective,
    solve: Annotated[
        Solve, typer.Option(help="All at once, or pose, shape and expression in turn, as published.")
    ] = Solve.joint,
    noise: Annotated[
        float, typer.Option(min=1e-4, help="Standard deviation of a landmark, share of the face's size.")
    ] = 0.015,
    formats: Annotated[
        str,
        typer.Option(help=FORMATS_HELP),
    ] = "all",
) -> None:
    """Fit a linear face model to 68 landmarks of a photo.

    Writes the four pictures of the method: input, face model, landmarks and estimated vertices, and the
    reconstructed face; the mesh with the photo's colours; and all coefficients as JSON.
    """
    from headshot.apps.keypoint.find import find_points68
    from headshot.apps.keypoint.fit import KeypointSettings, fit_keypoints
    from headshot.apps.keypoint.output import names_of_files, save
    from headshot.apps.resume import identities, obstacle
    from headshot.errors import HeadshotError, NoFaceError, OutputError
    from headshot.export.mark import Mark
    from headshot.export.origin import PhotoFile, hash_of_photos, place_of
    from headshot.image.photo import read_photo
    from headshot.models.readers import read_linear_model

    output_folder(output)
    try:
        wanted = parse_formats(formats, FORMATS)
    except HeadshotError as error:
        raise typer.BadParameter(str(error), param_hint="--formats") from error
    if not isfinite(noise):
        raise typer.BadParameter(f"a finite number, not {noise}", param_hint="--noise")
    with errors_as_messages():
        require_writable(output)
        mark = Mark(photos=hash_of_photos([PhotoFile.of(photo)]), place=place_of(photo))
        for name in names_of_files(photo.name, wanted):
            reason = obstacle(output / name, mark, identities([photo]))
            if reason is not None:
                raise OutputError(reason)
        shape = read_linear_model(model)
        picture = read_photo(photo)
        faces = find_points68(picture, landmarks.value)
        if face > len(faces):
            raise NoFaceError(f"{photo} has {len(faces)} face(s); there is no face number {face}")
        settings = KeypointSettings(camera=camera.value, solve=solve.value, noise=noise)
        found = faces[face - 1]
        size = (picture.width, picture.height)
        fit = fit_keypoints(found.points, shape, size, picture.focal_pixels(), settings)
        files = save(fit, picture, found, output, wanted, mark=mark)
    yaw, pitch, roll = fit.view.angles
    print(f"{photo}: {shape.name}, {fit.iterations} rounds, residual {fit.rms:.2f} pixels")
    print(f"  yaw {yaw:.1f}, pitch {pitch:.1f}, roll {roll:.1f} degrees")
    for file in files:
        print(f"  {file}")
