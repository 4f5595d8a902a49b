"""One network on the known-answer pattern in PyTorch or ONNX Runtime; prints one line of JSON like `examples/infer.rs`.

    python network_torch.py eager|channels_last|onnx|train ARCH HEIGHT WIDTH [RUNS] [BATCH]
"""
import json
import math
import os
import resource
import statistics
import sys
import tempfile
import time

import numpy as np
import torch
import torchvision
from torch import nn

torch.set_num_threads(int(os.environ.get("THREADS", "2")))


def pattern(name, n, seed=1):
    """The numbers of src/nn/pattern.rs."""
    h = 0xCBF29CE484222325
    for b in name.encode():
        h = ((h ^ b) * 0x100000001B3) % 2**64
    with np.errstate(over="ignore"):
        golden = np.uint64(0x9E3779B97F4A7C15)
        z = np.uint64(h ^ (seed * int(golden) % 2**64)) + (np.arange(n, dtype=np.uint64) + np.uint64(1)) * golden
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        z ^= z >> np.uint64(31)
    return torch.from_numpy(((z >> np.uint64(40)).astype(np.float64) / 2**23 - 1).astype(np.float32))


def build(arch):
    net = getattr(torchvision.models, arch)(weights=None)
    head = lambda n: nn.Sequential(nn.Linear(n, 256), nn.ReLU(), nn.Dropout(0.0), nn.Linear(256, 2), nn.LogSoftmax(dim=1))
    if arch == "densenet161":
        net.classifier = head(net.classifier.in_features)
    else:
        net.fc = head(net.fc.in_features)
    weights = net.state_dict()
    for key, value in weights.items():
        if key.endswith("num_batches_tracked"):
            continue
        u = pattern(key, value.numel()).reshape(value.shape)
        if value.ndim == 4:
            u = u * math.sqrt(6 / value[0].numel())
        elif value.ndim == 2:
            u = u * math.sqrt(3 / value.shape[1])
        elif key.endswith("running_var"):
            u = 1 + 0.1 * u
        elif key.endswith("bn3.weight"):
            u = 0.25 * (1 + 0.1 * u)
        elif key.endswith("weight"):
            u = 1 + 0.1 * u
        else:
            u = 0.1 * u
        weights[key] = u.float()
    net.load_state_dict(weights)
    return net.eval()


def tell(seconds, answer):
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"median_s": statistics.median(seconds), "least_s": min(seconds), "answer": answer, "peak_kib": peak}))


def timed(run, runs, warm):
    seconds = []
    for _ in range(runs + warm):
        start = time.perf_counter()
        answer = run()
        seconds.append(time.perf_counter() - start)
    return seconds[warm:], answer


def train(net, height, width, runs, batch):
    net.train()
    x = torch.cat([2 * pattern(f"input{i}", 3 * height * width).reshape(1, 3, height, width) for i in range(batch)])
    y = torch.tensor([i % 2 for i in range(batch)])
    optimiser, losses, seconds = torch.optim.Adam(net.parameters(), lr=1e-3), [], []
    for _ in range(runs + 1):
        start = time.perf_counter()
        loss = nn.functional.nll_loss(net(x), y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        seconds.append((time.perf_counter() - start) / batch)
    tell(seconds[1:], losses[0])


how, arch, height, width = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
runs = int(sys.argv[5]) if len(sys.argv) > 5 else 20
net = build(arch)
x = 2 * pattern("input", 3 * height * width).reshape(1, 3, height, width)
if how == "train":
    train(net, height, width, runs, int(sys.argv[6]))
elif how == "onnx":
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/net.onnx"
        torch.onnx.export(net, (x,), path, input_names=["x"], dynamo=False)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {"x": x.numpy()}
    tell(*timed(lambda: float(session.run(None, feed)[0][0, 1]), runs, 2))
else:
    if how == "channels_last":
        net, x = net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        tell(*timed(lambda: float(net(x)[0, 1]), runs, 2))
