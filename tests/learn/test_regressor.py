"""Training of the regressor: training crops, synthetic heads, the stream, losses, export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from headshot import Settings, load_head_model, read_photo  # noqa: E402
from headshot.geometry.camera import angles_of  # noqa: E402
from headshot.image.crop import FaceCrop  # noqa: E402
from headshot.learn.data import training_crops as store  # noqa: E402
from headshot.learn.data.photos import learn_photo  # noqa: E402
from headshot.learn.data.portraits import portrait_of, read_portraits, save_portraits  # noqa: E402
from headshot.learn.data.posed_heads import HeadMaker  # noqa: E402
from headshot.learn.data.regressor_stream import RegressorStream, StreamSettings, labels_in_crop  # noqa: E402
from headshot.learn.engine import Plan  # noqa: E402
from headshot.learn.losses.regressor import Geometry  # noqa: E402
from headshot.learn.networks.lite_regressor import MODES, make_regressor, rotation_of  # noqa: E402
from headshot.learn.regressor import (  # noqa: E402
    RegressorSettings,
    Validation,
    exact_crop,
    export_best,
    point_modes,
    run,
)  # fmt: skip
from headshot.perception.detection.detect import detect_faces  # noqa: E402
from headshot.perception.landmarks.in_house import predict_heads  # noqa: E402
from headshot.perception.landmarks.mediapipe import find_landmarks  # noqa: E402
from headshot.pipeline import Reconstructor  # noqa: E402

PHOTOS = Path(__file__).parents[2] / "photos"


@pytest.fixture(scope="module")
def portraits():
    found = []
    for name in ("astronaut", "grace_hopper"):
        photo = read_photo(PHOTOS / f"{name}.jpg")
        face = detect_faces(photo.pixels)[0]
        points = find_landmarks(photo.pixels, face)
        head = Reconstructor(Settings("low", texture=None), preload=False).of_face(photo, face, points)
        found.append(portrait_of(head, f"helen//{name}"))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory, portraits):
    """A store of 24 synthetic heads, a photo and what is beside its face."""
    folder = tmp_path_factory.mktemp("store")
    maker = HeadMaker(portraits)
    rows = [maker.make(np.random.default_rng(k)) for k in range(24)]
    rows = [
        store.TrainingCrop(r.pixels, r.kind, r.name, "", n % 4 == 0, r.labels) for n, r in enumerate(rows)
    ]
    store.save_training_crops(folder, "synthetic", rows)
    learned = learn_photo(PHOTOS / "astronaut.jpg", "helen", np.random.default_rng(0))
    store.save_training_crops(folder, "photos", [learned.row, *([learned.empty] if learned.empty else [])])
    return folder


def test_portraits_survive_their_file(tmp_path, portraits):
    save_portraits(tmp_path / "p.npz", portraits)
    again = read_portraits([tmp_path / "p.npz"])
    assert len(again) == 2 and again[1].yaw == pytest.approx(portraits[1].yaw)
    assert [p.name for p in again] == ["helen//astronaut", "helen//grace_hopper"]
    assert (again[0].texture == portraits[0].texture).all()


def test_fast_shapes_are_those_of_the_model(portraits):
    maker = HeadMaker(portraits)
    random = np.random.default_rng(0)
    identity, expression = random.normal(size=100), random.uniform(0, 1, 52)
    assert np.allclose(maker._shape(identity, expression), maker.model.shape(identity, expression), atol=1e-4)


def test_a_turned_photo_keeps_its_head(portraits):
    maker = HeadMaker(portraits)
    rows = [maker.make(np.random.default_rng(k), own=True) for k in range(4)]
    whose = {p.name: p.identity for p in portraits}
    for row in rows:
        assert row.kind == "photo" and (row.labels["identity"] == whose[row.name]).all()
    assert len({row.labels["rotation"][0, 0].item() for row in rows}) == 4


def test_a_person_has_one_identity_and_one_embedding(tmp_path, folder):
    """Two photos and a profile of one person, and somebody else's photo."""
    pixels = store.read_training_crops(folder).picture(0)
    kinds, people = ("photo", "photo", "profile", "photo"), ("a", "a", "a", "")
    rows = []
    for k, (kind, person) in enumerate(zip(kinds, people, strict=True)):
        labels = store.empty_labels()
        labels["identity"] += k
        labels["known"] += kind == "photo"
        rows.append(store.TrainingCrop(pixels, kind, f"cfp/{person}/{k}", person, False, labels))
    store.save_training_crops(tmp_path, "some", rows)
    (tmp_path / store.EMBEDDINGS).mkdir()
    embedding = np.zeros((4, store.EMBEDDING), np.float32)
    embedding[0, 0] = embedding[1, 1] = embedding[3, 2] = 1
    np.save(tmp_path / store.EMBEDDINGS / "some.npy", embedding)
    found = store.read_training_crops(tmp_path).labels
    assert found["identity"][:, 0].tolist() == [0.5, 0.5, 0.5, 3]
    assert found["known"][:, 0].tolist() == [1, 1, 1, 1] and not found["known"][2, 1:].any()
    assert found["embedding"][:3, :2] == pytest.approx(np.full((3, 2), np.sqrt(0.5)))
    assert found["embedding"][3, 2] == 1


def test_labels_of_synthetic_heads_describe_their_picture(folder):
    crops = store.read_training_crops(folder)
    geometry = Geometry()
    synthetic = np.flatnonzero(crops.kind == 0)

    class Truth:
        identity, expression, rotation, place = (
            torch.tensor(crops.labels[key][synthetic])
            for key in ("identity", "expression", "rotation", "place")
        )

    seen = geometry.project(Truth).numpy() * store.SIDE
    gap = np.linalg.norm(seen - crops.labels["points"][synthetic], axis=2)[:, :478]
    # Scaled orthography against true perspective: a few per cent of the face for heads close to the camera.
    assert np.median(gap.mean(axis=1)) < 0.02 * store.SIDE and gap.mean() < 0.04 * store.SIDE
    # The face is brighter or darker than what is behind it: there is a picture at all.
    assert crops.picture(0).std() > 5


def test_inputs_cut_from_a_crop_move_the_labels_along(folder):
    crops = store.read_training_crops(folder)
    labels = {key: values[-2].copy() for key, values in crops.labels.items()}
    crop = exact_crop().varied(1.2, right=0.05, down=-0.05, turn=25)
    before = {key: value.copy() for key, value in labels.items()}
    labels_in_crop(labels, crop)
    assert np.allclose(crop.to_photo(labels["points"]), before["points"], atol=1e-2)
    # The input is turned clockwise by 25 degrees in the training crop, so the head turns the other way in it.
    roll = angles_of(labels["rotation"])[2] - angles_of(before["rotation"])[2]
    assert roll == pytest.approx(-25, abs=0.5)
    size = np.exp(labels["place"][2] - before["place"][2])
    assert size == pytest.approx(store.SIDE / crop.side, rel=1e-4)


def test_mirroring_twice_changes_nothing(folder):
    crops = store.read_training_crops(folder)
    stream = RegressorStream(crops)
    labels = {key: values[-1].copy() for key, values in crops.labels.items()}
    labels_in_crop(labels, exact_crop())
    before = {key: value.copy() for key, value in labels.items()}
    stream.mirrored(labels)
    assert np.abs(labels["points"] - before["points"]).max() > 0.01
    # A mirrored head is a head: its regressed points are the mirrored ones.
    stream.mirrored(labels)
    for key, value in before.items():
        assert np.allclose(labels[key], value, atol=1e-4), key


def test_a_mirrored_head_is_the_head_with_mirrored_labels(folder):
    crops = store.read_training_crops(folder)
    stream = RegressorStream(crops)
    labels = {key: values[-1].copy() for key, values in crops.labels.items()}
    labels_in_crop(labels, exact_crop())
    stream.mirrored(labels)

    class Truth:
        identity, expression, rotation, place = (
            torch.tensor(np.asarray(labels[key], np.float32))[None]
            for key in ("identity", "expression", "rotation", "place")
        )

    seen = Geometry().project(Truth)[0, :478].numpy()
    assert np.linalg.norm(seen - labels["points"][:478], axis=1).mean() < 0.06


def test_items_depend_on_their_number_alone(folder):
    stream = RegressorStream(store.read_training_crops(folder), StreamSettings(seed=3))
    one, two = stream[3], stream[3]
    assert all(torch.equal(one[key], two[key]) for key in one)
    assert stream[3]["pixels"].shape == (3, 128, 128)
    assert not torch.equal(stream[4]["pixels"], one["pixels"])


def test_who_is_measured_is_not_learned_from(folder):
    crops = store.read_training_crops(folder, frozenset({"astronaut"}))
    photos = np.flatnonzero(crops.kind == 1)
    assert crops.held_out[photos].all()


def test_rotations_are_rotations():
    turns = rotation_of(torch.randn(5, 6, generator=torch.Generator().manual_seed(0)))
    assert torch.allclose(turns @ turns.transpose(1, 2), torch.eye(3).expand(5, 3, 3), atol=1e-5)
    assert torch.allclose(torch.det(turns), torch.ones(5), atol=1e-5)


def test_shape_error_is_that_of_aligned_faces():
    """The quadratic form of the loss against Procrustes alignment of real faces."""
    from headshot.geometry.align import similarity

    geometry, model = Geometry(), load_head_model("low")
    random = np.random.default_rng(0)
    one, two = random.normal(0, 0.3, (2, 100))
    face = np.flatnonzero(model.regions["face"] > 0.5)
    p, t = (model.neutral(c)[face].astype(float) for c in (one, two))
    exact = np.sqrt((np.linalg.norm(similarity(p, t)(p) - t, axis=1) ** 2).mean())
    form = torch.tensor(one - two, dtype=torch.float32) @ geometry.shape
    assert float(form.norm()) == pytest.approx(exact, rel=0.15)  # weights of regions apart


def test_a_few_steps_learn_and_the_export_predicts_the_same(tmp_path, folder):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    plan = Plan(steps=16, batch=6, rate=1e-3, warm_up=4, every=16, average=0.5)
    network = run(tmp_path / "run", folder, plan, RegressorSettings(frozen=0, imagenet=False))
    crops = store.read_training_crops(folder)
    metrics = Validation(crops)(network)
    begin = make_regressor(imagenet=False)
    stream = RegressorStream(crops)
    begin.mean[:], begin.basis[:] = point_modes(stream, 200)
    assert begin.basis.shape == (MODES, 546, 2)
    assert metrics["nme_synthetic"] < Validation(crops)(begin.eval())["nme_synthetic"]
    export_best(tmp_path / "run", tmp_path / "net.onnx")
    session = onnxruntime.InferenceSession(str(tmp_path / "net.onnx"), providers=["CPUExecutionProvider"])
    pixels = read_photo(PHOTOS / "astronaut.jpg").pixels
    found = predict_heads(pixels, [FaceCrop(220.0, 130.0, 150.0)], network=session)[0]
    assert found.points.shape == (478, 2) and found.identity.shape == (100,)
    assert np.isfinite(found.points).all()


def test_commands_fill_a_store_from_photos_and_heads(tmp_path, capsys):
    import shutil

    from headshot.learn.cli import app

    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("astronaut", "grace_hopper"):
        shutil.copy(PHOTOS / f"{name}.jpg", photos / f"{name}.jpg")
    target = str(tmp_path / "store")
    fill = ["regressor-data", target, "--photos", str(photos), "--name", "celebamask"]
    app([*fill, "--synthetic", "3"], standalone_mode=False)
    crops = store.read_training_crops(tmp_path / "store")
    assert (crops.kind == store.KINDS.index("photo")).sum() == 2
    assert (crops.kind == store.KINDS.index("synthetic")).sum() == 3
    photo = int(np.flatnonzero(crops.kind == store.KINDS.index("photo"))[0])
    inner = crops.labels["points"][photo, :478]
    assert ((inner > 0.1 * store.SIDE) & (inner < 0.9 * store.SIDE)).mean() > 0.95
    capsys.readouterr()
    app(fill, standalone_mode=False)  # nothing is left to do
    assert capsys.readouterr().out == ""
    # A photo of the same name may show somebody else; heads in the colours of its portrait are others, too.
    shutil.copy(PHOTOS / "astronaut.jpg", photos / "grace_hopper.jpg")
    app([*fill, "--synthetic", "3"], standalone_mode=False)
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        "celebamask-00000",
        "synthetic-0-000000",
    ]
    again = store.read_training_crops(tmp_path / "store")
    assert not np.array_equal(crops.labels["identity"][:2], again.labels["identity"][:2])
    for whole in (tmp_path / "store").glob(".*.made"):
        whole.unlink()  # as after a kill
    app([*fill, "--no-colours"], standalone_mode=False)
    assert capsys.readouterr().out.startswith("celebamask-00000: 2 of 2 photos, 0 portraits")
    assert not list((tmp_path / "store" / "portraits").iterdir())


def test_an_unknown_data_set_and_a_missing_store_are_explained(tmp_path):
    from headshot.learn.cli import app

    wrong = ["regressor-data", str(tmp_path), "--photos", str(PHOTOS), "--name", "nobody"]
    for arguments, hint in (
        (wrong, "lfw, cfp, helen"),
        (["regressor", str(tmp_path / "run"), str(tmp_path)], "regressor-data"),
        (["regressor", str(tmp_path / "run")], "RUN STORE"),
    ):
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 1 and hint in result.output
