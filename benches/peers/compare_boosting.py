"""Times gradient boosting here and in scikit-learn and prints Markdown tables.

    pip install numpy scikit-learn
    cargo build --release
    python compare_boosting.py COHORT [ROUNDS]

Whole processes in turn: read COHORT/clinical_train.csv, standardise, 300 trees of depth 3, read clinical_test.csv, its AUC,
write the model. Without synthetic patients, so that both do the same work. Then, within scikit-learn's process, what
`cargo bench --bench boosting` times here. The peer reads its tables with csv and numpy: pandas would only slow it down.
"""
import csv
import json
import pathlib
import pickle
import resource
import statistics
import subprocess
import sys
import tempfile
import time

OURS = pathlib.Path(__file__).resolve().parents[2] / "target/release/thoracast"
ROOTS = [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67]


def read(path):
    import numpy as np

    raw = pathlib.Path(path).read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("gbk")
    rows = np.array(list(csv.reader(text.splitlines()))[1:], float)
    return rows[:, 1:20], rows[:, 21].astype(int)


def peer(cohort, out):
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.metrics import roc_auc_score
    from sklearn.preprocessing import StandardScaler

    x, y = read(f"{cohort}/clinical_train.csv")
    scaler = StandardScaler().fit(x)
    started = time.perf_counter()
    model = GradientBoostingClassifier(n_estimators=300, random_state=0).fit(scaler.transform(x), y)
    fit = time.perf_counter() - started
    xt, yt = read(f"{cohort}/clinical_test.csv")
    auc = roc_auc_score(yt, model.predict_proba(scaler.transform(xt))[:, 1])
    with open(f"{out}/model.pickle", "wb") as file:
        pickle.dump((scaler, model), file)
    print(json.dumps({"auc": auc, "trees": len(model.estimators_), "fit_s": fit}))


def ours(answer):
    card = answer["card"]
    return {"auc": card["test"]["auc"], "trees": answer["trees"][0]}


def whole(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    out = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True).stdout
    seconds = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, cpu, json.loads(out)


def compare(cohort, rounds):
    with tempfile.TemporaryDirectory() as out:
        commands = {
            "Thoracast": [OURS, "train", "clinical", "--cohort", cohort, "--out", out, "--no-smote", "--json"],
            "scikit-learn": [sys.executable, __file__, "--peer", cohort, out],
        }
        times = {name: [] for name in commands}
        for _ in range(rounds):
            for name, command in commands.items():
                times[name].append(whole(command))
    base = statistics.median(t[0] for t in times["Thoracast"])
    print("| whole process | s, median (least) | times ours | processor s | trees | test AUC |\n| --- | --- | --- | --- | --- | --- |")
    for name, rows in times.items():
        median, least = statistics.median(t[0] for t in rows), min(t[0] for t in rows)
        cpu, answer = statistics.median(t[1] for t in rows), rows[-1][2]
        answer = ours(answer) if name == "Thoracast" else answer
        print(f"| {name} | {median:.3f} ({least:.3f}) | {median / base:.1f} | {cpu:.2f} | {answer['trees']} | {answer['auc']:.4f} |")
    fits = [t[2]["fit_s"] for t in times["scikit-learn"]]
    print(f"\nof which scikit-learn's fit alone: {statistics.median(fits):.3f} s (least {min(fits):.3f})")


def formula(rounds):
    import numpy as np
    from sklearn.ensemble import GradientBoostingClassifier

    print("\n| fit of 300 trees within scikit-learn's process | s, median (least) |\n| --- | --- |")
    for n in [185, 2000, 20_000]:
        i = np.arange(1, n + 1)
        x = np.stack([np.modf(i * np.sqrt(root))[0] for root in ROOTS], 1)
        y = x[:, 0] + x[:, 1] * x[:, 3] + 0.8 * np.modf(i * np.sqrt(71))[0] > 1.05
        seconds = []
        for _ in range(rounds):
            started = time.perf_counter()
            GradientBoostingClassifier(n_estimators=300, random_state=0).fit(x, y)
            seconds.append(time.perf_counter() - started)
        print(f"| {n} patients | {statistics.median(seconds):.3f} ({min(seconds):.3f}) |")


if sys.argv[1] == "--peer":
    peer(*sys.argv[2:4])
else:
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    compare(sys.argv[1], repeats)
    formula(min(repeats, 3))
