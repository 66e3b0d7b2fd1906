"""Makes distances-scipy.json: what numpy and scipy say of pairs of numbers, of Student's t, of angles and of categories.

    python3 test/golden/distances-scipy.py > test/golden/distances-scipy.json
"""
import json
import math

import numpy as np
import scipy
from scipy import stats
from scipy.spatial.distance import cosine, jensenshannon

FILL = 1e-4


def share(values, edges):
    counts = np.histogram(values, edges)[0]
    return counts / counts.sum()


def psi(before, after):
    a, b = np.where(before == 0, FILL, before), np.where(after == 0, FILL, after)
    return float(np.sum((b - a) * np.log(b / a)))


def pairs(name, served, replayed):
    a, b = np.asarray(served, float), np.asarray(replayed, float)
    edges = np.histogram_bin_edges(np.concatenate([a, b]), 12)
    size = (np.abs(a) + np.abs(b)) / 2
    relative = np.divide(np.abs(a - b), size, out=np.zeros_like(size), where=size != 0)
    return {
        "name": name,
        "served": a.tolist(),
        "replayed": b.tolist(),
        "d": float(stats.ks_2samp(a, b, method="asymp").statistic),
        "wasserstein": float(stats.wasserstein_distance(a, b)),
        "meanDifference": math.fsum(a - b) / len(a),
        "symmetricRelativeError": math.fsum(relative) / len(a),
        "p99OfServedMinusReplayed": float(np.quantile(a, 0.99) - np.quantile(b, 0.99)),
        "p99OfAbsoluteDifference": float(np.quantile(np.abs(a - b), 0.99)),
        "edges": edges.tolist(),
        "psi": psi(share(b, edges), share(a, edges)),
        "jensenShannon": float(jensenshannon(share(b, edges), share(a, edges), base=2)),
    }


def some_wrong(rng, values, wrong, rows):
    served = np.array(values, float)
    at = rng.choice(len(served), rows, replace=False)
    served[at] = wrong(served[at])
    return served


rng = np.random.default_rng(20261121)
normal = rng.normal(50, 10, 400).round(3)
counts = rng.poisson(3, 300)
heavy = (rng.pareto(1.5, 500) * 10).round(2)
cases = [
    pairs("a few zeros in the place of values", some_wrong(rng, normal, lambda v: v * 0, 40), normal),
    pairs("cents in the place of euros", some_wrong(rng, heavy, lambda v: v * 100, 25), heavy),
    pairs("counts that lag behind", some_wrong(rng, counts, lambda v: np.maximum(v - 1, 0), 90), counts),
    pairs("nothing differs", normal, normal),
    pairs("everything differs", normal + 1e-3, normal),
    pairs("one pair", [2.5], [3.5]),
    pairs("negative and far from zero", 1e9 - normal, 1e9 - some_wrong(rng, normal, lambda v: v + 7, 99)),
]
students = [
    [int(df), float(tail), float(stats.t.ppf(1 - tail / 2, df))]
    for df in (1, 2, 3, 4, 5, 9, 19, 30, 100, 1000)
    for tail in (0.5, 0.1, 0.05, 0.01, 0.001, 1e-6)
]
angles = []
for size in (1, 2, 8, 64):
    a = rng.normal(size=size).astype(np.float32)
    b = (a + rng.normal(scale=0.3, size=size)).astype(np.float32)
    angles.append({"a": a.tolist(), "b": b.tolist(), "cosine": 1 - float(cosine(a.astype(float), b.astype(float)))})
print(
    json.dumps(
        {
            "origin": f"test/golden/distances-scipy.py: scipy {scipy.__version__}, numpy {np.__version__}",
            "pairs": cases,
            "student": students,
            "angles": angles,
        }
    )
)
