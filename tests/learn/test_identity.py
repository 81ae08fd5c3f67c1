"""Training of the identity prior: crops and their labels, the loss, a few steps, and the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn import identity as learn  # noqa: E402
from headshot.learn.cli import app  # noqa: E402
from headshot.learn.data import identity_stream  # noqa: E402
from headshot.learn.data import training_crops as store  # noqa: E402
from headshot.learn.data.identity_stream import IdentityStream  # noqa: E402
from headshot.learn.engine import Plan  # noqa: E402
from headshot.learn.losses.identity import IdentityLoss, Weights  # noqa: E402
from headshot.learn.networks.identity import make_identity_network  # noqa: E402
from headshot.learn.regressor import verification_auc  # noqa: E402
from headshot.perception.identity import MARGIN, SIZE  # noqa: E402
from headshot.perception.landmarks.mirror import head_mirror  # noqa: E402

PEOPLE = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Crops of six people in a colour each, three photos and a profile of them, two people held out."""
    random = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("store")
    rows, embeddings = [], []
    for person in range(PEOPLE):
        colour, identity = random.uniform(40, 215, 3), random.normal(size=100)
        vector = random.normal(size=store.EMBEDDING)
        for photo in range(4):
            pixels = np.clip(colour + random.normal(0, 8, (store.SIDE, store.SIDE, 3)), 0, 255)
            labels = store.empty_labels()
            labels["identity"] = (identity + random.normal(0, 0.1, 100)).astype(np.float32)
            labels["known"][:] = photo < 3
            kind = "photo" if photo < 3 else "profile"
            name = f"cfp/{person}/{photo}"
            rows.append(
                store.TrainingCrop(pixels.astype(np.uint8), kind, name, str(person), person > 3, labels)
            )
            embeddings.append(vector / np.linalg.norm(vector) if photo < 3 else 0 * vector)
    store.save_training_crops(folder, "people", rows)
    (folder / store.EMBEDDINGS).mkdir()
    np.save(folder / store.EMBEDDINGS / "people.npy", np.array(embeddings, np.float32))
    return folder


def test_the_crop_is_that_of_run_time():
    corners = store.input_crop(MARGIN).pixel_map(SIZE) @ np.array([[0, SIZE], [0, SIZE], [1, 1]])
    side = MARGIN * store.SIDE / store.MARGIN  # of the crop's face, whose middle is that of the crop
    assert corners[:, 0] == pytest.approx(np.full(2, (store.SIDE - side) / 2))
    assert corners[:, 1] == pytest.approx(np.full(2, (store.SIDE + side) / 2))


def test_items_depend_on_their_number_alone_and_leave_out_who_is_held_out(folder):
    crops = store.read_training_crops(folder)
    stream = IdentityStream(crops)
    once, again = stream[5], stream[5]
    assert all((once[key] == again[key]).all() for key in once)
    signs, seen = head_mirror().identity, set()
    for k in range(60):
        item = stream[k]
        assert item["pixels"].shape == (3, SIZE, SIZE) and item["known"] == 1 and item["exact"] == 0
        own = crops.labels["identity"]
        for side in (1, signs):
            seen |= set(crops.person[(np.abs(own * side - item["identity"].numpy()) < 1e-5).all(axis=1)])
    assert seen == {"0", "1", "2", "3"}


def test_every_second_item_is_of_the_same_person(folder):
    stream = IdentityStream(store.read_training_crops(folder), pairs=True)
    items = [stream[k] for k in range(40)]
    assert all(one["person"] == other["person"] for one, other in zip(items[::2], items[1::2], strict=True))
    assert all(one["crop"] != other["crop"] for one, other in zip(items[::2], items[1::2], strict=True))
    assert len({int(item["person"]) for item in items}) == 4
    alone = [IdentityStream(stream.crops)[k] for k in range(0, 40, 2)]
    assert all((a["pixels"] == b["pixels"]).all() for a, b in zip(alone, items[::2], strict=True))


def test_mirrored_crops_are_compared_as_they_are(folder):
    """One person's photo and its mirror image have one shape; antisymmetric modes change their sign."""
    signs = torch.tensor(head_mirror().identity)
    true = {"identity": torch.zeros(3, 100), "known": torch.zeros(3), "exact": torch.zeros(3),
            "embedding": torch.zeros(3, store.EMBEDDING), "person": torch.tensor([1, 1, 2])}  # fmt: skip
    one = torch.randn(100, generator=torch.Generator().manual_seed(0))
    other = one + 1
    p = (torch.zeros(3, store.EMBEDDING), torch.stack([one, one * signs, other]), torch.zeros(3, 100))
    loss = IdentityLoss(Weights(agreement=1.0), np.ones(100, np.float32))
    disagreement = loss(p, true | {"mirrored": torch.tensor([False, True, False])})[1]["agreement"]
    assert disagreement == pytest.approx(0, abs=1e-5)


def colour_recogniser(file: Path) -> np.ndarray:
    """Write a recogniser that knows people by the mean colour of their faces; its map (3, 128)."""
    onnx = pytest.importorskip("onnx")
    weights = np.random.default_rng(1).normal(size=(3, store.EMBEDDING)).astype(np.float32)
    make = onnx.helper.make_tensor_value_info
    nodes = [
        onnx.helper.make_node("ReduceMean", ["faces", "axes"], ["mean"], keepdims=0),
        onnx.helper.make_node("MatMul", ["mean", "weights"], ["vector"]),
    ]
    graph = onnx.helper.make_graph(
        nodes, "recogniser",
        [make("faces", onnx.TensorProto.FLOAT, ["B", 3, 112, 96])],
        [make("vector", onnx.TensorProto.FLOAT, ["B", store.EMBEDDING])],
        [onnx.numpy_helper.from_array(weights, "weights"),
         onnx.numpy_helper.from_array(np.array([2, 3]), "axes")],
    )  # fmt: skip
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)], ir_version=9)
    onnx.save(model, file)
    return weights


def test_mixtures_have_embeddings_of_their_own(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(identity_stream, "MIXED", 1.0)
    monkeypatch.setattr(identity_stream, "DEGRADED", 0.0)
    monkeypatch.setattr(identity_stream, "COVERED", 0.0)
    weights = colour_recogniser(tmp_path / "recogniser.onnx")
    crops = store.read_training_crops(folder)
    with pytest.raises(HeadshotError, match="no faces seen from the front"):
        IdentityStream(crops, recogniser=tmp_path / "recogniser.onnx")  # no points are known
    crops.labels["weight"][:] = 1
    crops.labels["points"][:] = np.random.default_rng(0).uniform(80, 110, (1, store.POINTS, 2))
    stream = IdentityStream(crops, recogniser=tmp_path / "recogniser.onnx")
    mixed = 0
    for k in range(12):
        item = stream[k]
        if item["known"] == 0:  # profiles are left as they are
            mixed += 1
            colour = item["pixels"].numpy().reshape(3, -1).mean(axis=1)
            expected = ((colour - 127.5) / 128) @ weights
            cosine = item["embedding"].numpy() @ (expected / np.linalg.norm(expected))
            assert cosine > 0.99 and item["exact"] == 0
    assert mixed >= 6
    tones = [stream[k]["pixels"].numpy().mean() for k in range(40) if stream[k]["known"] == 0]
    assert len(np.unique(np.round(tones))) > 4  # more than the four people there are


def test_what_fits_leave_open_stays_in_the_standard_deviation(folder):
    """With a perfect prediction of the fits the likelihood is best at the variance that they leave open."""
    loss = IdentityLoss(Weights(), np.full(100, 0.36, np.float32))
    true = {"identity": torch.zeros(2, 100), "known": torch.ones(2), "exact": torch.zeros(2),
            "embedding": torch.zeros(2, store.EMBEDDING), "mirrored": torch.zeros(2).bool(),
            "person": torch.full((2,), -1)}  # fmt: skip
    values = []
    for sigma in (0.5, 0.6, 0.7):
        p = (torch.zeros(2, store.EMBEDDING), torch.zeros(2, 100), torch.full((2, 100), float(np.log(sigma))))
        values.append(loss(p, true)[1]["certainty"])
    assert values[1] < min(values[0], values[2])
    crops = store.read_training_crops(folder)
    left = learn.unexplained(crops)
    assert left.shape == (100,) and ((left >= 0) & (left <= 1)).all() and (left < 1).any()


def test_pairs_of_one_person_are_nearer():
    near = np.array([[1, 0.9, 0.8, 0.1], [0.9, 1, 0.7, 0.2], [0.8, 0.7, 1, 0.3], [0.1, 0.2, 0.3, 1]])
    person = np.array(["a", "a", "a", "b"])
    photo, profile = np.array([1, 1, 0, 1], bool), np.array([0, 0, 1, 0], bool)
    assert verification_auc("auc", near, person, (photo, profile)) == {"auc_photo": 1.0, "auc_mixed": 1.0}
    person[0] = "b"
    found = verification_auc("auc", near, person, (photo, profile))
    assert found["auc_photo"] == 0 and found["auc_mixed"] == 0.5


def test_a_few_steps_learn_and_the_export_predicts_the_same(folder, tmp_path, monkeypatch):
    # The features of a network that knows nothing differ by less than 16 bits tell: read little from them.
    monkeypatch.setattr(learn, "RIDGE", 1e6)
    plan = Plan(steps=8, batch=8, rate=2e-3, every=8, warm_up=2)
    learn.run(tmp_path / "run", folder, plan, learn.IdentitySettings(imagenet=False))
    rows = (tmp_path / "run" / "curves.csv").read_text()
    assert "validation,explained_photo" in rows and "validation,auc_mixed" in rows
    pixels = np.random.default_rng(0).integers(0, 255, (3, SIZE, SIZE, 3), dtype=np.uint8)
    network = make_identity_network(imagenet=False).eval()
    network.load_state_dict(learn.best_weights(tmp_path / "run"))
    found = []
    for refit in (False, True):
        crops = store.learned_from(folder, None) if refit else None
        learn.export_best(tmp_path / "run", tmp_path / "n.onnx", crops)
        identity, sigma, embedding = ort.InferenceSession(tmp_path / "n.onnx").run(None, {"pixels": pixels})
        if refit:
            learn.refit_readout(network, crops)
        with torch.no_grad():
            picture = torch.from_numpy(pixels.transpose(0, 3, 1, 2).copy()).float() / 255
            _, expected, spread = network(picture)
            inner = network.embed(picture).numpy()
        assert np.abs(identity - expected.numpy()).max() < 0.02  # weights are kept with 16 bits
        assert np.abs(sigma - spread.exp().numpy()).max() < 0.02
        assert embedding.shape == (3, 256)
        assert np.abs(embedding - inner).max() < 0.02 * np.abs(inner).max()
        found.append(identity)
    assert np.abs(found[0] - found[1]).max() > 0.02


def test_the_command_trains_and_exports(folder, tmp_path):
    run, net = str(tmp_path / "run"), tmp_path / "net.onnx"
    few = ["--steps", "2", "--batch", "4", "--every", "2", "--workers", "0", "--no-imagenet"]

    def learned(*arguments):
        return CliRunner().invoke(app, ["identity", *arguments])

    assert learned(run, str(folder), *few).exit_code == 0
    for more in ([], [str(folder), "--refit"]):
        assert learned(run, *more, "--export", str(net)).exit_code == 0 and net.stat().st_size > 1_000_000
        net.unlink()
    for arguments, hint in (
        ([run], "which folder of training crops"),
        ([run, "--refit", "--export", str(net)], "which folder of training crops"),
        ([str(tmp_path / "none"), "--export", str(net)], "no best weights"),
        ([str(tmp_path / "new"), str(folder), "--rendered", "1"], "--recogniser"),
    ):
        result = learned(*arguments)
        assert result.exit_code == 1 and hint in " ".join(result.output.split()) and not net.exists()


def test_shapes_are_read_from_features(folder):
    """Six colours have six features; each person's own shape is nearest to what is read from theirs."""
    crops = store.read_training_crops(folder)
    torch.manual_seed(0)
    network = make_identity_network(imagenet=False)
    before = network.shape.weight.clone()
    learn.refit_readout(network, crops)
    count = crops.labels["identity"].shape[1]
    assert (network.shape.weight[count:] == before[count:]).all(), "certainty stays as it was"
    known = np.flatnonzero(~crops.held_out)
    _, identity, _ = learn.predictions(network, crops, known)
    true = crops.labels["identity"][known]
    nearest = np.linalg.norm(identity[:, None] - true[None], axis=2).argmin(axis=1)
    assert (crops.person[known][nearest] == crops.person[known]).mean() > 0.9
