"""Preview: one picture that shows whether a reconstruction is any good.

Top row: the photo, the head as clay over the photo with the 68 landmarks, the textured head over the photo.
Below: the head from the front, from three quarters and in profile, from the side that the photo shows more
of, textured and as clay. Of several photos also: the faces, and which part of the texture comes from which.
"""

from __future__ import annotations

import io
import textwrap
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from headshot.arrays import U8, Array
from headshot.export.settings import Target
from headshot.export.sources import framed_photos, source_texture
from headshot.image.resample import reduced
from headshot.render import RenderSettings, render, view_camera

if TYPE_CHECKING:
    from headshot.geometry.camera import Camera
    from headshot.head_data import HeadData
    from headshot.texture import Texture

Picture = tuple[str, Image.Image]  # caption, square picture of CELL pixels

CELL = 340
_MARGIN, _GAP, _CAPTION, _LINE = 20, 10, 26, 20
_PAPER, _INK, _FAINT, _ALERT = (255, 255, 255), (32, 32, 36), (112, 112, 120), (168, 70, 0)
_MARK = (60, 255, 130)
_BEYOND = (222, 222, 224)  # outside the photo
_VIEWS = (("Front", 0.0), ("Three-quarter", 38.0), ("Profile", 90.0))


def write(head: HeadData, target: Target) -> dict[str, bytes]:
    """The preview, content by file name."""
    return {f"{target.stem}.png": preview_png(head)}


def preview_png(head: HeadData) -> bytes:
    """The preview as a PNG file."""
    file = io.BytesIO()
    preview(head).save(file, "PNG", compress_level=4)
    return file.getvalue()


def turnaround_png(head: HeadData) -> bytes:
    """The head from the front, from three quarters and in profile, as a PNG file."""
    pictures = [picture for _, picture in _views(head, *head.painted)]
    page = Image.new("RGB", (CELL * len(pictures), CELL), _PAPER)
    for column, picture in enumerate(pictures):
        page.paste(picture, (column * CELL, 0))
    file = io.BytesIO()
    page.save(file, "PNG", compress_level=4)
    return file.getvalue()


def preview(head: HeadData) -> Image.Image:
    """The preview picture."""
    rows = [_photo_row(head)] if head.observations else []
    if len(head.observations) > 1 and head.texture is not None:
        rows.append(_sources_row(head, head.texture))
    if any(colours is not None for colours in head.painted):
        rows.append(_views(head, *head.painted))
    rows.append(_views(head))
    return _page(head, rows)


def _photo_row(head: HeadData) -> list[Picture]:
    photo, camera, (left, top, scale) = _close_up(head)
    background = np.asarray(photo)
    box = (head.face.box.reshape(2, 2) - [left, top]) * scale
    clay = render(
        head.vertices, head.model, camera, background=background, settings=RenderSettings(opacity=0.75)
    )
    row = [
        ("Photo and detected face", _boxed(photo, box)),
        ("Shape and landmarks", _dotted(Image.fromarray(clay), camera.project(head.landmarks68))),
    ]
    texture, colours = head.painted
    if texture is not None or colours is not None:
        textured = render(
            head.vertices,
            head.model,
            camera,
            texture=texture,
            colours=colours,
            background=background,
            settings=RenderSettings(lighting=0.0),
            cards=head.cards,
        )
        row.append(("Textured head in the photo", Image.fromarray(textured)))
    return row


def _views(head: HeadData, texture: U8 | None = None, colours: U8 | None = None) -> list[Picture]:
    side = 1.0 if head.camera.angles[0] >= 0 else -1.0
    row = []
    for caption, yaw in _VIEWS:
        camera = view_camera(head.extent, side * yaw, size=CELL)
        coloured = texture is not None or colours is not None
        worn = head.cards if coloured else ()
        picture = render(head.vertices, head.model, camera, texture=texture, colours=colours, cards=worn)
        row.append((f"{caption}, textured" if coloured else caption, Image.fromarray(picture)))
    return row


def _sources_row(head: HeadData, texture: Texture) -> list[Picture]:
    count = len(head.observations)
    row = [(f"The {count} photos", framed_photos(head.observations, CELL))]
    coloured = source_texture(texture, count)
    for caption, yaw in _VIEWS[:2]:
        camera = view_camera(head.extent, (1.0 if yaw == 0 else -1.0) * yaw, size=CELL)
        picture = render(head.vertices, head.model, camera, texture=coloured)
        row.append((f"{caption}: which photo shows what", Image.fromarray(picture)))
    return row


def _close_up(head: HeadData) -> tuple[Image.Image, Camera, tuple[int, int, float]]:
    """The head cut from the photo, its camera, and left, top and scale of the cut."""
    outline = head.project(head.extent)
    low, high = np.nanmin(outline, axis=0), np.nanmax(outline, axis=0)
    # A head that nearly touches the camera projects to any size; the photo itself is enough then.
    side = round(min(1.1 * float((high - low).max()), 2.0 * max(head.photo.width, head.photo.height)))
    side = max(side, 8)
    # Of a large photo a smaller copy is cut, which has three pixels for one of the picture still.
    k = max(1, side // (3 * CELL))
    side = -(-side // k) * k
    left, top = (k * round(float(c) / k) for c in (low + high) / 2 - side / 2)
    cut = Image.new("RGB", (side // k, side // k), _BEYOND)
    cut.paste(Image.fromarray(reduced(head.photo.pixels, k)), (-left // k, -top // k))
    scale = CELL / side
    picture = cut.resize((CELL, CELL), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture, head.camera.cropped(left, top, side, side).resized(scale), (left, top, scale)


def _boxed(picture: Image.Image, box: Array) -> Image.Image:
    out = picture.copy()
    corners = [tuple(corner) for corner in box.tolist()]
    ImageDraw.Draw(out).rectangle(corners, outline=_MARK, width=2)
    return out


def _dotted(picture: Image.Image, points: Array) -> Image.Image:
    """Draw smooth dots with a dark rim: masks drawn four times as large, then reduced."""
    out = picture.copy()
    for radius, colour in ((2.9, (0, 60, 30)), (2.0, _MARK)):
        mask = Image.new("L", (4 * CELL, 4 * CELL))
        draw = ImageDraw.Draw(mask)
        for x, y in points[np.isfinite(points).all(axis=1)] * 4:
            r = 4 * radius
            draw.ellipse((x - r, y - r, x + r, y + r), fill=255)
        out.paste(Image.new("RGB", out.size, colour), mask=mask.reduce(4))
    return out


def _page(head: HeadData, rows: list[list[Picture]]) -> Image.Image:
    """Rows of captioned pictures under a title, with the warnings at the foot."""
    warnings = [line for text in head.quality.warnings for line in _wrapped(f"Warning: {text}")]
    width = 2 * _MARGIN + 3 * CELL + 2 * _GAP
    height = 2 * _MARGIN + 40 + len(rows) * (CELL + _CAPTION + _GAP) + len(warnings) * _LINE
    page = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(page)
    title, text = ImageFont.load_default(22), ImageFont.load_default(14)
    yaw, pitch, roll = head.camera.angles
    facts = f"quality {head.quality.score:.2f}   yaw {yaw:.0f}°   pitch {pitch:.0f}°   roll {roll:.0f}°"
    draw.text((width - _MARGIN, _MARGIN + 22), facts, _FAINT, text, anchor="rs")
    room = width - 2 * _MARGIN - draw.textlength(facts, text) - 30
    draw.text((_MARGIN, _MARGIN + 22), _fitted(head.name, title, room), _INK, title, anchor="ls")
    y = _MARGIN + 40
    for row in rows:
        for column, (caption, picture) in enumerate(row):
            x = _MARGIN + column * (CELL + _GAP)
            page.paste(picture, (x, y))
            draw.text((x, y + CELL + 17), caption, _FAINT, text, anchor="ls")
        y += CELL + _CAPTION + _GAP
    for line in warnings:
        draw.text((_MARGIN, y + 14), line, _ALERT, text, anchor="ls")
        y += _LINE
    return page


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, 150, subsequent_indent="    ")


def _fitted(text: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont, room: float) -> str:
    """The text, shortened in the middle to fit into so many pixels."""
    keep = len(text)
    short = text
    while keep > 8 and font.getlength(short) > room:
        keep -= 1
        short = f"{text[: keep - keep // 2]}…{text[len(text) - keep // 2 :]}"
    return short
