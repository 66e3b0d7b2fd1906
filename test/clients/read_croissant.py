"""Reads a training set by its Croissant file, with the reference implementation.

Input: {"file": path of the Croissant file}. Output: {"name", "records": of the set, "columns": [...]}.
"""

import json
import os
import sys

import mlcroissant

job = json.load(sys.stdin)
dataset = mlcroissant.Dataset(jsonld=job["file"])
issues = dataset.metadata.ctx.issues
assert not issues.errors, issues.report()


def shown(value):
    if isinstance(value, bytes):
        return value.decode()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "tolist"):
        return value.tolist()
    return value


records = [
    {name: shown(value) for name, value in record.items()}
    for record in dataset.records(record_set="rows")
]
print(json.dumps({"name": dataset.metadata.name, "records": records}, default=str), flush=True)
# The reader of Parquet now and then aborts on its own threads when the interpreter ends; everything is said by now.
os._exit(0)
