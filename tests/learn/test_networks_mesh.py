"""BabyMeshNet and MeshNet are those of the paper's appendices, layer by layer."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from headshot.learn.networks.babymesh import BabyMeshNet  # noqa: E402
from headshot.learn.networks.meshnet import MeshNet, Skin  # noqa: E402


def count(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def shapes(net: torch.nn.Module, *inputs: torch.Tensor) -> list[tuple[int, ...]]:
    """Output shapes of the convolutions, without the batch, in the order of the call."""
    seen: list[tuple[int, ...]] = []
    for layer in net.convolutions:
        layer.register_forward_hook(lambda module, given, out: seen.append(tuple(out.shape[1:])))
    with torch.no_grad():
        net(*inputs)
    return seen


def test_babymeshnet_is_appendix_a() -> None:
    net = BabyMeshNet()
    assert count(net) == 48_221_762
    assert [count(layer) for layer in (*net.convolutions, net.offsets)] == [
        224, 876, 1_744, 4_640, 48_214_278,
    ]  # fmt: skip
    picture = torch.rand(2, 3, 256, 256)
    assert shapes(net, picture) == [(8, 254, 254), (12, 125, 125), (16, 60, 60), (32, 28, 28)]
    assert net(picture).shape == (2, 2562, 3)


def test_meshnet_is_appendix_b() -> None:
    net = MeshNet()
    assert count(net) == 58_530_774
    assert [count(layer) for layer in (*net.convolutions, net.offsets, net.colours)] == [
        880, 4_640, 18_496, 73_856, 29_216_451, 29_216_451,
    ]  # fmt: skip
    pictures = torch.rand(3, 6, 128, 128).split(3, dim=1)
    assert shapes(net, *pictures) == [(16, 126, 126), (32, 61, 61), (64, 28, 28), (128, 12, 12)]
    offsets, colours, light = net(*pictures)
    assert offsets.shape == colours.shape == (3, 2113, 3)
    assert colours.min() > 0 and colours.max() < 1
    assert light is None


def test_light_adds_one_small_layer_to_meshnet() -> None:
    skin = Skin(torch.rand(2113, 3), torch.rand(9, 3))
    net = MeshNet(skin=skin)
    assert count(net.light) == 124_443
    assert count(net) == 58_530_774 + 124_443
    small = MeshNet(64, 2113, skin)
    picture = torch.rand(2, 3, 64, 64)
    _, albedo, light = small(picture, picture)
    assert light.shape == (2, 9, 3) and albedo.shape == (2, 2113, 3)
    assert (light - skin.light).abs().max() < 0.1  # it starts from what it is given
    assert (albedo - skin.albedo).abs().max() < 0.1


@pytest.mark.parametrize("size", [46, 64, 96])
def test_other_resolutions(size: int) -> None:
    pictures = torch.rand(2, 3, size, size)
    assert MeshNet(size, 50)(pictures, pictures)[0].shape == (2, 50, 3)
    assert BabyMeshNet(size, 50)(pictures).shape == (2, 50, 3)


def test_wrong_sizes_are_named() -> None:
    with pytest.raises(ValueError, match=r"expected pictures \(B, 3, 64, 64\), got \(1, 3, 32, 32\)"):
        BabyMeshNet(64, 10)(torch.rand(1, 3, 32, 32))
    with pytest.raises(ValueError, match="too small"):
        MeshNet(32)


def test_the_first_mesh_is_nearly_the_template() -> None:
    torch.manual_seed(0)
    assert BabyMeshNet(64, 100)(torch.rand(4, 3, 64, 64)).abs().max() < 0.1
