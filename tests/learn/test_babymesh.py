"""BabyMeshNet learns from pictures: short real trainings."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from headshot.errors import HeadshotError  # noqa: E402
from headshot.learn import babymesh  # noqa: E402
from headshot.learn.engine import Plan  # noqa: E402


def test_a_teapots_silhouette_emerges_from_one_picture(tmp_path: Path) -> None:
    settings = babymesh.BabySettings(size=46, render=48)
    said: list[str] = []
    plan = Plan(40, batch=1, rate=3e-3, warm_up=5, decay=0, average=0.5, every=20, save_every=100)
    task = babymesh.task(settings)
    with torch.no_grad():
        before = task.validate(task.network)
    babymesh.run(tmp_path, settings, plan, say=said.append)
    rows = [line.split(",") for line in (tmp_path / "curves.csv").read_text().splitlines()[1:]]
    after = {row[2]: float(row[3]) for row in rows if row[:2] == ["40", "validation"]}
    assert before["trained_iou"] < 0.65
    assert after["trained_iou"] > before["trained_iou"] + 0.03
    assert after["trained_mse"] < 0.7 * before["trained_mse"]
    assert (tmp_path / "pictures" / "000040.png").is_file()


def test_several_objects_views_and_regularisers_in_one_batch() -> None:
    settings = babymesh.BabySettings(("cube", "cone"), 4, 46, 32, babymesh.REGULARISED)
    task = babymesh.task(settings)
    batch = torch.utils.data.default_collate([task.data[k] for k in range(4)])
    assert batch[1].tolist() == [0, 1, 0, 1]
    optimiser = torch.optim.Adam(task.network.parameters(), 1e-3)
    history = []
    for _ in range(16):
        loss, terms = task.loss(task.network, batch)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        history.append(loss.item())
    assert history[-1] < 0.87 * history[0]
    assert set(terms) == {"mse", "silhouette"}
    scene = babymesh.Scene(settings)
    assert not set(scene.angles) & set(scene.unseen_angles)


def test_unknown_objects_are_named() -> None:
    with pytest.raises(HeadshotError, match=r"no objects \['kettle'\]: there are teapot"):
        babymesh.task(babymesh.BabySettings(("kettle",)))
