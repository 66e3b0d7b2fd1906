"""What Evidently says of the values that a day served beside those that training sees: its drift report over both.

    pip install evidently==0.7.23 'pandas<3' pyarrow
    python benchmarks/contenders/evidently_drift.py BOTH.parquet FEATURE ...

The file has a row a vector and two columns a feature, `served__FEATURE` and `replayed__FEATURE`; the replayed values are
Evidently's reference, the served ones its current data. Prints one JSON object: the dataset's verdict, the CPU seconds of
the report alone, and of each feature its score by the method that Evidently chose, its p by Kolmogorov-Smirnov, and how
many values are wrong. Evidently 0.7.23 needs pandas 2.
"""
import json
import sys
import time

import pandas
from evidently import Report
from evidently.presets import DataDriftPreset


def side(values, name, features):
    named = values[[f"{name}__{feature}" for feature in features]]
    return named.set_axis(features, axis="columns")


def metrics(preset, served, replayed):
    return Report([preset]).run(served, replayed).dict()["metrics"]


def drifts(report):
    return {one["config"]["column"]: one for one in report if one["metric_name"].startswith("ValueDrift")}


def main(file, features):
    values = pandas.read_parquet(file)
    served, replayed = (side(values, name, features) for name in ("served", "replayed"))
    before = time.process_time()
    report = metrics(DataDriftPreset(), served, replayed)
    seconds = time.process_time() - before
    share = next(one for one in report if one["metric_name"].startswith("DriftedColumnsCount"))
    chosen, by_ks = drifts(report), drifts(metrics(DataDriftPreset(method="ks"), served, replayed))
    scores = {}
    for feature in features:
        same = (served[feature] == replayed[feature]) | (served[feature].isna() & replayed[feature].isna())
        scores[feature] = {
            "method": chosen[feature]["config"].get("method"),
            "score": float(chosen[feature]["value"]),
            "ks_p": float(by_ks[feature]["value"]),
            "values": len(values),
            "wrong": int((~same).sum()),
        }
    drifted = share["value"]
    limit = share["config"].get("drift_share", 0.5)
    verdict = "detected" if drifted["share"] >= limit else "NOT detected"
    result = {"dataset": f"Dataset Drift is {verdict}", "cpu_seconds": seconds, "drifted": drifted, "features": scores}
    print(json.dumps(result, indent=1))


main(sys.argv[1], sys.argv[2:])
