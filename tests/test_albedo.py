import numpy as np
import pytest

from headshot import load_head_model
from headshot.albedo import AlbedoModel, half_of, load_albedo, read
from headshot.errors import ModelFormatError
from headshot.light import sh_basis
from headshot.raster import vertex_normals


@pytest.fixture(scope="module")
def albedo() -> AlbedoModel:
    return load_albedo("high")


def test_fits_the_head_model_at_both_resolutions(albedo):
    for resolution in ("low", "high"):
        head, model = load_head_model(resolution), load_albedo(resolution)
        assert model.mean.shape == head.mean.shape
        assert model.modes.shape == (len(model.modes), *head.mean.shape) and len(model.modes) >= 40
        assert model.occlusion.shape == (len(head.mean),)
        assert model.mean.dtype == model.modes.dtype == np.float32
    low = load_albedo("low")
    assert np.array_equal(low.mean, albedo.mean[: len(low.mean)])
    assert np.array_equal(low.modes, albedo.modes[:, : len(low.mean)])


def test_is_a_reflectance_and_symmetric(albedo):
    mirror = load_head_model("high").mirror
    assert 0 < albedo.mean.min() and albedo.mean.max() < 0.9
    assert np.array_equal(albedo.mean, albedo.mean[mirror])
    assert np.array_equal(albedo.modes, albedo.modes[:, mirror])
    assert 0 <= albedo.occlusion.min() and albedo.occlusion.max() <= 1


def test_modes_are_sorted_and_reach_from_dark_to_light_skin(albedo):
    strength = (albedo.modes**2).sum(axis=(1, 2))
    assert (strength[1:] < 1.5 * np.minimum.accumulate(strength)[:-1]).all()
    assert strength[0] > 0.4 * strength.sum()
    cheeks = load_head_model("high").regions["cheeks"] > 0.9
    dark, light = (albedo.colours(k * np.eye(len(albedo.modes))[0])[cheeks].mean() for k in (-1.8, 1.8))
    assert max(dark, light) > 3 * min(dark, light) > 0


def test_skin_looks_like_skin(albedo):
    regions = load_head_model("high").regions
    cheek, lip = (albedo.mean[regions[r] > 0.9].mean(axis=0) for r in ("cheeks", "lips"))
    brow = np.quantile(albedo.mean[regions["brows"] > 0.5], 0.1, axis=0)
    assert cheek[0] > cheek[1] > cheek[2]
    assert lip[0] / lip[1] > 1.1 * cheek[0] / cheek[1]  # redder
    assert brow.mean() < 0.8 * cheek.mean()


def test_light_is_about_one_and_white_on_the_face(albedo):
    head = load_head_model("high")
    core = head.regions["cheeks"] > 0.5
    basis = sh_basis(vertex_normals(head.mean, head.triangles)[core])
    level = (basis @ albedo.light_mean.reshape(9, 3)).mean(axis=0)
    assert np.allclose(level, 1, atol=0.15) and np.ptp(level) < 0.02
    covariance = np.linalg.inv(albedo.light_precision)
    assert np.allclose(covariance, covariance.T)
    spread = np.sqrt(np.diag(covariance)).reshape(9, 3)
    assert 0.1 < spread[0].min() and spread[0].max() < 0.6


def test_coefficients_are_checked(albedo):
    assert np.array_equal(albedo.colours(), albedo.mean)
    with pytest.raises(ValueError, match="coefficients"):
        albedo.colours(np.zeros(3))
    with pytest.raises(ValueError, match="resolution"):
        load_albedo("medium")


def test_half_pairs_each_vertex_with_its_mirror():
    head = load_head_model("low")
    half = half_of(head)
    assert np.array_equal(half, half[head.mirror])
    assert np.array_equal(np.unique(half), np.arange(half.max() + 1))


def test_says_what_is_wrong_with_a_file(tmp_path):
    file = tmp_path / "albedo.npz"
    file.write_bytes(b"no model")
    with pytest.raises(ModelFormatError, match="not a Headshot albedo model"):
        read(file)
    np.savez(file, format_version=99)
    with pytest.raises(ModelFormatError, match="format version 99"):
        read(file)
    np.savez(
        file, format_version=1, mean=np.zeros((5, 3)), modes=np.zeros((2, 5, 3)), scale=np.ones(2),
        occlusion=np.ones(5), light_mean=np.zeros(27), light_precision=np.eye(27),
    )  # fmt: skip
    with pytest.raises(ModelFormatError):
        read(file)
