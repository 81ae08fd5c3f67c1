"""Taking light out of textures: a head whose colours and light are known, and a real photo."""

import numpy as np
import pytest

from headshot import load_head_model
from headshot.geometry.camera import project_for_raster
from headshot.geometry.light import shade
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.image.colour import TO_LINEAR, luma, srgb_bytes
from headshot.models.albedo import load_albedo
from headshot.ramps import smoothstep
from headshot.render import view_camera
from headshot.texture import PersonAlbedo, TextureSettings, TextureView, make, make_texture
from headshot.texture.appearance import estimate_albedo_and_light
from headshot.texture.atlas import atlas_of
from headshot.texture.delight import tint_gain
from headshot.texture.surface import surface_of

SIZE = TextureSettings(size=256, grain=0.0)
DELIT = TextureSettings(size=256, grain=0.0, delit=True)
MODEL, ALBEDO = load_head_model("low"), load_albedo("low")
CAMERA = view_camera(MODEL.mean, 0.0, size=320)


def _light() -> np.ndarray:
    """Warm light from the subject's left and above."""
    light = ALBEDO.light_mean.reshape(9, 3).copy()
    light[0] = [0.8, 0.75, 0.7]
    light[3], light[1] = [0.5, 0.45, 0.4], 0.1
    return light


def _photo(colours: np.ndarray, light: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) of the mean head with these colours (V, 3) in this light, on grey."""
    xy, depth = project_for_raster(MODEL.mean, CAMERA)
    raster = rasterise(xy, depth, MODEL.triangles, CAMERA.height, CAMERA.width)
    lit = np.maximum(shade(colours, vertex_normals(MODEL.mean, MODEL.triangles), light), 0)
    picture = interpolate(raster, lit.astype(np.float32), MODEL.triangles)
    picture[raster.triangle < 0] = 0.2
    return srgb_bytes(picture)


@pytest.fixture(scope="module")
def person() -> np.ndarray:
    """Colours (V, 3) of somebody other than the mean."""
    coefficients = np.zeros(len(ALBEDO.modes))
    coefficients[:4] = [-0.6, 1.0, -0.8, 0.5]
    return np.maximum(ALBEDO.colours(coefficients), 0.01)


def _by_side(texture: np.ndarray, chosen: np.ndarray) -> float:
    """Linear brightness of the subject's left over that of the right, on observed texels."""
    texels = atlas_of(MODEL, len(texture))
    x = MODEL.mean[MODEL.triangles[texels.triangle], 0].mean(axis=-1)
    bright = TO_LINEAR[texture].mean(axis=2)
    return float(bright[chosen & (x > 15)].mean() / bright[chosen & (x < -15)].mean())


def _cheeks(size: int) -> np.ndarray:
    texels = atlas_of(MODEL, size)
    cheek = interpolate_texels(MODEL.regions["cheeks"][:, None], texels)[..., 0] > 0.5
    return cheek & (texels.triangle >= 0)


def interpolate_texels(values: np.ndarray, texels) -> np.ndarray:
    corners = values[MODEL.triangles[np.maximum(texels.triangle, 0)]]
    return np.einsum("hwkc,hwk->hwc", corners, texels.barycentric)


def test_side_light_leaves_the_texture(person):
    pixels = _photo(person, _light())
    view, albedo = TextureView(pixels, MODEL.mean, CAMERA, _light()), PersonAlbedo(person, ALBEDO.occlusion)
    lit = make_texture([view], MODEL, SIZE, albedo)
    delit = make_texture([view], MODEL, DELIT, albedo)
    assert (delit.observed <= lit.observed).all() and delit.observed.mean() > 0.8 * lit.observed.mean()
    cheeks = _cheeks(256) & (delit.observed > 0.5)
    assert _by_side(lit.pixels, cheeks) > 1.5
    assert abs(_by_side(delit.pixels, cheeks) - 1) < 0.05
    # What remains is the skin's own colour in the middle of the face.
    truth = interpolate_texels(person / np.maximum(ALBEDO.occlusion, 0.6)[:, None], atlas_of(MODEL, 256))
    core = np.zeros((len(MODEL.mean), 1))
    core[surface_of(MODEL).vertices, 0] = 1 - surface_of(MODEL).selectivity
    cheeks &= interpolate_texels(core, atlas_of(MODEL, 256))[..., 0] > 0.9
    off = np.abs(TO_LINEAR[delit.pixels] - truth)[cheeks].mean(axis=0) / truth[cheeks].mean(axis=0)
    assert (off < 0.06).all()


def test_both_textures_come_from_one_sampling(person, monkeypatch):
    view = TextureView(_photo(person, _light()), MODEL.mean, CAMERA, _light())
    albedo = PersonAlbedo(person, ALBEDO.occlusion)
    anew = make_texture([view], MODEL, DELIT, albedo)
    lit = make_texture([view], MODEL, SIZE, albedo)
    assert lit.samples is not None and anew.samples is None
    monkeypatch.setattr(make, "sample_texels", None)  # the photo is not looked at again
    for _ in range(2):  # and what was seen in it stays as it is
        again = make_texture([view], MODEL, DELIT, albedo, lit.samples)
        np.testing.assert_array_equal(again.pixels, anew.pixels)
        np.testing.assert_array_equal(again.observed, anew.observed)
    with pytest.raises(ValueError, match="512 texels a side, got 256"):
        make_texture([view], MODEL, TextureSettings(512, delit=True), albedo, lit.samples)


def test_hidden_skin_continues_the_skins_own_colour(person):
    view = TextureView(_photo(person, _light()), MODEL.mean, CAMERA, _light())
    delit = make_texture([view], MODEL, DELIT, PersonAlbedo(person, ALBEDO.occlusion))
    texels = atlas_of(MODEL, 256)
    back = interpolate_texels(MODEL.regions["scalp"][:, None], texels)[..., 0] > 0.9
    back &= (texels.triangle >= 0) & (delit.observed == 0)
    skin = TO_LINEAR[delit.pixels[back]].mean(axis=0)
    own = person[MODEL.regions["scalp"] > 0.9].mean(axis=0)
    assert np.allclose(skin, own, rtol=0.25)
    # No texel of a chart was left out, none is black.
    assert delit.pixels[texels.triangle >= 0].max(axis=1).min() > 8


def test_a_cast_shadow_on_one_side_is_lifted(person):
    """Spherical harmonics cannot explain it; its smooth part goes, and not the other way round."""
    light = ALBEDO.light_mean.reshape(9, 3)
    pixels = _photo(person, light)
    row, column = np.mgrid[: CAMERA.height, : CAMERA.width]
    shaded = (column > CAMERA.width * 0.52) & (row > CAMERA.height * 0.5)
    dark = pixels.copy()
    dark[shaded] = srgb_bytes(TO_LINEAR[pixels[shaded]] * 0.45)
    chosen = _cheeks(256)
    before = make_texture([TextureView(dark, MODEL.mean, CAMERA)], MODEL, SIZE)
    view = TextureView(dark, MODEL.mean, CAMERA, light)
    after = make_texture([view], MODEL, DELIT, PersonAlbedo(person, ALBEDO.occlusion))
    chosen &= (before.observed > 0.5) & (after.observed > 0.5)
    assert _by_side(before.pixels, chosen) < 0.7
    assert _by_side(after.pixels, chosen) > 0.85


def _around_the_face(size: int) -> np.ndarray:
    """Texels of forehead and temples, more than 35 mm from the middle of the brows' height up."""
    texels = atlas_of(MODEL, size)
    place = interpolate_texels(MODEL.mean, texels)
    brows = MODEL.landmarks["ibug68"].on(MODEL.mean, MODEL.triangles)[17:27, 1].max()
    skin = interpolate_texels(MODEL.regions["face"][:, None], texels)[..., 0] > 0.9
    return skin & (texels.triangle >= 0) & (np.abs(place[..., 0]) < 40) & (place[..., 1] > brows + 14)


def test_the_shadow_of_hair_is_lifted(person):
    """A fringe darkens the upper forehead of both halves alike; it is not the skin's colour."""
    light = ALBEDO.light_mean.reshape(9, 3)
    pixels = _photo(person, light)
    brows = project_for_raster(MODEL.landmarks["ibug68"].on(MODEL.mean, MODEL.triangles), CAMERA)[0][17:27, 1]
    row = np.arange(CAMERA.height)
    level = np.clip(1 - 0.5 * (brows.min() - 8 - row) / 12, 0.5, 1)  # darker upwards
    dark = srgb_bytes(TO_LINEAR[pixels] * level[:, None, None])
    albedo = PersonAlbedo(person, ALBEDO.occlusion)
    lit, delit = (
        make_texture([TextureView(dark, MODEL.mean, CAMERA, light)], MODEL, settings, albedo)
        for settings in (SIZE, DELIT)
    )
    forehead, cheeks = _around_the_face(256) & (delit.observed > 0.3), _cheeks(256)
    assert forehead.sum() > 100
    before, after = (
        TO_LINEAR[t.pixels][forehead].mean() / TO_LINEAR[t.pixels][cheeks & (t.observed > 0.5)].mean()
        for t in (lit, delit)
    )
    assert before < 0.75
    assert abs(after - 1) < 0.1


def test_one_skin_from_forehead_to_nape(person):
    """Albedo models know foreheads in hair's shadow: hidden skin continues them as well as the cheeks."""
    brow = MODEL.landmarks["ibug68"].on(MODEL.mean, MODEL.triangles)[19:25, 1].max()
    dark = person * (1 - 0.35 * smoothstep((MODEL.mean[:, 1:2] - brow), 0, 25))
    view = TextureView(_photo(dark, _light()), MODEL.mean, CAMERA, _light())
    delit = make_texture([view], MODEL, DELIT, PersonAlbedo(dark.astype(np.float32), ALBEDO.occlusion))
    texels = atlas_of(MODEL, 256)
    height = interpolate_texels(MODEL.mean[:, 1:2], texels)[..., 0]
    inside = texels.triangle >= 0
    forehead = inside & (delit.observed > 0.6) & (height > brow + 20)
    nape = inside & (delit.observed == 0) & (interpolate_texels(MODEL.mean, texels)[..., 2] < -100)
    levels = [np.log(TO_LINEAR[delit.pixels[some]]).mean() for some in (_cheeks(256), forehead, nape)]
    assert np.ptp(levels) < 0.12


def test_the_tint_is_shared_between_skin_and_light():
    usual = np.exp([0.696, 0.0, -0.479]) * 0.25
    assert tint_gain(usual, np.array([0.8, 0.6, 0.5])) == pytest.approx(np.ones(3), abs=1e-6)
    orange = usual * [1.15, 1.0, 0.8]
    gain = tint_gain(orange, np.array([0.8, 0.6, 0.4]))
    assert gain[0] < 1 < gain[2] and luma(gain * orange) == pytest.approx(luma(orange), rel=1e-5)
    log = np.log(gain * orange / usual)
    before = np.log(orange / usual)
    assert log[[0, 2]] - log[1] == pytest.approx((before[[0, 2]] - before[1]) / 2, abs=1e-5)
    # Neither does grey become brown, nor black noise a colour.
    assert tint_gain(np.full(3, 0.2), np.full(3, 0.5)) == pytest.approx(np.ones(3))
    assert np.log(tint_gain(usual * [1, 1, 0.01], np.array([0.8, 0.6, 0.0]))).max() < 0.7


def test_strands_at_the_hairline_fade_and_moles_stay(person):
    light = ALBEDO.light_mean.reshape(9, 3)
    pixels = _photo(person, light)
    points = project_for_raster(MODEL.landmarks["ibug68"].on(MODEL.mean, MODEL.triangles), CAMERA)[0]
    top, x = int(points[17:27, 1].min()) - 10, int(points[27, 0])
    mole = ((points[1] + points[30]) / 2).astype(int)  # on a cheek
    marked = pixels.copy()
    for column in range(x - 30, x + 30, 5):
        marked[top - 14 : top, column] = pixels[top - 14 : top, column] * 0.75
    marked[mole[1] - 1 : mole[1] + 1, mole[0] - 1 : mole[0] + 1] //= 2
    albedo = PersonAlbedo(person, ALBEDO.occlusion)
    clean, lit, delit = (
        make_texture([TextureView(shown, MODEL.mean, CAMERA, light)], MODEL, settings, albedo)
        for shown, settings in ((pixels, DELIT), (marked, SIZE), (marked, DELIT))
    )
    unmarked = make_texture([TextureView(pixels, MODEL.mean, CAMERA, light)], MODEL, SIZE, albedo)
    changed = [
        np.log((TO_LINEAR[a.pixels] + 0.01) / (TO_LINEAR[b.pixels] + 0.01)).mean(axis=2)
        for a, b in ((lit, unmarked), (delit, clean))
    ]
    seen = (lit.observed > 0.5) & (delit.observed > 0.5)
    strands, cheek = _around_the_face(256) & seen, _cheeks(256) & seen
    before, after = (np.abs(off[strands]).mean() for off in changed)
    assert strands.sum() > 100 and before > 0.015
    assert after < 0.7 * before
    dark = [off[cheek].min() for off in changed]
    assert dark[0] < -0.5 and dark[1] < 0.7 * dark[0]


def test_light_of_another_colour_on_one_half_leaves_the_texture(person):
    """A blue lamp from one side, softer than spherical harmonics are, is not a blue cheek."""
    light = ALBEDO.light_mean.reshape(9, 3)
    pixels = _photo(person, light)
    column = np.arange(CAMERA.width) / CAMERA.width
    gain = 1 + np.clip((column - 0.55) / 0.08, 0, 1)[:, None] * np.array([-0.4, 0.0, 0.5])
    blue = srgb_bytes(np.clip(TO_LINEAR[pixels] * gain[None], 0, 1))
    albedo = PersonAlbedo(person, ALBEDO.occlusion)
    chosen = _cheeks(256)

    def tints(texture):
        """Blue over red of the halves."""
        texels = atlas_of(MODEL, 256)
        x = MODEL.mean[MODEL.triangles[texels.triangle], 0].mean(axis=-1)
        colours = TO_LINEAR[texture.pixels]
        seen = chosen & (texture.observed > 0.5)
        halves = [colours[seen & side].mean(axis=0) for side in (x > 15, x < -15)]
        return [half[2] / half[0] for half in halves]

    lit, delit = (
        make_texture([TextureView(blue, MODEL.mean, CAMERA, light)], MODEL, settings, albedo)
        for settings in (SIZE, DELIT)
    )
    one, other = tints(lit)
    assert max(one, other) > 1.7 * min(one, other)
    one, other = tints(delit)
    assert max(one, other) < 1.15 * min(one, other)


def test_light_found_without_knowing_the_colours(person):
    """From the picture alone: the pattern of the light, and a face that looks like the picture."""
    light = _light()
    found = estimate_albedo_and_light(TextureView(_photo(person, light), MODEL.mean, CAMERA), MODEL, ALBEDO)
    assert found.error < 0.06
    truth, estimate = (x[1:4].mean(axis=1) / x[0].mean() for x in (light, found.light))
    assert np.abs(truth - estimate).max() < 0.12
    assert found.light[3].mean() > 0.25  # from the left
