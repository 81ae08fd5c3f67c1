"""Losses about who somebody is: photos of one person, and renderings that a recogniser sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import save_file  # noqa: E402

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn.data import training_crops as store  # noqa: E402
from headshot.learn.data.photos import learn_photo  # noqa: E402
from headshot.learn.losses import people, rendered_identity  # noqa: E402
from headshot.learn.losses.rendered_identity import RenderedIdentity  # noqa: E402
from headshot.learn.networks.mobilefacenet import MobileFaceNet  # noqa: E402
from headshot.models.topologies.ibug68 import five_points  # noqa: E402
from headshot.perception.recognition import aligned_face  # noqa: E402

PHOTOS = Path(__file__).parents[2] / "photos"


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    """A recogniser that has learned nothing, in a file as of one that has."""
    torch.manual_seed(0)
    file = tmp_path_factory.mktemp("recogniser") / "mobilefacenet.safetensors"
    save_file(MobileFaceNet().state_dict(), file)
    return file


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    """Two photos as today's fit sees them, and what is beside one of them."""
    folder = tmp_path_factory.mktemp("store")
    found = [learn_photo(PHOTOS / f"{name}.jpg", "helen", np.random.default_rng(0))
             for name in ("astronaut", "grace_hopper")]  # fmt: skip
    rows = [one.row for one in found] + [one.empty for one in found if one.empty is not None]
    store.save_training_crops(folder, "photos", rows)
    (folder / store.EMBEDDINGS).mkdir()
    vectors = np.random.default_rng(1).normal(size=(len(rows), store.EMBEDDING)).astype(np.float32)
    np.save(folder / store.EMBEDDINGS / "photos.npy", vectors)
    return store.read_training_crops(folder)


def test_agreement_is_blind_to_size_and_sees_strangers():
    random = torch.Generator().manual_seed(0)
    faces = torch.randn(2, 100, generator=random)
    shapes = faces[[0, 0, 1, 1]] + 0.1 * torch.randn(4, 100, generator=random)
    person = torch.tensor([4, 4, 7, 7])
    value = float(people.agreement(shapes, person))
    assert float(people.agreement(0.1 * shapes, person)) == pytest.approx(value, rel=0.05)
    assert value < 0.5 < float(people.agreement(shapes[[0, 2, 1, 3]], person))


def test_the_margin_is_that_of_every_triplet():
    shapes = torch.tensor([[0.0], [0.2], [0.4], [5.0]])
    person = torch.tensor([1, 1, 2, -1])  # the last is nobody's
    # From 0.0: 0.2 away from the own, 0.4 from the other; from 0.2 both are 0.2 away. Nobody else has a mate.
    assert float(people.margin(shapes, person, 0.5)) == pytest.approx((0.3 + 0.5) / 2)
    assert float(people.margin(shapes, person, 0.1)) == pytest.approx((0.0 + 0.1) / 2)
    assert float(people.margin(0.5 * shapes, person, 0.5)) > float(people.margin(shapes, person, 0.5))


@pytest.mark.parametrize("loss", [people.agreement, people.margin])
def test_nobody_to_compare_with_is_no_loss(loss):
    shapes = torch.randn(3, 4, requires_grad=True)
    for person in ([1, 1, -1], [1, 2, 3], [-1, -1, -1]):
        value = loss(shapes, torch.tensor(person))
        value.backward()
        assert float(value.detach()) == 0 and torch.isfinite(shapes.grad).all()


def test_faces_are_drawn_where_the_photos_show_them(crops, recogniser):
    loss = RenderedIdentity(crops, recogniser)
    assert loss.usable.tolist() == [True, True] + [False] * (len(crops) - 2)
    identity = torch.from_numpy(crops.labels["identity"][:2])
    with torch.no_grad():
        drawn = 255 * loss.draw(identity, np.arange(2)).numpy()
    for k, picture in enumerate(drawn):
        five = five_points(crops.labels["points"][k, 478:])
        photo = aligned_face(crops.picture(k), five).astype(np.float32)
        inside = (slice(40, 100), slice(25, 72))
        off = [
            np.abs(np.roll(picture, shift, (0, 1))[inside] - photo[inside]).mean()
            for shift in ((0, 0), (6, 0), (-6, 0), (0, 6), (0, -6))
        ]
        assert off[0] < 22 and off[0] < 0.8 * min(off[1:])


def test_gradients_are_those_of_differences(crops, recogniser):
    """Of the pictures: a recogniser that has learned nothing barely tells faces apart."""
    loss = RenderedIdentity(crops, recogniser)
    random = torch.Generator().manual_seed(0)
    identity = torch.from_numpy(crops.labels["identity"][:2])
    weights = torch.randn(2, 7, 6, 3, generator=random)

    def value(coefficients):
        pictures = loss.draw(coefficients, np.arange(2)).permute(0, 3, 1, 2)
        smooth = torch.nn.functional.adaptive_avg_pool2d(pictures, (7, 6)).permute(0, 2, 3, 1)
        return (smooth * weights).sum()

    moving = identity.clone().requires_grad_(True)
    value(moving).backward()
    slopes = []
    for _ in range(8):
        along = torch.randn(2, 100, generator=random)
        with torch.no_grad():
            difference = float(value(identity + 0.1 * along) - value(identity - 0.1 * along)) / 0.2
        slopes.append([difference, float((moving.grad * along).sum())])
    found, expected = np.array(slopes).T
    # Lids lie so close on eyeballs that what is in front changes from step to step, which no gradient knows.
    assert np.linalg.norm(found - expected) < 0.2 * np.linalg.norm(expected)
    assert np.corrcoef(found, expected)[0, 1] > 0.98


def test_only_so_many_faces_are_rendered(crops, recogniser, monkeypatch):
    loss = RenderedIdentity(crops, recogniser)
    identity = torch.zeros(4, crops.labels["identity"].shape[1], requires_grad=True)
    monkeypatch.setattr(rendered_identity, "FACES", 2)
    value = loss(identity, torch.tensor([-1, 0, 1, 0]))
    value.backward()
    assert 0 < float(value.detach()) < 2
    assert (identity.grad.abs().sum(dim=1) > 0).tolist() == [False, True, True, False]
    nothing = loss(identity, torch.tensor([-1, 2, 2, -1]))
    assert float(nothing.detach()) == 0


def test_without_a_recogniser_it_says_what_to_do(crops, tmp_path):
    with pytest.raises(HeadshotError, match="MobileFaceNet"):
        RenderedIdentity(crops, tmp_path / "none.safetensors")
