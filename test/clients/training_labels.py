"""Labels of every type that Arrow writes to Parquet, and whether a training set still has them.

stdin: {"write": FILE}                       in row groups of 30 rows; entities 0 to 6, of which 0 to 4 have a row
       {"compare": FILE, "with": OUT}        fails with what differs: types, values and metadata of the labels' columns
"""

import json
import sys

import pyarrow as pa
import pyarrow.parquet as pq

ROWS = 100


def labels():
    numbers = range(ROWS)
    columns = {
        "driver_id": pa.array([i % 7 for i in numbers], pa.int64()),
        "event_timestamp": pa.array([1767312000000000 + i for i in numbers], pa.timestamp("us", "Europe/Berlin")),
        "duration_us": pa.array(numbers, pa.duration("us")),
        "duration_ns": pa.array(numbers, pa.duration("ns")),
        "nothing": pa.nulls(ROWS),
        "half": pa.array([None if i % 3 else 1.5 for i in numbers], pa.float16()),
        "large": pa.array([f"a{i}" for i in numbers], pa.large_string()),
        "view": pa.array(["q"] * ROWS, pa.string_view()),
        "category": pa.array([f"x{i % 5}" for i in numbers]).dictionary_encode(),
        "ms": pa.array(numbers, pa.timestamp("ms")),
        "s": pa.array(numbers, pa.timestamp("s")),
        "ns": pa.array(numbers, pa.timestamp("ns", "UTC")),
        "fixed": pa.array([b"ab"] * ROWS, pa.binary(2)),
        "unsigned": pa.array(numbers, pa.uint64()),
        "small": pa.array(numbers, pa.int8()),
        "date": pa.array(numbers, pa.date32()),
        "time": pa.array([1] * ROWS, pa.time32("ms")),
        "decimal": pa.array([1] * ROWS, pa.decimal128(20, 3)),
        "pair": pa.array([[1, 2]] * ROWS, pa.list_(pa.int8(), 2)),
        "struct": pa.array([{"a": 1, "b": [True]}] * ROWS),
        "map": pa.array([[("k", 1)]] * ROWS, pa.map_(pa.string(), pa.int16())),
        "lists": pa.array([[1]] * ROWS, pa.large_list(pa.int32())),
    }
    return pa.table(columns).replace_schema_metadata({"mine": "x"})


def compare(file, out):
    before, after = pq.read_table(file), pq.read_table(out)
    after.validate(full=True)
    kept = after.select(before.column_names)
    types = [str(f) for f, g in zip(before.schema, kept.schema) if not f.equals(g, check_metadata=True)]
    if types or not kept.equals(before) or after.schema.metadata != before.schema.metadata:
        sys.exit(f"types that changed: {types}; equal: {kept.equals(before)}; metadata: {after.schema.metadata}")
    features = {name: str(after.schema.field(name).type) for name in after.column_names[before.num_columns :]}
    for driver, trips in zip(after["driver_id"].to_pylist(), after["stats__c"].to_pylist()):
        if trips != (driver * 10 if driver < 5 else None):
            sys.exit(f"driver {driver} got {trips}")
    print(json.dumps(features))


job = json.load(sys.stdin)
if "write" in job:
    pq.write_table(labels(), job["write"], row_group_size=30)
else:
    compare(job["compare"], job["with"])
