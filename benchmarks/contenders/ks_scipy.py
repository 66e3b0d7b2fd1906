"""D of two samples by scipy, CPU on one core, beside benchmarks/micro/statistics-bench.ts.

    pip install scipy pandas pyarrow
    OMP_NUM_THREADS=1 python benchmarks/contenders/ks_scipy.py BOTH.parquet FEATURE ...
"""
import sys
import time

import pandas
from scipy.stats import ks_2samp

values = pandas.read_parquet(sys.argv[1])
sides = [[values[f"{side}__{name}"].dropna().to_numpy() for side in ("served", "replayed")] for name in sys.argv[2:]]
before = time.process_time()
for served, replayed in sides:
    ks_2samp(served, replayed, method="asymp")
seconds = time.process_time() - before
rate = sum(len(side) for pair in sides for side in pair) / seconds / 1e6
print(f"scipy: {seconds:.3f} s CPU, {rate:.1f} million values a second")
