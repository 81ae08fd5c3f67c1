"""Texturing: what is seen is copied, what is hidden is completed, what is not the person stays out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from headshot.geometry.camera import Camera, rotation_from_angles
from headshot.models.head_model import HeadModel, load_head_model
from headshot.perception.segmentation import CLASSES, Segmentation, segment
from headshot.pipeline import reconstruct
from headshot.render import RenderSettings, render, view_camera
from headshot.settings import Settings
from headshot.texture import Texture, TextureSettings, TextureView, make_texture
from headshot.texture.appearance import person_albedo
from headshot.texture.atlas import atlas_of
from headshot.texture.eyes import eye_texels, paint_eyes
from headshot.texture.mouth import tooth_texels
from headshot.texture.surface import BROWS

UNLIT = RenderSettings(lighting=0.0, supersample=3)
GREEN = (0, 255, 0)
SIZE = 512
SETTINGS = TextureSettings(SIZE)
PLAIN = TextureSettings(SIZE, grain=0)


@pytest.fixture(scope="module")
def model() -> HeadModel:
    return load_head_model("high")


def portrait(vertices: np.ndarray, yaw: float = 0.0, size: int = 480) -> Camera:
    """A camera as for a portrait: the head fills most of the picture."""
    return view_camera(vertices, yaw, 0.0, size)


def waves(size: int, symmetric: bool) -> np.ndarray:
    """Skin with smooth variation of tone and finer marks; what a texture of the person could be."""
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    if symmetric:
        x = np.abs(x - 0.5) + 0.5
    shade = 1 + 0.05 * np.sin(9 * x + 4 * y) + 0.04 * np.sin(70 * x) * np.sin(60 * y)
    return np.clip(np.array([205.0, 160, 135]) * shade[..., None], 0, 255).astype(np.uint8)


def photo_of(
    model: HeadModel, camera: Camera, texture: np.ndarray, behind: tuple[int, int, int]
) -> np.ndarray:
    background = np.full((camera.height, camera.width, 3), behind, np.uint8)
    return render(model.mean, model, camera, texture=texture, background=background, settings=UNLIT)


def part_mask(model: HeadModel, size: int, *names: str) -> np.ndarray:
    triangle = atlas_of(model, size).triangle
    mask = np.zeros(triangle.shape, bool)
    for name in names:
        mask |= (triangle >= model.parts[name][0]) & (triangle < model.parts[name][1])
    return mask


def psnr(a: np.ndarray, b: np.ndarray, where: np.ndarray) -> float:
    return float(10 * np.log10(255**2 / ((a[where].astype(float) - b[where]) ** 2).mean()))


def texels_within(model: HeadModel, size: int, radius: float) -> np.ndarray:
    """Skin texels within this distance of the nose, mm."""
    atlas = atlas_of(model, size)
    corners = model.mean[model.triangles[np.maximum(atlas.triangle, 0)]]
    points = np.einsum("yxcd,yxc->yxd", corners, atlas.barycentric)
    nose = model.landmarks["ibug68"].on(model.mean, model.triangles)[30]
    return part_mask(model, size, "skin") & (np.linalg.norm(points - nose, axis=-1) < radius)


def test_a_known_texture_comes_back_where_it_is_seen(model: HeadModel) -> None:
    truth = waves(SIZE, symmetric=False)
    camera = portrait(model.mean, 15)
    texture = make_texture(
        [TextureView(photo_of(model, camera, truth, (90, 90, 90)), model.mean, camera)], model, SETTINGS
    )
    seen = (texture.observed > 0.9) & part_mask(model, SIZE, "skin")
    assert seen.mean() > 0.05
    assert psnr(texture.pixels, truth, seen) > 34
    assert texture.coverage > 0.8


def test_the_hidden_half_of_a_symmetric_face_is_the_mirror_image(model: HeadModel) -> None:
    truth = waves(SIZE, symmetric=True)
    # A spot on each cheek that only a mirror image can bring back.
    marks = model.landmarks["ibug68"]
    for k in (3, 13):
        corners = model.uv[model.triangles_uv[marks.triangle[k]]]
        x, y = (marks.barycentric[k] @ corners * SIZE).astype(int)
        truth[y - 3 : y + 4, x - 3 : x + 4] = (150, 100, 80)
    camera = portrait(model.mean, 55)
    texture = make_texture(
        [TextureView(photo_of(model, camera, truth, (90, 90, 90)), model.mean, camera)], model, SETTINGS
    )
    mirrored = (texture.observed < 0.05) & (texture.observed[:, ::-1] > 0.9)
    mirrored &= texels_within(model, SIZE, 75)
    assert mirrored.sum() > 500
    assert psnr(texture.pixels, truth, mirrored) > 28


def test_mirroring_follows_the_light(model: HeadModel) -> None:
    # The right half of the picture is hidden and the light comes from there: the copy must not be a patch
    # of the shadow side with a visible border.
    camera = portrait(model.mean, -40)
    photo = photo_of(model, camera, waves(SIZE, symmetric=True), (90, 90, 90)).astype(float)
    photo *= np.linspace(1.1, 0.7, camera.width)[None, :, None]
    texture = make_texture(
        [TextureView(np.clip(photo, 0, 255).astype(np.uint8), model.mean, camera)], model, SETTINGS
    )
    skin = part_mask(model, SIZE, "skin")
    grey = texture.pixels.astype(float).mean(axis=-1)
    step = np.abs(np.diff(grey, axis=1))[(skin[:, 1:] & skin[:, :-1])]
    assert np.quantile(step, 0.999) < 17  # the waves themselves make steps of about 6


def test_nothing_of_the_background_gets_into_the_texture(model: HeadModel) -> None:
    camera = portrait(model.mean)
    photo = photo_of(model, camera, waves(SIZE, symmetric=False), GREEN)
    width = np.ptp(camera.project(model.mean)[:, 0])
    for shift in ((0.0, 0.0), (0.015, 0.0), (-0.01, 0.015)):  # fits are never perfect
        centre = (camera.centre[0] + shift[0] * width, camera.centre[1] + shift[1] * width)
        texture = make_texture(
            [TextureView(photo, model.mean, replace(camera, centre=centre))], model, SETTINGS
        )
        pixels = texture.pixels.astype(int)
        greenness = pixels[..., 1] - np.maximum(pixels[..., 0], pixels[..., 2])
        assert greenness[part_mask(model, SIZE, "skin")].max() < 15


def test_hair_stays_off_forehead_cheeks_and_scalp(model: HeadModel) -> None:
    camera = portrait(model.mean)
    photo = photo_of(model, camera, waves(SIZE, symmetric=False), (90, 90, 90))
    marks = camera.project(model.landmarks["ibug68"].on(model.mean, model.triangles))
    top = int(marks[19:25, 1].mean() - 0.18 * np.ptp(marks[:17, 0]))
    photo[:top] = (40, 28, 20)  # a fringe, and strands along both cheeks
    for k, way in ((2, -1), (14, 1)):
        x = int(marks[k, 0] - way * 12)
        photo[:, slice(None, x) if way < 0 else slice(x, None)] = (40, 28, 20)
    texture = make_texture([TextureView(photo, model.mean, camera)], model, SETTINGS)
    dark = texture.pixels.mean(axis=-1) < 90
    assert not dark[part_mask(model, SIZE, "skin")].any()


def painted(
    model: HeadModel, size: int, near: np.ndarray, radius: float, colour: tuple[int, ...]
) -> np.ndarray:
    """Skin with everything within ``radius`` mm of points (N, 3) of the mean head painted in one colour."""
    out = waves(size, symmetric=True)
    out[part_mask(model, size, "skin") & (distances(model, size, near) < radius)] = colour
    return out


def distances(model: HeadModel, size: int, near: np.ndarray) -> np.ndarray:
    """Distance (T, T) in mm of each texel to the nearest of some points (N, 3) of the mean head."""
    atlas = atlas_of(model, size)
    corners = model.mean[model.triangles[np.maximum(atlas.triangle, 0)]]
    points = np.einsum("yxcd,yxc->yxd", corners, atlas.barycentric)
    return np.min([np.linalg.norm(points - p, axis=-1) for p in near], axis=0)


def brows(model: HeadModel) -> np.ndarray:
    """Points (N, 3) along the middle of both brows."""
    dense = model.landmarks["mediapipe478"].on(model.mean, model.triangles)
    edges = [
        np.linspace(dense[i], dense[j], 5) for low, high in BROWS for i, j in zip(low, high, strict=True)
    ]
    return np.concatenate(edges)


HAIR = (42, 30, 24)


def test_brows_stay_and_a_fringe_does_not(model: HeadModel) -> None:
    camera = portrait(model.mean)
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    photo = photo_of(model, camera, painted(model, SIZE, brows(model), 2.5, HAIR), (90, 90, 90))
    free = make_texture([TextureView(photo, model.mean, camera)], model, SETTINGS).pixels
    # A fringe over one half of the forehead, down to the brow.
    seen = camera.project(marks)
    photo[: int(seen[24, 1]) + 3, int(seen[27, 0]) + 10 :] = HAIR
    covered = make_texture([TextureView(photo, model.mean, camera)], model, SETTINGS).pixels
    away = distances(model, SIZE, brows(model))
    above = part_mask(model, SIZE, "skin") & (away > 9) & (distances(model, SIZE, marks[17:27]) < 45)
    above &= distances(model, SIZE, marks[27:48]) > 14
    for pixels in (free, covered):
        grey = pixels.mean(axis=-1)
        assert grey[above].min() > 120
        for side in (slice(None, SIZE // 2), slice(SIZE // 2, None)):
            assert np.median(grey[:, side][away[:, side] < 1]) < 75


def test_large_portraits_fill_large_textures(model: HeadModel) -> None:
    """Detail of three texels of 2048 is in that texture and not in one of 1024, nor in small photos."""
    fine = np.where((np.arange(2048) % 3 == 0)[None].repeat(2048, 0), 230, 170).astype(np.uint8)
    truth = np.stack([fine, fine - 40, fine - 60], axis=2)
    face = cheek_texels(model, 2048)
    contrast, filled = {}, {}
    for pixels in (400, 1600):
        camera = portrait(model.mean, size=pixels)
        photo = render(
            model.mean, model, camera, texture=truth, settings=RenderSettings(lighting=0, supersample=1)
        )
        for size in (1024, 2048):
            texture = make_texture(
                [TextureView(photo, model.mean, camera)], model, TextureSettings(size, 0.0)
            )
            shown = np.repeat(np.repeat(texture.pixels, 2048 // size, 0), 2048 // size, 1)[face][:, 1]
            contrast[pixels, size] = np.corrcoef(shown, fine[face])[0, 1] * shown.std()
            filled[pixels] = texture.photo_texels
    assert contrast[1600, 2048] > 2 * max(contrast[1600, 1024], contrast[400, 2048], 1)
    assert filled[1600] == pytest.approx(4 * filled[400], rel=1e-3) and 1500 < filled[1600] < 2500


def cheek_texels(model: HeadModel, size: int) -> np.ndarray:
    texels = atlas_of(model, size)
    corners = model.regions["cheeks"][model.triangles[np.maximum(texels.triangle, 0)]]
    return (corners.min(axis=2) > 0.9) & (texels.triangle >= 0)


def test_a_mole_stays(model: HeadModel) -> None:
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    forehead = (marks[21] + marks[22]) / 2 + [0, 22, 0]
    surface = model.mean[np.linalg.norm(model.mean - forehead, axis=1).argmin()]
    camera = portrait(model.mean)
    photo = photo_of(model, camera, painted(model, SIZE, surface[None], 2.2, HAIR), GREEN)
    pixels = make_texture([TextureView(photo, model.mean, camera)], model, SETTINGS).pixels
    assert pixels[distances(model, SIZE, surface[None]) < 1].mean() < 75


@pytest.mark.parametrize("beard", [True, False])
def test_beards_stay_and_collars_do_not(model: HeadModel, beard: bool) -> None:
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    camera = portrait(model.mean)
    truth = painted(model, SIZE, np.vstack([marks[5:12], marks[31:36], marks[48:60]]), 18, HAIR)
    truth = truth if beard else waves(SIZE, symmetric=True)
    photo = photo_of(model, camera, truth, (90, 90, 90))
    photo[int(camera.project(marks)[8, 1]) - 2 :] = HAIR  # a scarf that reaches the chin
    pixels = make_texture([TextureView(photo, model.mean, camera)], model, SETTINGS).pixels.mean(axis=-1)
    chin = distances(model, SIZE, (marks[57] + marks[8])[None] / 2) < 6
    neck = part_mask(model, SIZE, "skin") & (distances(model, SIZE, marks[8:9] - [0, 30, 30]) < 25)
    assert (np.median(pixels[chin]) < 75) == beard
    assert neck.sum() > 100 and pixels[neck].min() > 90


def test_hidden_skin_continues_the_light_beside_it(model: HeadModel) -> None:
    camera = portrait(model.mean)
    photo = photo_of(model, camera, waves(SIZE, symmetric=True), (20, 20, 20)).astype(float)
    photo *= np.clip(np.linspace(1.6, -0.2, camera.width), 0.3, 1.1)[None, :, None]  # a window on the left
    texture = make_texture(
        [TextureView(np.clip(photo, 0, 255).astype(np.uint8), model.mean, camera)], model, SETTINGS
    )
    grey = texture.pixels.astype(float).mean(axis=-1)
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    hidden = part_mask(model, SIZE, "skin") & (texture.observed < 0.05)
    lit, dark = (
        grey[hidden & (distances(model, SIZE, marks[k : k + 1] - [0, 0, 15]) < 14)].mean() for k in (2, 14)
    )
    assert lit > 1.3 * dark


def test_teeth_are_as_bright_as_in_the_photo(model: HeadModel) -> None:
    smile = np.zeros(len(model.expression), np.float32)
    for name, value in (("jawOpen", 0.35), ("mouthUpperUpLeft", 0.7), ("mouthUpperUpRight", 0.7)):
        smile[model.expression_names.index(name)] = value
    vertices = model.shape(None, smile)
    camera = portrait(vertices, 0, 700)
    teeth = part_mask(model, SIZE, "teeth_upper", "teeth_lower")
    found = []
    for tooth in ((235, 228, 215), (150, 120, 70)):
        truth = waves(SIZE, symmetric=True)
        truth[teeth] = tooth
        photo = render(vertices, model, camera, texture=truth, settings=UNLIT)
        pixels = make_texture([TextureView(photo, vertices, camera)], model, SETTINGS).pixels
        found.append(np.quantile(pixels[teeth].astype(float), 0.9, axis=0))
    assert found[0].mean() > 1.3 * found[1].mean()
    assert found[1][2] < 0.75 * found[1][0]  # yellow light


def test_hidden_skin_has_the_persons_tone(model: HeadModel) -> None:
    camera = portrait(model.mean)
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    lips = distances(model, SIZE, marks[48:])
    for tone in ((205, 160, 135), (92, 60, 44), (128, 128, 128)):
        truth = np.full((64, 64, 3), tone, np.uint8)
        texture = make_texture(
            [TextureView(photo_of(model, camera, truth, GREEN), model.mean, camera)], model, SETTINGS
        )
        hidden = part_mask(model, SIZE, "skin") & (texture.observed == 0) & (lips > 20)
        assert hidden.mean() > 0.1
        np.testing.assert_allclose(texture.pixels[hidden].mean(axis=0), tone, atol=16)
        assert texture.pixels[hidden].std(axis=0).max() < 14


def test_uv_seams_cannot_be_seen(model: HeadModel) -> None:
    camera = portrait(model.mean, 20)
    texture = make_texture(
        [TextureView(photo_of(model, camera, waves(SIZE, symmetric=False), GREEN), model.mean, camera)],
        model,
        TextureSettings(1024),
    )
    first, last = model.parts["skin"]
    edges: dict[tuple[int, int], set[tuple[int, int]]] = {}
    for corners, charts in zip(model.triangles[first:last], model.triangles_uv[first:last], strict=True):
        for a, b in ((0, 1), (1, 2), (2, 0)):
            i, j = (a, b) if corners[a] < corners[b] else (b, a)
            edges.setdefault((corners[i], corners[j]), set()).add((charts[i], charts[j]))
    seams = [tuple(sides) for sides in edges.values() if len(sides) == 2]
    assert len(seams) > 20
    middles = np.array([[model.uv[list(side)].mean(axis=0) for side in pair] for pair in seams]) * 1024
    y, x = np.clip(middles[..., 1].astype(int), 0, 1023), np.clip(middles[..., 0].astype(int), 0, 1023)
    difference = np.abs(np.diff(texture.pixels[y, x].astype(int), axis=1))
    assert difference.mean() < 3
    assert np.quantile(difference, 0.98) < 14


@pytest.mark.parametrize("size", [512, 1024, 2048])
def test_sizes_agree_with_each_other(model: HeadModel, size: int) -> None:
    camera = portrait(model.mean, 0, 320)
    photo = photo_of(model, camera, waves(256, symmetric=False), GREEN)
    texture = make_texture([TextureView(photo, model.mean, camera)], model, TextureSettings(size))
    assert texture.pixels.shape == (size, size, 3) and texture.pixels.dtype == np.uint8
    assert texture.observed.shape == (size, size) and texture.observed.dtype == np.float32
    assert texture.observed.min() >= 0 and texture.observed.max() <= 1
    small = np.array(Image.fromarray(texture.pixels).resize((128, 128), Image.Resampling.BOX)).astype(int)
    reference = make_texture([TextureView(photo, model.mean, camera)], model, TextureSettings(256)).pixels
    reference = np.array(Image.fromarray(reference).resize((128, 128), Image.Resampling.BOX)).astype(int)
    inside = part_mask(model, 128, "skin")
    assert np.abs(small - reference)[inside].mean() < 4


def test_gutters_continue_the_charts(model: HeadModel) -> None:
    camera = portrait(model.mean)
    texture = make_texture(
        [TextureView(photo_of(model, camera, waves(SIZE, symmetric=False), GREEN), model.mean, camera)],
        model,
        SETTINGS,
    )
    atlas = atlas_of(model, SIZE)
    assert (atlas.triangle.ravel()[atlas.gutter] == -1).all()
    assert (atlas.triangle.ravel()[atlas.source] >= 0).all()
    flat = texture.pixels.reshape(-1, 3)
    np.testing.assert_array_equal(flat[atlas.gutter], flat[atlas.source])
    gy, gx = np.divmod(atlas.gutter, SIZE)
    sy, sx = np.divmod(atlas.source, SIZE)
    assert np.hypot(gy - sy, gx - sx).max() <= SIZE / 32
    # Bilinear sampling at a chart's rim touches no texel that is neither chart nor gutter.
    covered = atlas.triangle >= 0
    covered.ravel()[atlas.gutter] = True
    y, x = np.nonzero(atlas.triangle[1:-1, 1:-1] >= 0)
    assert all(covered[y + dy, x + dx].all() for dy in (0, 1, 2) for dx in (0, 1, 2))


def test_iris_colour_is_measured_in_the_photo(model: HeadModel) -> None:
    camera = portrait(model.mean, 0, 700)
    eyes = eye_texels(model, SIZE)
    for iris in ((0.25, 0.42, 0.62), (0.30, 0.19, 0.10)):
        truth = waves(SIZE, symmetric=False)
        paint_eyes(eyes, np.tile([0.85, 0.83, 0.80], (2, 1)), np.array(iris), truth)
        texture = make_texture(
            [TextureView(photo_of(model, camera, truth, GREEN), model.mean, camera)], model, SETTINGS
        )
        for eye in eyes:
            ring = eye.index[(eye.radius > 0.55) & (eye.radius < 0.8)]
            found, expected = (
                t.reshape(-1, 3)[ring].astype(float).mean(axis=0) for t in (texture.pixels, truth)
            )
            np.testing.assert_allclose(found / found.sum(), expected / expected.sum(), atol=0.08)
            np.testing.assert_allclose(found.sum(), expected.sum(), rtol=0.4)


def test_the_mouth_is_red_and_dark_behind_bright_teeth(model: HeadModel) -> None:
    camera = portrait(model.mean)
    photo = photo_of(model, camera, waves(SIZE, symmetric=False), GREEN)
    pixels = make_texture(
        [TextureView(photo, model.mean, camera)], model, TextureSettings(1024)
    ).pixels.astype(float)
    crowns = np.concatenate([row.index[row.gum < 0.1] for row in tooth_texels(model, 1024)])
    teeth = pixels.reshape(-1, 3)[crowns]
    inside = pixels[part_mask(model, 1024, "mouth", "tongue")]
    assert np.quantile(teeth.mean(axis=-1), 0.8) > 170  # the front ones
    assert inside.mean() < 110 and (inside[:, 0] >= inside[:, 1]).all()
    assert inside.mean(axis=-1).min() < 40


def test_unusable_photos_still_give_a_head_with_skin(model: HeadModel) -> None:
    camera = portrait(model.mean, 0, 64)
    outside = replace(camera, centre=(-500.0, -500.0))
    black, white = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    tiny = Camera(3, 2, 4.0, (1.5, 1.0), rotation_from_angles(0, 0, 0), np.array([0.0, 0, -800]))
    for photo, view in (
        (black, outside),
        (black, camera),
        (white, camera),
        (np.zeros((2, 3, 3), np.uint8), tiny),
    ):
        texture = make_texture([TextureView(photo, model.mean, view)], model, TextureSettings(256))
        assert np.isfinite(texture.observed).all() and 0 <= texture.coverage <= 1
    assert make_texture([TextureView(black, model.mean, outside)], model, TextureSettings(256)).coverage == 0
    grey = make_texture(
        [TextureView(white // 2, model.mean, camera)], model, TextureSettings(256)
    ).pixels.astype(int)
    assert (
        np.ptp(grey[part_mask(model, 256, "skin", "mouth", "tongue")], axis=-1).max() < 12
    )  # no colour from nowhere


def test_result_is_reproducible_and_settings_are_checked(model: HeadModel) -> None:
    camera = portrait(model.mean, 30, 200)
    photo = photo_of(model, camera, waves(256, symmetric=False), GREEN)
    one, two = (
        make_texture([TextureView(photo, model.mean, camera)], model, TextureSettings(512)) for _ in range(2)
    )
    np.testing.assert_array_equal(one.pixels, two.pixels)
    with pytest.raises(ValueError, match="8192"):
        TextureSettings(size=8192)
    with pytest.raises(ValueError, match="pixels"):
        make_texture([TextureView(photo[:-1], model.mean, camera)], model)
    with pytest.raises(ValueError, match="vertices"):
        make_texture([TextureView(photo, model.mean[:-1], camera)], model)
    broken = model.mean.copy()
    broken[7] = np.nan
    with pytest.raises(ValueError, match="finite"):
        make_texture([TextureView(photo, broken, camera)], model)


def test_real_photos(photos: Path) -> None:
    """The whole way, on portraits with a fringe and with glasses: skin stays skin all around."""
    headshot = pytest.importorskip("headshot")
    # Grace Hopper is seen through her glasses, all but what their rims hide.
    for name, least in (("astronaut.jpg", 0.7), ("grace_hopper.jpg", 0.7)):
        result = headshot.reconstruct(photos / name, settings=headshot.Settings(hair="none"))
        texture: Texture = result.texture
        model, size = result.model, texture.pixels.shape[0]
        skin = part_mask(model, size, "skin")
        # The insides of lips and lids have colours of their own, and nostrils are dark.
        inside = (
            np.maximum(model.regions["lips"], model.regions["eyelids"])[model.triangles].max(axis=1) > 0.05
        )
        bare = skin & ~inside[np.maximum(atlas_of(model, size).triangle, 0)]
        nostrils = model.landmarks["ibug68"].on(model.mean, model.triangles)[31:36]
        bare &= distances(model, size, nostrils) > 12
        hidden = texture.pixels[bare & (texture.observed == 0)].astype(float)
        seen = texture.pixels[skin & (texture.observed > 0.9)].astype(float)
        tone = np.median(seen, axis=0)
        assert texture.coverage > least
        assert np.abs(hidden.mean(axis=0) - tone).max() < 40
        assert (np.abs(hidden - hidden.mean(axis=0)).max(axis=1) > 100).mean() < 0.002


def test_the_lips_of_a_covered_mouth(photos: Path) -> None:
    """They have the colour of lips, not the dark one of what is between them."""
    settings = Settings(texture=TextureSettings(size=512))
    plain = reconstruct(photos / "grace_hopper.jpg", settings=settings)
    pixels = plain.photo.pixels.copy()
    nose, chin = plain.project(plain.landmarks68[[33, 8]])
    half = 0.4 * float(np.ptp(plain.landmarks.points[:, 0]))
    pixels[int(nose[1]) : int(chin[1]) + 9, int(nose[0] - half) : int(nose[0] + half)] = (150, 175, 190)
    assert plain.light is not None and plain.albedo is not None
    view = TextureView(
        pixels, plain.vertices, plain.camera, plain.light, segment(pixels, plain.landmarks.points)
    )
    albedo = person_albedo(plain.albedo, plain.model.resolution)
    hidden = make_texture([view], plain.model, settings.texture, albedo)
    assert plain.texture is not None
    at = lip_texels(plain.model, 512)
    assert hidden.observed[at].max() < 0.1 < plain.texture.observed[at].mean()
    levels = [np.median(t.pixels[at].astype(float), axis=0) for t in (plain.texture, hidden)]
    assert levels[1].mean() > 0.75 * levels[0].mean()  # 0.65 of a lip is what is between two
    assert levels[1][0] > 1.1 * levels[1][1:].max()


def lip_texels(model: HeadModel, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of texels in the middle of the lips, upper and lower."""
    atlas = atlas_of(model, size)
    corners = model.mean[model.triangles[np.maximum(atlas.triangle, 0)]]
    points = np.einsum("yxcd,yxc->yxd", corners, atlas.barycentric)
    marks = model.landmarks["ibug68"].on(model.mean, model.triangles)
    middle = np.array([(marks[51] + marks[62]) / 2, (marks[57] + marks[66]) / 2])
    near = np.linalg.norm(points[:, :, None] - middle, axis=-1).min(axis=-1)
    return np.nonzero((near < 2.5) & part_mask(model, size, "skin"))


def test_broad_rims_of_glasses_stay_off(model: HeadModel) -> None:
    """The segmentation takes them for lenses, through which skin is seen, but they are not like skin."""
    camera = portrait(model.mean)
    texture = waves(SIZE, symmetric=True)
    photo = photo_of(model, camera, texture, GREEN)
    eyes = camera.project(model.landmarks["ibug68"].on(model.mean, model.triangles)[36:48])
    middles = eyes.reshape(2, 6, 2).mean(axis=1)
    half = 0.46 * np.linalg.norm(middles[1] - middles[0]) * np.array([1, 0.8])
    rims, lenses = Image.new("L", photo.shape[1::-1]), Image.new("L", photo.shape[1::-1])
    for x, y in middles:
        box = (x - half[0], y - half[1], x + half[0], y + half[1])
        ImageDraw.Draw(rims).rounded_rectangle(box, 8, outline=255, width=7)
        ImageDraw.Draw(lenses).rounded_rectangle(box, 8, fill=255)
    spoiled = photo.copy()
    spoiled[np.asarray(rims) > 0] = (25, 20, 22)
    crop = np.zeros((len(CLASSES), *photo.shape[:2]), np.float32)
    crop[CLASSES.index("glasses")] = np.asarray(lenses) > 0
    crop[CLASSES.index("skin")] = np.asarray(lenses) == 0
    parts = Segmentation(crop, np.array([[1.0, 0, 0], [0, 1, 0]]), photo.shape[:2])
    made = make_texture([TextureView(spoiled, model.mean, camera, segmentation=parts)], model, PLAIN)
    plain = make_texture([TextureView(photo, model.mean, camera)], model, PLAIN)
    near = texels_within(model, SIZE, 75) & (atlas_of(model, SIZE).triangle >= 0)
    lips = model.regions["eyelids"][model.triangles].max(axis=1) > 0.05
    near &= ~lips[np.maximum(atlas_of(model, SIZE).triangle, 0)]
    darker = plain.pixels[near].astype(float).mean(axis=1) - made.pixels[near].mean(axis=1)
    assert (darker > 60).mean() < 0.004
