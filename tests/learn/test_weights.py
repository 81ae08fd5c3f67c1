"""Smaller files predict the same."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import pytest

torch = pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")

from headshot.learn.weights import compress  # noqa: E402


def test_compressed_weights_predict_nearly_the_same(tmp_path):
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(16, 64, 1), torch.nn.ReLU(), torch.nn.Conv2d(64, 8, 1), torch.nn.Flatten(),
        torch.nn.Linear(8 * 9, 5),
    ).eval()  # fmt: skip
    with torch.no_grad():
        network[0].weight[3] = 0  # a dead output must not divide by zero
    picture = np.random.default_rng(0).normal(size=(2, 16, 3, 3)).astype(np.float32)
    sizes, answers = [], []
    for name, eight in (("plain", None), ("half", None), ("coarse", 1024)):
        file = tmp_path / f"{name}.onnx"
        torch.onnx.export(network, (torch.from_numpy(picture),), str(file), dynamo=False, input_names=["x"])
        if name != "plain":
            compress(file, eight_bits_from=eight)
        sizes.append(file.stat().st_size)
        answers.append(ort.InferenceSession(file).run(None, {"x": picture})[0])
    assert sizes[0] > sizes[1] + 2000 and sizes[1] > sizes[2] + 500
    scale = np.abs(answers[0]).max()
    assert 0 < np.abs(answers[1] - answers[0]).max() < 1e-3 * scale
    assert 1e-5 * scale < np.abs(answers[2] - answers[0]).max() < 0.02 * scale
    types = {w.data_type for w in onnx.load(tmp_path / "coarse.onnx").graph.initializer if len(w.dims) > 1}
    assert {onnx.TensorProto.INT8, onnx.TensorProto.FLOAT16} <= types
