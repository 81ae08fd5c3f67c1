from __future__ import annotations

import io
from dataclasses import replace

import numpy as np
from PIL import Image

from headshot.export.preview import CELL, preview, preview_png
from headshot.quality import Quality
from headshot.results import Head


def test_is_a_png_with_three_rows(head: Head) -> None:
    picture = Image.open(io.BytesIO(preview_png(head)))
    assert picture.format == "PNG"
    assert picture.mode == "RGB"
    assert picture.width > 3 * CELL
    assert picture.height > 3 * CELL


def test_without_texture_two_rows(head: Head, bare: Head) -> None:
    assert preview(head).height - preview(bare).height > CELL


def test_warnings_are_shown(head: Head) -> None:
    none = preview(replace(head, quality=Quality(1.0)))
    many = preview(replace(head, quality=Quality(0.1, {}, ("a long warning " * 20, "another"))))
    assert many.height - none.height >= 4 * 15
    foot = np.asarray(many)[none.height - 10 :]
    assert (foot < 200).any()


def test_any_photo_name_and_any_place_of_the_head(head: Head) -> None:
    photo = replace(head.view.photo, name="a very long name " * 20 + "écran 写真.jpg")
    view = replace(head.view, photo=photo, camera=replace(head.camera, centre=(-400.0, 900.0)))
    far = replace(head, estimate=replace(head.estimate, views=(view,)))
    assert preview(far).size == preview(head).size


def test_a_real_head_is_in_its_place(astronaut: Head) -> None:
    """The textured head over the photo differs little from the photo on the face."""
    picture = np.asarray(preview(astronaut)).astype(int)
    top = 60
    photo = picture[top : top + CELL, 20 : 20 + CELL]
    textured = picture[top : top + CELL, 40 + 2 * CELL : 40 + 3 * CELL]
    centre = slice(CELL * 2 // 5, CELL * 3 // 5)
    assert np.abs(photo - textured)[centre, centre].mean() < 25
