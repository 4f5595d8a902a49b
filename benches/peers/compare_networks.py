"""Times the networks here, in PyTorch and in ONNX Runtime, process after process in turn, and prints Markdown tables.

    pip install torch torchvision onnx onnxruntime
    cargo build --release --example infer
    python compare_networks.py [ROUNDS] [infer|train]
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
OURS = str(HERE.parent.parent / "target/release/examples/infer")
THREADS = os.environ.get("THREADS", "2")
TORCH = [sys.executable, str(HERE / "network_torch.py")]


def run(command):
    environment = {**os.environ, "RAYON_NUM_THREADS": THREADS, "CANDLE_NUM_THREADS": THREADS, "THREADS": THREADS}
    out = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    return json.loads(out.decode().strip().splitlines()[-1])


def table(title, peers, rounds):
    results = {name: [] for name in peers}
    for _ in range(rounds):
        for name, command in peers.items():
            results[name].append(run(command))
    print(f"\n{title}, {THREADS} threads, median of {rounds} processes' medians\n")
    print("| what | ms | of ours | least ms | peak MiB | answer |\n| --- | --- | --- | --- | --- | --- |")
    median = {name: statistics.median(r["median_s"] for r in rows) * 1e3 for name, rows in results.items()}
    ours = median["Thoracast"]
    for name, rows in results.items():
        least = min(r["least_s"] for r in rows) * 1e3
        peak = max(r["peak_kib"] for r in rows) / 1024
        print(f"| {name} | {median[name]:.0f} | {median[name] / ours:.2f} | {least:.0f} | {peak:.0f} | {rows[0]['answer']:.6f} |")
    sys.stdout.flush()


rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
if len(sys.argv) > 2 and sys.argv[2] == "train":
    for arch, height, width, batch in [("densenet161", 150, 250, 8), ("resnet50", 200, 250, 8)]:
        size = [arch, str(height), str(width), "3"]
        peers = {
            "Thoracast": [OURS, *size, "train", str(batch)],
            "PyTorch eager": [*TORCH, "train", *size, str(batch)],
        }
        table(f"{arch}, training step an image, {width} × {height}, batch {batch}", peers, rounds)
else:
    for arch in ["densenet161", "resnet50"]:
        for height in [300, 400]:
            size = [arch, str(height), "500", "10"]
            peers = {"Thoracast": [OURS, *size]}
            for name, how in [("PyTorch eager", "eager"), ("PyTorch channels last", "channels_last"), ("ONNX Runtime", "onnx")]:
                peers[name] = [*TORCH, how, *size]
            table(f"{arch}, 500 × {height}, batch 1", peers, rounds)
