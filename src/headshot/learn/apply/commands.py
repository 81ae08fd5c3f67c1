"""What `headshot learn apply` does."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from headshot.arrays import U8
from headshot.errors import HeadshotError
from headshot.export.asset import HeadAsset, mesh_asset
from headshot.export.atomic import write_files
from headshot.export.mark import carries_mark
from headshot.export.names import safe_stem
from headshot.export.registry import MESH_FORMATS, asset_contents, parse_formats
from headshot.image.files import find_photos
from headshot.image.photo import read_photo
from headshot.learn.apply import figures
from headshot.learn.apply.found import FoundFace, Run, find_main_subject
from headshot.learn.apply.runs import Given, open_run


@dataclass
class Applied:
    """What came of photos.

    Attributes:
        files: that were written.
        done: photos.
        failed: photo -> why it has no results.
    """

    files: list[Path] = field(default_factory=list)
    done: int = 0
    failed: dict[Path, HeadshotError] = field(default_factory=dict)


def apply_run(
    folder: Path, photos: Sequence[Path], output: Path, formats: str, given: Given,
    say: Callable[[str], None] = print,
) -> Applied:  # fmt: skip
    """Apply a run to photos.

    For each photo ``NAME_row.png``, ``NAME_landmarks.png`` and its mesh; of several photos all rows below
    each other, ``rows.png``; of runs with a face model ``model_keypoints.png``, ``model_unlit.png`` and
    ``model_lit.png``.

    Args:
        folder: of the run.
        photos: photos, or folders of them.
        output: folder for the results.
        formats: of the mesh, see `headshot.export.parse_formats`.
        given: what the run does not say itself.
        say: called with a line for each photo.

    Raises:
        HeadshotError: the run cannot be applied, there are no photos, or results cannot be written.
    """
    wanted = parse_formats(formats, MESH_FORMATS)
    found_photos = [path for path, _ in find_photos(photos, leave_out=carries_mark)]
    run, out = open_run(folder, given), Applied()
    rows, taken = [], set[str]()
    for path in found_photos:
        stem = _free(safe_stem(path.name, is_file=True), taken)
        try:
            found = run(find_main_subject(read_photo(path)))
            panels = figures.row(found, contrast=run.contrast)
        except HeadshotError as error:
            out.failed[path] = error
            continue
        rows.append(panels)
        content = {
            f"{stem}_row.png": _png(figures.sheet([panels])),
            f"{stem}_landmarks.png": _png(figures.landmarks_in_3d(found)),
            **asset_contents(asset_of(found, run), stem, wanted),
        }
        out.files += write_files(output, content)
        out.done += 1
        say(f"{path}: {', '.join(content)}")
    model = run.model_pictures()
    content = {} if model is None else {
        f"model_{name}.png": _png(pixels) for name, pixels in figures.model_pictures(model).items()
    }  # fmt: skip
    if len(rows) > 1:
        content["rows.png"] = _png(figures.sheet(rows))
    out.files += write_files(output, content)
    if content:
        say(f"{output}: {', '.join(content)}")
    return out


def asset_of(found: FoundFace, run: Run) -> HeadAsset:
    """The mesh of a face, with the network's colours at its vertices."""
    mesh = found.mesh
    comment = f"by {run.name}, a network of `headshot learn`. {run.terms}".strip().replace("\n", " ")
    colours = np.round(mesh.colours * 255).astype(np.uint8)
    return replace(mesh_asset(mesh.vertices, mesh.triangles, comment), colours=colours)


def _free(stem: str, taken: set[str]) -> str:
    """A name that no photo before has."""
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}-{number}"
    taken.add(name.lower())
    return name


def _png(pixels: U8) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()
