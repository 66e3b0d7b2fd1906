"""Makes ranks-scipy.json: what scipy's rank test says of two samples, with and without ties.

    python3 test/golden/ranks-scipy.py > test/golden/ranks-scipy.json
"""
import json

import numpy as np
import scipy
from scipy import stats


def case(name, reference, served):
    a, b = np.asarray(reference, float), np.asarray(served, float)
    found = stats.mannwhitneyu(b, a, use_continuity=False, method="asymptotic")
    shift = 2 * found.statistic / (len(a) * len(b)) - 1
    return {"name": name, "reference": a.tolist(), "served": b.tolist(), "shift": shift, "p": found.pvalue}


rng = np.random.default_rng(20261129)
normal = rng.normal(50, 10, 300).round(4)
print(
    json.dumps(
        {
            "origin": f"scipy {scipy.__version__}: mannwhitneyu(served, reference, use_continuity=False, method='asymptotic')",
            "cases": [
                case("moved a little", normal, rng.normal(51, 10, 400).round(4)),
                case("moved far", normal, rng.normal(80, 10, 200).round(4)),
                case("the same", normal, normal),
                case("counts, many ties", rng.poisson(2, 250), rng.poisson(2.2, 130)),
                case("mostly zeros", rng.poisson(0.2, 500), rng.poisson(0.3, 500)),
                case("heavy tails", (rng.pareto(1.1, 200) * 10).round(2), (rng.pareto(1.1, 90) * 12).round(2)),
                case("one row each", [1], [2]),
                case("one row against many", [3], rng.integers(0, 9, 40)),
                case("apart", [1, 1, 2], [3, 4, 4, 4]),
            ],
        }
    )
)
