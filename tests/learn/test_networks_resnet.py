"""ResNet and the regressor on it: sizes, torchvision's names, files of its layout."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn.networks.regressor import FaceRegressor  # noqa: E402
from headshot.learn.networks.resnet import ResNet, load_imagenet  # noqa: E402


def test_sizes_and_names_are_torchvisions() -> None:
    def count(network: ResNet) -> int:
        return sum(p.numel() for p in network.parameters())

    # torchvision's networks have 11,689,512, 21,797,672 and 25,557,032 weights with their classifiers
    assert count(ResNet(18)) == 11_689_512 - 512 * 1000 - 1000
    assert count(ResNet(34)) == 21_797_672 - 512 * 1000 - 1000
    network = ResNet(50)
    assert count(network) == 25_557_032 - 2048 * 1000 - 1000
    shapes = {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert len(shapes) == 318  # 320 with the classifier
    assert shapes["layer1.0.downsample.0.weight"] == (256, 64, 1, 1)
    assert shapes["layer4.2.conv3.weight"] == (2048, 512, 1, 1)
    assert shapes["layer3.5.bn2.running_var"] == (256,)
    assert network.layer2[0].conv2.stride == (2, 2) and network.layer2[0].conv1.stride == (1, 1)
    assert network(torch.rand(1, 3, 64, 64)).shape == (1, 2048)
    with pytest.raises(HeadshotError, match="ResNet-101"):
        ResNet(101)


def test_weights_of_torchvisions_layout_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    saved = ResNet(18)
    state = {**saved.state_dict(), "fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    torch.save(state, tmp_path / "resnet18.pth")
    network = ResNet(18)
    load_imagenet(network, tmp_path / "resnet18.pth")
    picture = torch.rand(1, 3, 40, 48)
    assert torch.equal(network.eval()(picture), saved.eval()(picture))
    with pytest.raises(HeadshotError, match="not of ResNet-34"):
        load_imagenet(ResNet(34), tmp_path / "resnet18.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(HeadshotError, match="as weights as torchvision has them"):
        load_imagenet(network, tmp_path / "text.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(HeadshotError, match=r"download https://download.pytorch.org/models/resnet50-.*pth"):
        load_imagenet(ResNet(50), "torch.hub")
    place = tmp_path / "hub" / "checkpoints"
    place.mkdir(parents=True)
    torch.save(state, place / "resnet18-f37072fd.pth")
    load_imagenet(network, "torch.hub")


def test_pickled_code_is_not_run(tmp_path: Path) -> None:
    class Harmful:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (Path.touch, (tmp_path / "harmed",))

    torch.save({"conv1.weight": Harmful()}, tmp_path / "bad.pth")
    with pytest.raises(HeadshotError, match="as weights as torchvision has them"):
        load_imagenet(ResNet(18), tmp_path / "bad.pth")
    assert not (tmp_path / "harmed").exists()


def test_the_regressor_begins_with_zeros() -> None:
    network = FaceRegressor(257, depth=18, confidences=80)
    raw, confidence = network(torch.rand(3, 3, 64, 64))
    assert raw.shape == (3, 257) and (raw == 0).all()
    assert confidence is not None and confidence.shape == (3, 80) and (confidence == 0.5).all()
    assert FaceRegressor(10, depth=18).eval()(torch.rand(1, 3, 64, 64))[1] is None
