"""The fit to colours: derivatives, what it recovers from pictures of known heads, and no harm."""

from dataclasses import replace

import numpy as np
import pytest
from headshot.fitting.photometric import Photometric

from headshot import Settings, read_photo, reconstruct
from headshot.fitting import FitSettings, LandmarkSolver, PhotometricSettings, fit_photo
from headshot.fitting.landmark_noise import LandmarkNoiseModel
from headshot.fitting.landmarks import Observation
from headshot.fitting.reflectance import appearance_of
from headshot.fitting.working_photo import working_photo
from headshot.geometry.camera import Camera, project_for_raster, rotation_from_angles
from headshot.geometry.light import shade
from headshot.geometry.raster import interpolate, rasterise, vertex_normals
from headshot.image.colour import TO_LINEAR, srgb_bytes
from headshot.image.photo import Photo
from headshot.models.albedo import load_albedo
from headshot.models.head_model import load_head_model

LIGHT = np.zeros((9, 3))
LIGHT[0], LIGHT[1], LIGHT[2], LIGHT[3] = 0.75, 0.1, 0.25, 0.28  # from the left, above, in front


@pytest.fixture(scope="module")
def model():
    return load_head_model("low")


@pytest.fixture(scope="module")
def points(model):
    return model.at(model.landmarks["mediapipe478"])


class Person:
    """A random head of the model, its picture, and landmarks that err in common."""

    def __init__(self, model, points, seed, landmark_error=3.0):
        rng = np.random.default_rng(seed)
        self.identity = rng.normal(size=100) * (np.arange(100) < 30)
        self.expression = np.zeros(52)
        self.albedo = rng.normal(size=len(load_albedo("low").modes)) * 0.7
        self.light = LIGHT
        translation = np.array([5.0, -4.0, -900.0])
        self.camera = Camera(360, 360, 1500.0, (180, 180), rotation_from_angles(12, 3, -4), translation)
        self.vertices = model.shape(self.identity, self.expression)
        self.pixels = picture(model, self)
        smooth = model.at(model.landmarks["mediapipe478"])
        wrong = np.tensordot(rng.normal(size=30), smooth.identity[:30], 1)
        wrong *= landmark_error / np.linalg.norm(wrong, axis=1).mean()
        seen = self.camera.project(points.positions(self.identity, self.expression) + wrong)
        self.seen = Observation(seen, np.ones(len(seen)), self.expression, 360, 360, self.camera.focal)

    def error(self, model, identity):
        """Mean distance of the neutral faces, mm, without position, size and rotation."""
        from headshot.geometry.align import similarity

        face = model.regions["face"] > 0.5
        one, two = (model.neutral(a)[face].astype(float) for a in (identity, self.identity))
        return np.linalg.norm(similarity(one, two)(one) - two, axis=1).mean()


def picture(model, person):
    """The head in its colours and light, from the project's own rasteriser, 2 x 2 samples a pixel."""
    camera = person.camera.resized(2)
    xy, depth = project_for_raster(person.vertices, camera)
    raster = rasterise(xy, depth, model.triangles, camera.height, camera.width)
    albedo = interpolate(raster, load_albedo("low").colours(person.albedo), model.triangles)
    normals = interpolate(raster, vertex_normals(person.vertices, model.triangles), model.triangles)
    normals /= np.maximum(np.linalg.norm(normals, axis=2, keepdims=True), 1e-6)
    linear = np.where((raster.triangle >= 0)[..., None], shade(albedo, normals, person.light), 0.2)
    linear = linear.reshape(360, 2, 360, 2, 3).mean(axis=(1, 3))
    return srgb_bytes(linear)


def start(person, points):
    solver = LandmarkSolver(person.seen, points, FitSettings())
    return solver, solver.run()


def test_gradient_of_the_cost_against_finite_differences(model, points):
    person = Person(model, points, 0)
    solver, _ = start(person, points)
    stage = Photometric(person.pixels, solver, model, PhotometricSettings(), None, appearance_of(model, 0.12))
    photo = working_photo(person.pixels, stage.centre, 1.7 * stage.size, 0.3)
    # A picture whose derivatives are exact: interpolation between pixels has kinks.
    rows, columns = np.mgrid[: photo.values.shape[0], : photo.values.shape[1]] + 0.5
    for c, (across, down) in enumerate([(0.002, 0.003), (-0.001, 0.002), (0.003, -0.002)]):
        photo.values[..., c] = 0.3 + across * columns + down * rows
        photo.values[..., 3 + c], photo.values[..., 6 + c] = across, down
    photo.values[..., 9:] = 1
    stage.look()
    stage.fit_colours(photo)
    rng = np.random.default_rng(1)
    solver.identity, solver.expression = rng.normal(size=100) * 0.5, rng.uniform(0.1, 0.4, 52)
    stage.noise = 0.2
    _, downhill = stage.equations(photo)
    fixed = solver.cost()
    first = 7 + 100 + 52
    eye = 107 + list(model.expression_names).index("eyeBlinkLeft")
    for k in (0, 1, 2, 3, 4, 5, 6, 7, 8, 30, 107, eye, 140, first, first + 9, first + len(stage.albedo), -1):
        values = []
        for sign in (1, -1):
            step = np.zeros(len(downhill))
            step[k] = sign * (1e-3 if 0 <= k < 7 else 2e-2)
            before = stage.state()
            stage.move(step)
            values.append(stage.cost(photo) - solver.cost())
            stage.restore(before)
        slope = (values[1] - values[0]) / (2e-3 if 0 <= k < 7 else 4e-2)
        assert slope == pytest.approx(downhill[k], rel=0.02, abs=0.02), k
    assert solver.cost() == fixed


def test_settles_all_else_for_a_shape_that_is_given(model, points):
    """The colours fit the given head, not the one that was fitted."""
    person = Person(model, points, 3)
    wanted = 0.5 * person.identity
    cost = {}
    for name, steps in (("settled", (2, 4)), ("not", (2, 3))):
        solver, _ = start(person, points)
        settings = PhotometricSettings(steps=steps)
        stage = Photometric(person.pixels, solver, model, settings, None, appearance_of(model, 0.12))
        found = stage.run((lambda solver: wanted) if name == "settled" else None)
        solver.hold(wanted)
        stage.look()
        photo = working_photo(person.pixels, stage.centre, 1.7 * stage.size, 0.3)
        stage.noise = 0.02
        cost[name] = stage.cost(photo)
        if name == "settled":
            np.testing.assert_allclose(found.fit.identity, wanted, atol=1e-4)
    assert cost["settled"] < 0.8 * cost["not"]


@pytest.mark.parametrize("seed", [1, 2])
def test_recovers_shape_albedo_and_light_from_the_picture(model, points, seed):
    """Landmarks that are wrong in common mislead the shape; the colours put it right."""
    person = Person(model, points, seed)
    solver, fit = start(person, points)
    found = fit_photo(person.pixels, solver, model)
    before, after = person.error(model, fit.identity), person.error(model, found.fit.identity)
    assert after < 0.75 * before
    looks = load_albedo("low")
    face = model.regions["face"] > 0.5
    true, mean = looks.colours(person.albedo)[face], looks.mean[face]
    colours = looks.colours(found.albedo)[face]
    assert np.abs(colours - true).mean() < 0.5 * np.abs(mean - true).mean()
    normals = vertex_normals(person.vertices, model.triangles)[face]
    lit, expected = (shade(np.ones(3), normals, light) for light in (found.light, person.light))
    # Bright skin in dim light looks like dark skin in bright light: the level is known only by the priors.
    lit *= expected.mean(axis=0) / lit.mean(axis=0)
    assert np.abs(lit - expected).mean() < 0.05 * expected.mean()
    assert np.abs(lit - expected).mean() < 0.5 * expected.std()
    assert found.noise < 0.03
    assert found.explained > 0.5


def test_goes_on_from_a_fit_that_knows_the_landmarks_errors(model, points):
    """Correlated errors of the landmarks are fitted along; what the colours say decides between the two."""
    person = Person(model, points, 6)
    count, errors = len(points.mean), 30
    modes = points.identity[:errors] * np.float32(0.5)
    expected = LandmarkNoiseModel(
        yaw=np.array([-60.0, 60.0]),
        identity=np.zeros_like(points.identity),
        modes=np.stack([modes, modes]),
        deviation=np.full((2, count), 1.0, np.float32),
    )
    solver = LandmarkSolver(person.seen, points, FitSettings(), expected)
    fit = solver.run()
    found = fit_photo(person.pixels, solver, model)
    assert found.fit.nuisance.shape == fit.nuisance.shape == (2 * errors,)
    assert person.error(model, found.fit.identity) < 0.8 * person.error(model, fit.identity)


def test_a_half_that_is_known_to_be_hidden_does_no_harm(model, points):
    person = Person(model, points, 3)
    covered = person.pixels.copy()
    covered[:, 180:] = 128
    weight = np.ones(covered.shape[:2], np.float32)
    weight[:, 180:] = 0
    solver, fit = start(person, points)
    told = fit_photo(covered, solver, model, weight=weight)
    assert person.error(model, told.fit.identity) < person.error(model, fit.identity)
    assert told.explained < 0.6


def test_a_half_that_is_found_to_be_hidden_does_no_harm(photos):
    photo = read_photo(photos / "astronaut.jpg")
    settings = Settings(detail="low", texture=None)
    plain = reconstruct(photo, settings=settings)
    pixels = photo.pixels.copy()
    middle = int(plain.project(plain.landmarks68[30])[0])
    pixels[60:220, :middle] = 128
    covered = Photo(pixels, "covered")
    face = plain.model.regions["face"] > 0.5
    off = []
    for chosen in (settings, replace(settings, photometric=None)):
        head = reconstruct(covered, settings=chosen)
        off.append(np.linalg.norm((head.neutral_vertices - plain.neutral_vertices)[face], axis=1).mean())
    assert off[0] < 1.35 * off[1]  # half of the face is a guess with and without colours
    assert head.quality.measures["yaw"] == pytest.approx(plain.quality.measures["yaw"], abs=20)


def test_grey_photos_black_borders_and_blank_pictures(photos):
    photo = read_photo(photos / "grace_hopper.jpg")
    grey = np.repeat(photo.pixels.mean(axis=2, keepdims=True).astype(np.uint8), 3, axis=2)
    bordered = np.zeros_like(photo.pixels)
    bordered[:, 100:] = photo.pixels[:, 100:]
    settings = Settings(detail="low", texture=None)
    plain = reconstruct(photo, settings=settings)
    face = plain.model.regions["face"] > 0.5
    for pixels, limit in ((grey, 1.5), (bordered, 1.0)):
        head = reconstruct(Photo(pixels, "changed"), settings=settings)
        assert np.isfinite(head.vertices).all()
        assert np.linalg.norm((head.neutral_vertices - plain.neutral_vertices)[face], axis=1).mean() < limit


def test_dim_photos_show_people_in_little_light(photos):
    """What is darker than people are is the camera's: the skin's colours stay colours."""
    photo = read_photo(photos / "grace_hopper.jpg")
    dim = srgb_bytes(0.1 * TO_LINEAR[photo.pixels])
    settings = Settings(detail="low", texture=None)
    face = load_head_model("low").regions["face"] > 0.5
    heads = [reconstruct(Photo(p, "a.png"), settings=settings, method="fit") for p in (photo.pixels, dim)]
    usual, here = (load_albedo("low").colours(head.albedo)[face] for head in heads)
    assert here.mean(axis=0).min() > 0 and 0.15 < here.mean() / usual.mean() < 1
    assert here[:, 0].mean() > here[:, 1].mean() > here[:, 2].mean()
    assert heads[1].light[0].mean() < 0.5 * heads[0].light[0].mean()
    assert heads[1].quality.measures["colour_noise"] < 0.06


def test_nothing_to_see_leaves_the_landmarks_alone(model, points):
    person = Person(model, points, 4)
    solver, fit = start(person, points)
    found = fit_photo(np.zeros_like(person.pixels), solver, model)
    assert found.explained == 0
    assert found.fit.identity == pytest.approx(fit.identity, abs=0.05)


def test_weight_must_have_the_size_of_the_photo(model, points):
    person = Person(model, points, 5)
    solver, _ = start(person, points)
    with pytest.raises(ValueError, match="weight must have shape"):
        fit_photo(person.pixels, solver, model, weight=np.ones((3, 3), np.float32))


def test_the_colours_move_the_head_and_can_be_left_out(photos):
    settings = Settings(detail="low", texture=None)
    with_colours = reconstruct(photos / "astronaut.jpg", settings=settings)
    without = reconstruct(photos / "astronaut.jpg", settings=replace(settings, photometric=None))
    assert with_colours.light.shape == (9, 3)
    assert with_colours.albedo.shape == (len(load_albedo("low").modes),)
    assert without.light is None and without.albedo is None
    assert 0.1 < np.linalg.norm(with_colours.identity - without.identity) < 8
    assert with_colours.quality.measures["explained"] > 0.3
