"""Registry of the bundled networks; each is loaded when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from threading import Lock
from types import MappingProxyType
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as state

from headshot import assets
from headshot.arrays import F32
from headshot.errors import AssetError

HEAD_MODEL = "headshot-1"
"""The head model whose coefficients the in-house networks predict: that of ``head_model.npz``."""


@dataclass(frozen=True)
class Network:
    """An ONNX network among the assets.

    Attributes:
        purpose: what it is for.
        inputs: names and shapes, N faces; pixels are uint8 sRGB, normalised inside of the network, all others
            float32.
        outputs: names and what they are.
        head_model: id of the head model whose coefficients or landmarks' errors it was trained for; None
            where it serves any head model.
        threads: of ONNX Runtime. One everywhere: callers run networks side by side, and the results do not
            depend on the number of processors.
        batch: inputs that `run_network` gives to it at once at most. Memory grows with them, from 0.2 MB of
            MTCNN's second network to 4 MB of the in-house one each, time does not fall further, and ONNX
            Runtime keeps the most that it ever took. Results are the same for any number.
        keeps_memory: whether ONNX Runtime keeps the memory of a run for the next ones. It saves asking the
            system for it, but where sizes differ from run to run, blocks of all sizes pile up: 150 MB for
            MTCNN's first network over a hundred photos, which is 2 % slower without.
    """

    purpose: str
    inputs: Mapping[str, tuple[str | int, ...]]
    outputs: Mapping[str, str]
    head_model: str | None = None
    threads: int = 1
    batch: int = 8
    keeps_memory: bool = True


def _pixels(*sides: int | str) -> Mapping[str, tuple[str | int, ...]]:
    return {"pixels": ("N", *(sides * 2 if len(sides) == 1 else sides), 3)}


_SCORES = "of no face and of a face, softmax"
_CORRECTIONS = "corrections of the box in its sides"

NETWORKS: Mapping[str, Network] = MappingProxyType(
    {
        "mtcnn_pnet": Network(
            "face detection: MTCNN's proposals over an image pyramid",
            _pixels("H", "W"),
            {"scores": _SCORES, "boxes": _CORRECTIONS},
            keeps_memory=False,
        ),
        "mtcnn_rnet": Network(
            "face detection: MTCNN's refinement of proposals",
            _pixels(24),
            {"scores": _SCORES, "boxes": _CORRECTIONS},
            batch=64,
        ),
        "mtcnn_onet": Network(
            "face detection: MTCNN's last decision, and five points",
            _pixels(48),
            {"scores": _SCORES, "boxes": _CORRECTIONS, "points": "five x, then five y, in shares of the box"},
            batch=16,
        ),
        "face_detector": Network(
            "face detection: BlazeFace, for large faces that MTCNN misses",
            _pixels(128),
            {"scores": "of 896 anchors, sigmoid", "boxes": "box and six points from each anchor, pixels"},
        ),
        "face_landmarks": Network(
            "478 landmarks (MediaPipe's Face Landmarker)",
            _pixels(256),
            {"points": "(478, 3) pixels of the crop", "presence": "probability of a face"},
        ),
        "face_blendshapes": Network(
            "52 ARKit expression weights from landmarks (MediaPipe's Face Landmarker)",
            {"points": (1, 146, 2)},
            {"scores": '"_neutral" and 51 ARKit weights, in [0, 1]'},
        ),
        "regressor": Network(
            "landmarks with standard deviations, pose, expression, identity, light and albedo: the in-house "
            "landmark network",
            _pixels(128),
            {
                "points": "(546, 2) in shares of the crop",
                "sigma": "(546,) likewise",
                "identity": "(100,) coefficients",
                "identity_sigma": "(100,)",
                "expression": "(52,) ARKit weights",
                "rotation": "(3, 3)",
                "place": "(3,) origin in shares of the crop, logarithm of shares a millimetre",
                "light": "(27,) spherical harmonics",
                "albedo": "(60,) coefficients",
                "presence": "probability of a face",
            },
            HEAD_MODEL,
        ),
        "refiner": Network(
            "refinement of the in-house network's landmarks",
            {**_pixels(128), "points": ("N", 546, 2), "sigma": ("N", 546)},
            {"refined": "(546, 2) in shares of the crop", "refined_sigma": "(546,) likewise"},
        ),
        "identity": Network(
            "identity prior from face-recognition features, and an embedding to compare people by",
            _pixels(112),
            {"identity": "(100,) coefficients", "identity_sigma": "(100,)", "embedding": "(256,)"},
            HEAD_MODEL,
        ),
        "segmentation": Network(
            "parts of the face and what hides it, 14 classes",
            {"pixels": (1, 256, 256, 3)},
            {"probabilities": "(14, 256, 256), they sum up to 1"},
        ),
    }
)
"""By the name of their asset without ``.onnx``."""

FAILURES: tuple[type[Exception], ...] = (
    state.EPFail, state.EngineError, state.Fail, state.InvalidArgument, state.InvalidGraph,
    state.InvalidProtobuf, state.NoModel, state.NoSuchFile, state.NotImplemented, state.RuntimeException,
)  # fmt: skip
"""What ONNX Runtime raises on files that hold no network which it can run."""

_lock = Lock()


def session(name: str) -> ort.InferenceSession:
    """A network of the registry in ONNX Runtime; the same one for all callers, safe to share between threads.

    Args:
        name: of `NETWORKS`.

    Raises:
        ValueError: there is no such network.
        AssetError: its file is missing or altered.
    """
    if name not in NETWORKS:
        raise ValueError(f"there is no network {name!r}; there are {', '.join(NETWORKS)}")
    with _lock:  # so that two threads that need it first do not load it twice
        return _loaded(name)


@cache
def _loaded(name: str) -> ort.InferenceSession:
    network = NETWORKS[name]
    return open_network(assets.path(f"{name}.onnx"), network.threads, keeps_memory=network.keeps_memory)


def open_network(file: Path, threads: int = 1, *, keeps_memory: bool = True) -> ort.InferenceSession:
    """The network of an ONNX file in ONNX Runtime, with its errors; see `Network` for the arguments."""
    options = ort.SessionOptions()
    options.enable_cpu_mem_arena = keeps_memory
    # ONNX Runtime would keep a plan of the memory for each size of input that it has ever seen, and for each
    # run take all of it in one block, of which none of another size has the place.
    options.enable_mem_pattern = False
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    options.log_severity_level = 3
    return ort.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def run_network(
    name: str,
    outputs: Sequence[str],
    feed: Mapping[str, NDArray[Any]],
    network: ort.InferenceSession | None = None,
) -> list[F32]:
    """What a network gives for N inputs, of which it gets `Network.batch` at a time.

    Args:
        name: of `NETWORKS`.
        outputs: names of those that are wanted.
        feed: inputs by name, each (N, ...), N from 1.
        network: another one with the same inputs and outputs, opened by `open_network`; None for that of the
            registry.

    Returns:
        Each output, (N, ...).

    Raises:
        ValueError: there is no such network.
        AssetError: its file is missing or altered.
    """
    found = network or session(name)
    count, most = len(next(iter(feed.values()))), NETWORKS[name].batch
    if count <= most:
        return list(found.run(list(outputs), dict(feed)))
    parts = [
        found.run(list(outputs), {key: value[first : first + most] for key, value in feed.items()})
        for first in range(0, count, most)
    ]
    return [np.concatenate(values) for values in zip(*parts, strict=True)]


def unusable_networks(head_model: str) -> tuple[str, ...]:
    """Networks whose coefficients are another head model's, by name.

    Args:
        head_model: id of a head model, such as `HEAD_MODEL`.
    """
    return tuple(name for name, n in NETWORKS.items() if n.head_model not in (None, head_model))


def require_head_model(name: str, head_model: str) -> None:
    """Check that a network predicts coefficients of a head model.

    Args:
        name: of `NETWORKS`.
        head_model: id of the head model to be fitted.

    Raises:
        AssetError: it predicts those of another one.
    """
    if name in unusable_networks(head_model):
        network = NETWORKS[name]
        raise AssetError(
            f"the network {name!r} ({network.purpose}) predicts coefficients of the head model "
            f"{network.head_model!r}, and there is none for {head_model!r}: fit this model to landmarks "
            f"with its own statistics, without {', '.join(unusable_networks(head_model))}"
        )
