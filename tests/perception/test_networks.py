"""The registry says what the files hold; sessions are shared; head models without networks raise."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from headshot import assets
from headshot.errors import AssetError
from headshot.perception import identity, networks, segmentation
from headshot.perception.landmarks import in_house, mediapipe
from headshot.perception.networks import (
    HEAD_MODEL,
    NETWORKS,
    require_head_model,
    run_network,
    session,
    unusable_networks,
)


def test_every_network_among_the_assets_is_registered() -> None:
    assert {f"{name}.onnx" for name in NETWORKS} == {n for n in assets.manifest() if n.endswith(".onnx")}


@pytest.mark.parametrize("name", NETWORKS)
def test_files_have_the_inputs_and_outputs_of_their_entries(name: str) -> None:
    network, found = NETWORKS[name], session(name)
    assert [i.name for i in found.get_inputs()] == list(network.inputs)
    for put, expected in zip(found.get_inputs(), network.inputs.values(), strict=True):
        assert len(put.shape) == len(expected)
        assert all(a == b or isinstance(b, str) for a, b in zip(put.shape, expected, strict=True)), put.shape
        assert put.type == ("tensor(uint8)" if put.name == "pixels" else "tensor(float)")
    assert {output.name for output in found.get_outputs()} == set(network.outputs)


def test_crop_sizes_are_those_of_the_entries() -> None:
    for name, module in (
        ("face_landmarks", mediapipe),
        ("regressor", in_house),
        ("identity", identity),
        ("segmentation", segmentation),
    ):
        assert NETWORKS[name].inputs["pixels"][1:] == (module.SIZE, module.SIZE, 3)


def test_threads_share_one_session(monkeypatch: pytest.MonkeyPatch) -> None:
    loads = []
    opened = networks.open_network
    monkeypatch.setattr(networks, "open_network", lambda *a, **k: loads.append(a) or opened(*a, **k))
    networks._loaded.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: session("mtcnn_rnet"), range(8)))
    assert len(loads) == 1 and all(one is found[0] for one in found)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match=r"no network 'magic'.*segmentation"):
        session("magic")


def test_coefficients_belong_to_a_head_model() -> None:
    assert unusable_networks(HEAD_MODEL) == ()
    assert unusable_networks("flame-2020") == ("regressor", "identity")
    require_head_model("identity", HEAD_MODEL)
    require_head_model("segmentation", "flame-2020")
    with pytest.raises(AssetError, match=r"'identity'.*'headshot-1'.*none for 'flame-2020'.*landmarks"):
        require_head_model("identity", "flame-2020")


def test_many_inputs_are_given_in_parts_and_change_nothing() -> None:
    rng = np.random.default_rng(0)
    for name, side in (("mtcnn_rnet", 24), ("mtcnn_onet", 48), ("regressor", 128)):
        network, found = NETWORKS[name], Counted(name)
        pixels = rng.integers(0, 256, (2 * network.batch + 1, side, side, 3), dtype=np.uint8)
        parts = run_network(name, list(network.outputs), {"pixels": pixels}, found)
        assert found.counts == [network.batch, network.batch, 1]
        for one, other in zip(
            parts, session(name).run(list(network.outputs), {"pixels": pixels}), strict=True
        ):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


class Counted:
    """A network that notes how many inputs it gets at a time."""

    def __init__(self, name: str) -> None:
        self.network, self.counts = session(name), []

    def run(self, outputs: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.counts.append(len(next(iter(feed.values()))))
        return self.network.run(outputs, feed)


def test_no_memory_is_kept_by_the_size_of_inputs() -> None:
    """ONNX Runtime's plans, and the blocks of its arena, grow with the sizes that it sees."""
    for name, network in NETWORKS.items():
        options = session(name).get_session_options()
        varying = any(isinstance(side, str) for shape in network.inputs.values() for side in shape[1:])
        assert not options.enable_mem_pattern
        assert options.enable_cpu_mem_arena != varying
