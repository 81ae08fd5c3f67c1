"""Training of the network of Jiang and Yang (2026): a few steps on real photos, with both face models."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402
from typer.testing import CliRunner  # noqa: E402

from headshot.apps.cli.main import app  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from headshot.exit_codes import ExitCode  # noqa: E402
from headshot.learn.data.cache import FaceCache  # noqa: E402
from headshot.learn.data.prepare import PrepareSettings, prepare  # noqa: E402
from headshot.learn.data.prepared import FaceStream, StreamSettings, collate  # noqa: E402
from headshot.learn.engine import learning_rate, train  # noqa: E402
from headshot.learn.face import (  # noqa: E402
    PRESETS,
    FaceLearner,
    FaceSettings,
    Weights,
    make_network,
    make_task,
    paper_plan,
    steps_per_epoch,
)
from headshot.learn.face_model import load_face_model  # noqa: E402
from headshot.learn.losses.face import normalised_error  # noqa: E402
from headshot.learn.networks.mobilefacenet import MobileFaceNet  # noqa: E402
from headshot.models.readers.basel_front import load_front  # noqa: E402
from headshot.models.readers.basel_front import split as basel_coefficients  # noqa: E402
from headshot.models.topologies.mediapipe478 import MEDIAPIPE_TO_IBUG68  # noqa: E402

SMALL = FaceSettings(size=48, depth=18, imagenet="none", soft=False, held_out=0.0, dropout=0.0)


@pytest.fixture(scope="module")
def cache(album: Path, tmp_path_factory: pytest.TempPathFactory) -> FaceCache:
    file = tmp_path_factory.mktemp("cache") / "album.faces"
    prepare(album, file, PrepareSettings(mask=True))
    return FaceCache(file)


def _curve(folder: Path, kind: str, name: str) -> list[float]:
    with (folder / "curves.csv").open(newline="", encoding="utf-8") as handle:
        return [float(row[3]) for row in csv.reader(handle) if row[1:3] == [kind, name]]


@pytest.mark.parametrize("name", ["ours", "basel"])
def test_both_losses_of_the_paper_fall(name: str, cache: FaceCache, basel_file: Path) -> None:
    settings = replace(SMALL, model="ours" if name == "ours" else str(basel_file), soft=name == "basel")
    task = make_task(cache, settings, paper_plan(1, batch=8))
    if name == "basel":
        assert task.network.coefficients.out_features == 257
    batch = collate([task.data[k] for k in range(8)])
    optimiser = torch.optim.Adam(task.network.parameters(), 1e-3)
    terms = []
    for _ in range(15):
        loss, values = task.loss(task.network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        terms.append(values)
    for term in ("image", "landmarks"):
        first, last = terms[0][term], np.mean([values[term] for values in terms[-3:]])
        assert last < 0.85 * first, (term, [values[term] for values in terms])


def test_the_losses_lead_to_the_face_in_the_photo(cache: FaceCache) -> None:
    """Without the network in between: coefficients that go down the paper's loss become the photos' faces."""
    model = load_face_model("ours")
    learner = FaceLearner(model, replace(SMALL, size=64))
    stream = FaceStream(cache, np.arange(8), StreamSettings(64, "mediapipe478", varied=False))
    batch = collate([stream.item(0), stream.item(4)])
    raw = torch.zeros(2, model.layout.total, requires_grad=True)
    optimiser = torch.optim.Adam([raw], 0.03)
    terms = []
    for _ in range(50):
        loss, values = learner.loss(lambda photo: (raw, None), batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        terms.append(values)
    assert terms[-1]["landmarks"] < 6 < 20 < terms[0]["landmarks"], terms[-1]  # 2.4 pixels of 224
    assert terms[-1]["image"] < 0.25 * terms[0]["image"], (terms[0], terms[-1])


def test_an_interrupted_run_ends_with_the_same_bits(cache: FaceCache, tmp_path: Path) -> None:
    settings = replace(SMALL, size=32, dropout=0.2)
    plan = paper_plan(2, 2, batch=4)
    whole = train(make_task(cache, settings, plan), plan, tmp_path / "whole", say=lambda line: None)
    for part in (replace(plan, steps=2), plan):
        network = train(make_task(cache, settings, part), part, tmp_path / "parts", say=lambda line: None)
    for key, value in whole.state_dict().items():
        assert torch.equal(value, network.state_dict()[key]), key


def test_the_papers_plan() -> None:
    plan = paper_plan(100)
    assert (plan.steps, plan.batch, plan.rate, plan.decay) == (2000, 16, 1e-3, 0.0)
    assert plan.every == 100 and plan.final == 1.0 and plan.average == 0.0
    assert learning_rate(0, plan) == learning_rate(1999, plan) == 1e-3


@pytest.mark.parametrize("name", ["ours", "basel"])
def test_every_loss_of_the_reference_counts(
    name: str, cache: FaceCache, basel_file: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    weights = MobileFaceNet().state_dict()
    plain = {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")}
    save_file(plain, tmp_path / "net.safetensors")
    settings = replace(
        SMALL, weights=PRESETS["reference"], recogniser=tmp_path / "net.safetensors", image_set=2
    )
    model = load_face_model("ours", "ibug68") if name == "ours" else load_face_model(basel_file)
    learner = FaceLearner(model, settings)
    network = make_network(model, settings)
    torch.nn.init.normal_(network.coefficients.weight, std=0.01)
    stream = FaceStream(cache, np.arange(8), StreamSettings(48, photos=2))
    batch = collate([stream[k] for k in range(4)])
    out = learner.outcome(network, batch, 2)
    assert torch.equal(out.coefficients.identity[0], out.coefficients.identity[1])
    assert not torch.equal(out.coefficients.identity[0], out.coefficients.identity[2])
    total, terms = learner.total(out, batch)
    w = settings.weights
    names = ("attention", "landmarks", "identity", "coefficients", "light", "reflectance")
    assert set(terms) == set(names) and all(value > 0 for value in terms.values())
    assert total.item() == pytest.approx(sum(getattr(w, n) * terms[n] for n in names), rel=1e-5)
    total.backward()
    assert network.confidence.weight.grad.abs().sum() > 0
    with pytest.raises(HeadshotError, match="--recogniser"):
        FaceLearner(model, replace(settings, recogniser=None))
    with pytest.raises(HeadshotError, match="weight 0"):
        FaceLearner(model, replace(settings, weights=Weights(0, 0), recogniser=None)).total(out, batch)


def test_masked_pixels_do_not_count(cache: FaceCache) -> None:
    """Whatever the rendered face is, it cannot be wrong where the mask says that the photo shows none."""
    model = load_face_model("ours")
    learner = FaceLearner(model, SMALL)
    network = make_network(model, SMALL).eval()
    stream = FaceStream(cache, np.arange(8), StreamSettings(48, "mediapipe478", varied=False))
    batch = collate([stream.item(0), stream.item(4)])
    seen = learner.total(learner.outcome(network, batch), batch)[1]["image"]
    batch["mask"] = torch.zeros_like(batch["mask"])
    hidden = learner.total(learner.outcome(network, batch), batch)[1]["image"]
    assert seen > 1e-4 and hidden == pytest.approx(0, abs=1e-9)


def _mean_face_error(cache: FaceCache, basel_file: Path) -> float:
    """Landmark error of the mean face in the middle of every crop, without any network."""
    model = load_front(basel_file)
    still = model.landmarks(basel_coefficients(np.zeros(257)))
    points = [cache.points(i)[MEDIAPIPE_TO_IBUG68] for i in range(len(cache))]
    return float(np.mean([normalised_error(still[None], p[None]) for p in points]))


def test_the_command(cache: FaceCache, basel_file: Path, tmp_path: Path) -> None:
    options = ["--weights", "none", "--depth", "18", "--size", "32", "--renderer", "hard"]
    options += ["--held-out", "0", "--epochs", "2", "--batch", "4", "--workers", "0"]
    options += ["--precision", "bfloat16", "--model", str(basel_file)]
    arguments = ["learn", "face", str(cache.file), str(tmp_path / "run"), *options]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    listed = (tmp_path / "run" / "held-out.txt").read_text(encoding="utf-8").splitlines()
    assert listed == cache.photos and len(listed) == 8
    errors = _curve(tmp_path / "run", "validation", "nme")
    assert len(errors) == 3  # before anything is learned, and once an epoch
    assert errors[0] == pytest.approx(_mean_face_error(cache, basel_file), abs=1e-3)
    assert (tmp_path / "run" / "best" / "network.safetensors").is_file()
    shown = sorted((tmp_path / "run" / "pictures").iterdir())
    assert len(shown) == 3 and np.asarray(Image.open(shown[1])).shape == (3 * 32, 8 * 32, 3)
    for wrong, message in (
        (["--depth", "19"], "--depth is 18"),
        (["--renderer", "x"], "--renderer is"),
        (["--preset", "x"], "--preset is paper or reference"),
        (["--preset", "reference"], "--recogniser"),
        (["--batch", "9"], "fewer than a batch"),
        (["--image-set", "3"], "no whole number of sets"),
        (["--model", "none.npz"], "convert-basel"),
        (["--weights", "none.pth"], "download https"),
    ):
        failed = CliRunner().invoke(app, [*arguments[:3], str(tmp_path / "other"), *options, *wrong])
        code = ExitCode.UNREADABLE if "--model" in wrong else ExitCode.FAILED
        assert failed.exit_code == code and message in failed.output, (wrong, failed.output)


def test_steps_of_an_epoch(cache: FaceCache) -> None:
    assert steps_per_epoch(cache, SMALL, 3) == 2
    assert steps_per_epoch(cache, replace(SMALL, image_set=3), 6) == 1
