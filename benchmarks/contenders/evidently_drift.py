"""What Evidently says of a day that the monitor has judged: its drift report on the same served and replayed values.

    pip install evidently==0.7.23 'pandas<3' pyarrow
    python benchmarks/contenders/evidently_drift.py REPORTS/SERVICE/DATE.parquet FEATURE ...

The file holds each judged value of the day; the replayed values are Evidently's reference, the served ones its current
data. Prints one JSON object: the dataset's verdict, and of each feature its score by the method that Evidently chose, its
p by Kolmogorov-Smirnov, and how many values are wrong. Evidently 0.7.23 needs pandas 2.
"""
import json
import sys

import pandas
from evidently import Report
from evidently.presets import DataDriftPreset


def side(values, name, features):
    texts = values.pivot(index=["request_id", "row_index"], columns="feature", values=name)
    return texts[features].apply(pandas.to_numeric, errors="coerce").reset_index(drop=True)


def metrics(preset, served, replayed):
    return Report([preset]).run(served, replayed).dict()["metrics"]


def drifts(report):
    return {one["config"]["column"]: one for one in report if one["metric_name"].startswith("ValueDrift")}


def main(file, features):
    values = pandas.read_parquet(file)
    values = values[values["feature"].isin(features)]
    served, replayed = (side(values, name, features) for name in ("served", "replayed"))
    report = metrics(DataDriftPreset(), served, replayed)
    share = next(one for one in report if one["metric_name"].startswith("DriftedColumnsCount"))
    chosen, by_ks = drifts(report), drifts(metrics(DataDriftPreset(method="ks"), served, replayed))
    scores = {}
    for feature in features:
        own = values[values["feature"] == feature]
        scores[feature] = {
            "method": chosen[feature]["config"].get("method"),
            "score": float(chosen[feature]["value"]),
            "ks_p": float(by_ks[feature]["value"]),
            "values": len(own),
            "wrong": int((~own["exact"]).sum()),
        }
    drifted = share["value"]
    limit = share["config"].get("drift_share", 0.5)
    verdict = "detected" if drifted["share"] >= limit else "NOT detected"
    print(json.dumps({"dataset": f"Dataset Drift is {verdict}", "drifted": drifted, "features": scores}, indent=1))


main(sys.argv[1], sys.argv[2:])
