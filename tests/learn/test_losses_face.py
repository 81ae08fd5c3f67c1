"""The face losses on inputs whose values are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn.losses import face as losses  # noqa: E402
from headshot.learn.networks.mobilefacenet import POINTS, MobileFaceNet, load_mobilefacenet  # noqa: E402


def test_the_papers_losses() -> None:
    photo = torch.zeros(2, 4, 5, 3)
    picture = photo.clone()
    picture[0, 1, 2] = 0.5  # one of 40 pixels
    assert losses.image_loss(picture, photo).item() == pytest.approx(0.25 / 40)
    targets = torch.zeros(2, 68, 2)
    points = targets.clone()
    points[1, 30] = torch.tensor([3.0, 4.0])
    assert losses.landmark_loss(points, targets).item() == pytest.approx(25 / 136)
    weights = losses.landmark_weights("ibug68")
    assert weights is not None and weights.sum() == 20 * 17 + 51
    assert losses.landmark_loss(points, targets, weights).item() == pytest.approx(20 * 25 / 136)
    assert losses.landmark_weights("mediapipe478") is None


def test_skin_attention() -> None:
    picture, photo = torch.zeros(1, 1, 3, 3), torch.zeros(1, 1, 3, 3)
    picture[0, 0, :, 0] = torch.tensor([0.3, 0.6, 0.9])
    attention = losses.skin_attention(torch.tensor([[[0.7, 0.2, 0.0]]]))
    expected = (1 * 0.3 + 0.2 * 0.6) / 1.2
    assert losses.attention_loss(picture, photo, attention).item() == pytest.approx(expected, rel=1e-3)
    picture.zero_().requires_grad_()
    losses.attention_loss(picture, photo, attention).backward()
    assert torch.isfinite(picture.grad).all()


def test_regularisation_reflectance_and_light() -> None:
    ones = torch.ones(2, 10)
    assert losses.regularisation(ones, 2 * ones, 0 * ones).item() == pytest.approx(10 + 0.8 * 40)
    assert losses.regularisation(0 * ones, 0 * ones, ones).item() == pytest.approx(0.017)
    reflectance = torch.zeros(1, 4, 3)
    reflectance[0, :, 0] = torch.tensor([0.0, 1.0, 9.0, 5.0])
    # of the first two vertices: 1/4 in red, nothing in green and blue
    skin = torch.tensor([1.0, 1.0, 0.0, 0.0])
    assert losses.reflectance_loss(reflectance, skin).item() == pytest.approx(0.25 / 3)
    white = torch.randn(9).repeat(3)[None]
    assert losses.light_loss(white).item() == pytest.approx(0, abs=1e-12)
    coloured = torch.zeros(1, 27)
    coloured[0, 0] = 3.0  # red differs: mean 1, squares 4, 1, 1
    assert losses.light_loss(coloured).item() == pytest.approx(6 / 27)


def test_aggregation_weighs_photos_of_a_person() -> None:
    identity = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 5.0], [7.0, 9.0]])
    confidence = torch.tensor([[1.0, 1.0], [3.0, 0.0], [1.0, 1.0], [1.0, 3.0]])
    found = losses.aggregate(identity, confidence, 2)
    expected = torch.tensor([[2.5, 0.0], [2.5, 0.0], [6.0, 8.0], [6.0, 8.0]])
    torch.testing.assert_close(found, expected)
    with pytest.raises(ValueError, match="sets of 3"):
        losses.aggregate(identity, confidence, 3)


def test_similarity_and_crop_find_the_place() -> None:
    targets = torch.tensor(POINTS)
    c, s = 1.7 * np.cos(0.4), 1.7 * np.sin(0.4)
    truth = torch.tensor([[c, -s, 20.0], [s, c, -5.0]], dtype=torch.float32)
    points = (targets @ truth[:, :2].T + truth[:, 2])[None]
    torch.testing.assert_close(losses.similarity(points, targets)[0], truth, rtol=1e-4, atol=1e-3)
    picture = torch.arange(30.0).view(1, 5, 6, 1).expand(-1, -1, -1, 3)
    moved = losses.crop(picture, torch.tensor([[[1.0, 0, 2], [0, 1.0, 1]]]), (3, 4))
    torch.testing.assert_close(moved[0, 0], picture[0, 1:4, 2:6, 0])


def test_identity_loss(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = MobileFaceNet().state_dict()
    save_file(
        {k: v for k, v in weights.items() if not k.endswith("num_batches_tracked")},
        tmp_path / "n.safetensors",
    )
    loss = losses.IdentityLoss(load_mobilefacenet(tmp_path / "n.safetensors"))
    photo = torch.rand(2, 64, 64, 3)
    five = (torch.tensor(POINTS) * 0.5)[None].expand(2, -1, -1)
    assert loss(photo, photo, five).item() == pytest.approx(0, abs=1e-5)
    other = torch.rand(2, 64, 64, 3).requires_grad_()
    value = loss(other, photo, five)
    value.backward()
    assert 0 < value.item() < 2 and other.grad.abs().sum() > 0
    save_file({"conv1.conv.weight": torch.zeros(64, 3, 3, 3)}, tmp_path / "other.safetensors")
    with pytest.raises(HeadshotError, match="other names"):
        load_mobilefacenet(tmp_path / "other.safetensors")
    with pytest.raises(HeadshotError, match="there is no"):
        load_mobilefacenet(tmp_path / "missing.safetensors")


def test_the_recogniser_separates_people(data: Path) -> None:
    """Real weights on two people of LFW: the same person's photos are nearer than another's."""
    from headshot.image.photo import read_photo
    from headshot.perception.detection.detect import detect_faces

    network = load_mobilefacenet(data / "face-embedding" / "mobilefacenet.safetensors")
    folder = data / "lfw-deepfunneled"
    names = ["Laura_Bush/Laura_Bush_0001", "Laura_Bush/Laura_Bush_0003", "Kofi_Annan/Kofi_Annan_0001"]
    embeddings = []
    for name in names:
        pixels = read_photo(folder / f"{name}.jpg").pixels
        five = torch.tensor(detect_faces(pixels)[0].points, dtype=torch.float32)[None]
        picture = torch.tensor(pixels)[None].float() / 255
        maps = losses.similarity(five, torch.tensor(POINTS))
        embeddings.append(network(losses.crop(picture, maps, (112, 96)))[0])
    same, different = embeddings[0] @ embeddings[1], embeddings[0] @ embeddings[2]
    assert same > 0.4 > different
