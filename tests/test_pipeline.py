"""The whole way of a photo, on real photos."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

import headshot
from headshot import NoFaceError, PhotoError, Settings, reconstruct
from headshot.texture import TextureSettings

QUICK = Settings(detail="low", texture=TextureSettings(size=512))
SHAPE_ONLY = Settings(detail="low", texture=None)


@pytest.fixture(scope="module")
def astronaut(photos):
    return reconstruct(photos / "astronaut.jpg")


def test_shapes_and_units(astronaut):
    head = astronaut
    count = len(head.model.mean)
    assert head.vertices.shape == head.neutral_vertices.shape == (count, 3)
    assert head.triangles.max() == count - 1
    assert head.landmarks68.shape == (68, 3)
    assert head.texture.pixels.shape == (1024, 1024, 3)
    assert list(head.blendshapes) == sorted(head.blendshapes)
    assert len(head.blendshapes) == 52
    assert all(0 <= weight <= 1 for weight in head.blendshapes.values())
    eyes = [
        head.neutral_vertices[np.unique(head.model.part_triangles(part))].mean(axis=0)
        for part in ("eye_left", "eye_right")
    ]
    assert 52 < eyes[0][0] - eyes[1][0] < 74, "distance of the eyes in millimetres"
    assert 0.01 < head.scale_uncertainty < 0.1


def test_the_head_lies_on_the_face(astronaut):
    seen = astronaut.project(astronaut.landmarks68)
    network = astronaut.landmarks.points
    eye_distance = np.linalg.norm(network[33] - network[263])
    for mine, theirs in ((36, 33), (45, 263), (30, 4), (48, 61), (54, 291), (8, 152)):
        assert np.linalg.norm(seen[mine] - network[theirs]) < 0.08 * eye_distance


def test_she_smiles(astronaut):
    shapes = astronaut.blendshapes
    assert min(shapes["mouthSmileLeft"], shapes["mouthSmileRight"]) > 0.3
    assert shapes["jawOpen"] < 0.3
    assert max(shapes["eyeBlinkLeft"], shapes["eyeBlinkRight"]) < 0.3


def test_a_good_portrait_is_called_good(astronaut):
    assert astronaut.quality.score > 0.5
    assert astronaut.quality.warnings == ()


def test_the_size_of_texture_that_a_photo_fills(astronaut):
    """Her head is 111 pixels wide: a texture of 1024 shows no more than one of some 200 would."""
    assert astronaut.texture.photo_texels == astronaut.quality.measures["photo_texels"]
    assert 150 < astronaut.texture.photo_texels < 200


def test_the_same_photo_gives_the_same_head(photos, astronaut):
    again = reconstruct(photos / "astronaut.jpg")
    assert np.array_equal(again.vertices, astronaut.vertices)
    assert np.array_equal(again.texture.pixels, astronaut.texture.pixels)


def test_a_mirrored_photo_gives_the_mirrored_head(photos):
    pixels = np.asarray(Image.open(photos / "astronaut.jpg"))
    one = reconstruct(pixels, settings=SHAPE_ONLY)
    two = reconstruct(np.ascontiguousarray(pixels[:, ::-1]), settings=SHAPE_ONLY)
    mirrored = two.neutral_vertices[two.model.mirror] * [-1, 1, 1]
    face = one.model.regions["face"] > 0.5
    assert np.linalg.norm((one.neutral_vertices - mirrored)[face], axis=1).mean() < 0.6
    assert one.camera.angles[0] == pytest.approx(-two.camera.angles[0], abs=1.5)


def test_size_of_the_photo_hardly_matters(photos):
    image = Image.open(photos / "astronaut.jpg")
    one = reconstruct(image, settings=SHAPE_ONLY)
    two = reconstruct(image.resize((1024, 1024), Image.Resampling.BICUBIC), settings=SHAPE_ONLY)
    face = one.model.regions["face"] > 0.5
    shapes = [head.neutral_vertices[face] / head.scale for head in (one, two)]
    assert np.linalg.norm(shapes[0] - shapes[1], axis=1).mean() < 0.8
    assert two.scale == pytest.approx(one.scale, rel=0.03)
    assert two.scale_uncertainty == pytest.approx(one.scale_uncertainty, rel=0.1)
    assert two.camera.focal == pytest.approx(2 * one.camera.focal, rel=0.1)


def test_both_resolutions_agree(photos, astronaut):
    low = reconstruct(photos / "astronaut.jpg", settings=SHAPE_ONLY)
    assert low.identity == pytest.approx(astronaut.identity, abs=0.1)
    assert low.landmarks68[17:] == pytest.approx(astronaut.landmarks68[17:], abs=1.0)


def test_a_focal_length_in_the_file_is_used(photos, tmp_path):
    image = Image.open(photos / "grace_hopper.jpg")
    exif = image.getexif()
    exif.get_ifd(0x8769)[0xA405] = 85
    image.save(tmp_path / "tele.jpg", exif=exif)
    head = reconstruct(tmp_path / "tele.jpg", settings=SHAPE_ONLY)
    expected = 85 / np.hypot(36, 24) * np.hypot(*image.size)
    assert head.camera.focal == pytest.approx(expected, rel=0.1)


def two_people(photos) -> Image.Image:
    canvas = Image.new("RGB", (1000, 700), (90, 100, 110))
    canvas.paste(Image.open(photos / "grace_hopper.jpg"), (0, 50))
    canvas.paste(Image.open(photos / "astronaut.jpg").resize((300, 300)), (650, 200))
    return canvas


def test_several_faces_by_number_and_all(photos):
    picture = two_people(photos)
    heads = reconstruct(picture, face="all", settings=SHAPE_ONLY)
    assert len(heads) == 2
    centres = [head.landmarks.points[:, 0].mean() for head in heads]
    assert centres[0] < 520 < 650 < centres[1], "the larger face comes first"
    second = reconstruct(picture, face=2, settings=SHAPE_ONLY)
    assert second.landmarks.points[:, 0].mean() > 650
    with pytest.raises(NoFaceError, match="no face number 3"):
        reconstruct(picture, face=3, settings=SHAPE_ONLY)
    with pytest.raises(ValueError, match="a number from 1"):
        reconstruct(picture, face=0)


def smiley() -> Image.Image:
    image = Image.new("RGB", (400, 400), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((60, 60, 340, 340), fill=(255, 220, 60), outline="black", width=4)
    draw.ellipse((140, 140, 170, 190), fill="black")
    draw.ellipse((230, 140, 260, 190), fill="black")
    draw.arc((130, 170, 270, 290), 20, 160, fill="black", width=6)
    return image


def noise() -> Image.Image:
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), dtype=np.uint8))


@pytest.mark.parametrize("picture", [smiley, noise, lambda: Image.new("RGB", (300, 300), (200, 160, 140))])
def test_pictures_without_a_face(picture):
    with pytest.raises(NoFaceError, match="use a photo"):
        reconstruct(picture(), settings=SHAPE_ONLY)


def test_unreadable_photo(tmp_path):
    (tmp_path / "photo.jpg").write_bytes(b"not a photo")
    with pytest.raises(PhotoError):
        reconstruct(tmp_path / "photo.jpg")


@pytest.mark.parametrize("width", [48, 90])
def test_small_faces_end_well_and_are_marked(photos, width):
    image = Image.open(photos / "grace_hopper.jpg").convert("RGB")
    small = image.resize((width * 2, round(width * 2 * image.height / image.width)), Image.Resampling.BOX)
    try:
        head = reconstruct(small, settings=QUICK)
    except NoFaceError:
        assert width == 48, "a face of 45 pixels is found"
        return
    assert np.isfinite(head.vertices).all()
    assert any("small" in warning for warning in head.quality.warnings)


def test_a_face_cut_by_the_border_is_marked(photos):
    image = Image.open(photos / "astronaut.jpg").crop((205, 60, 290, 290))
    head = reconstruct(image, settings=QUICK)
    assert head.quality.measures["inside"] < 0.95
    assert any("cut off" in warning for warning in head.quality.warnings)


def test_public_names_exist():
    for name in headshot.__all__:
        assert getattr(headshot, name) is not None
    assert headshot.__version__
    with pytest.raises(AttributeError):
        _ = headshot.nothing


def test_identity_tells_people_apart(data):
    """A small `headshot evaluate identity`: well above chance, so that a broken fit cannot pass."""
    folders = sorted(p for p in (data / "lfw-deepfunneled").iterdir() if len(list(p.glob("*.jpg"))) >= 3)
    chosen = folders[:: len(folders) // 12][:12]
    identity, owner = [], []
    for k, folder in enumerate(chosen):
        for file in sorted(folder.glob("*.jpg"))[:3]:
            identity.append(reconstruct(file, settings=SHAPE_ONLY).identity)
            owner.append(k)
    unit = np.array(identity) / np.linalg.norm(identity, axis=1, keepdims=True)
    first, second = np.triu_indices(len(unit), 1)
    similarity, same = (unit @ unit.T)[first, second], np.equal(*np.array(owner)[[first, second]])
    wins = (similarity[same][:, None] > similarity[~same]).mean()
    assert wins > 0.65


def test_alignment_with_hand_made_points(data):
    errors = []
    for file in sorted((data / "helen-train").glob("*.jpg"))[1::43]:
        hand = np.loadtxt(file.with_suffix(".pts")) - 1
        head = reconstruct(file, settings=SHAPE_ONLY)
        gap = np.linalg.norm(head.project(head.landmarks68) - hand, axis=1)
        errors.append(100 * gap / np.linalg.norm(hand[36] - hand[45]))
    table = np.array(errors)
    assert np.median(table[:, 17:].mean(axis=1)) < 3.0
    assert np.median(table.mean(axis=1)) < 4.3
