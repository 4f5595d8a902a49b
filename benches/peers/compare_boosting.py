"""Whole processes that train gradient boosting of 300 trees: ours and scikit-learn's, on the same table, in turn.

python compare_boosting.py COHORT_FOLDER 5     (needs scikit-learn; thoracast built with --release)

COHORT_FOLDER holds clinical_train.csv as `thoracast simulate` or the study wrote it; both read it, fill nothing,
standardise, and fit 300 trees of depth 3 at rate 0.1 without synthetic patients. `--fit` is the inner call.
"""
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "target" / "release" / "thoracast"
COLUMNS = slice(1, 20)


def fit(folder):
    """scikit-learn's side: one process, nothing kept."""
    import csv

    import numpy as np
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.preprocessing import StandardScaler

    raw = (pathlib.Path(folder) / "clinical_train.csv").read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gbk")
    rows = list(csv.reader(text.splitlines()))[1:]
    x = np.array([[float(v) for v in r[COLUMNS]] for r in rows])
    y = np.array([int(float(r[21])) for r in rows])
    start = time.perf_counter()
    model = GradientBoostingClassifier(n_estimators=300, random_state=0).fit(StandardScaler().fit_transform(x), y)
    print(f"fit {time.perf_counter() - start:.4f} s, last loss {model.train_score_[-1]:.4f}", file=sys.stderr)


def run(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


if __name__ == "__main__":
    if sys.argv[1] == "--fit":
        fit(sys.argv[2])
        sys.exit()
    folder, rounds = sys.argv[1], int(sys.argv[2])
    with tempfile.TemporaryDirectory() as out:
        ours = [str(PROGRAM), "train", "clinical", "--cohort", folder, "--no-smote", "--out", out]
        theirs = [sys.executable, __file__, "--fit", folder]
        times = {"thoracast": [], "scikit-learn": []}
        for _ in range(rounds):
            times["thoracast"].append(run(ours))
            times["scikit-learn"].append(run(theirs))
    for name, seconds in times.items():
        print(f"{name}: median {statistics.median(seconds):.3f} s (least {min(seconds):.3f})")
    ratio = statistics.median(times["scikit-learn"]) / statistics.median(times["thoracast"])
    print(f"ours is {ratio:.1f} times as fast, whole process")
