"""Times whole processes that load a series into HU, one after another in turn, and prints a Markdown table.

    python compare_loading.py FOLDER [RUNS]      FOLDER as make_series.py wrote it

Ours is `target/release/examples/load` (`cargo build --release --example load`).
"""
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
OURS = str(HERE.parent.parent / "target/release/examples/load")
VOXELS_MIB = 400 * 512 * 512 * 2 / 2**20
ONE = {"RAYON_NUM_THREADS": "1"}
PEERS = {
    "Thoracast, 2 threads": ([OURS], {}),
    "Thoracast, 1 thread": ([OURS], ONE),
    "pydicom + numpy": ([sys.executable, str(HERE / "load_pydicom.py")], {}),
    "SimpleITK (GDCM)": ([sys.executable, str(HERE / "load_sitk.py")], {}),
}


def run(command, environment, folder):
    """Seconds, peak MiB and the output of one process."""
    start = time.perf_counter()
    child = subprocess.Popen([*command, str(folder)], env={**os.environ, **environment}, stdout=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    assert status == 0, command
    return time.perf_counter() - start, usage.ru_maxrss / 1024, output.decode().strip()


runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
for series in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    results = {name: [] for name in PEERS}
    for _ in range(runs + 1):
        for name, (command, environment) in PEERS.items():
            results[name].append(run(command, environment, series))
    print(f"\n{series.name}, median (least) of {runs} runs\n")
    print("| what | s | times ours | peak MiB | of the voxels |\n| --- | --- | --- | --- | --- |")
    # The first run of each warms the disk.
    seconds = {name: [r[0] for r in rows[1:]] for name, rows in results.items()}
    ours = statistics.median(seconds["Thoracast, 2 threads"])
    for name, times in seconds.items():
        median, peak = statistics.median(times), max(r[1] for r in results[name])
        print(f"| {name} | {median:.2f} ({min(times):.2f}) | {median / ours:.1f} | {peak:.0f} | {peak / VOXELS_MIB:.2f} |")
    for name, rows in results.items():
        print(f"<!-- {name}: {rows[-1][2]} -->")
