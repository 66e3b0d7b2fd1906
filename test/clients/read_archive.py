"""Reads a folder of the archive with pyarrow, pandas, polars, DuckDB and Spark, each as its manual says.

stdin:  {"folder": of a service's version, "readers": [names]}
stdout: {reader: [[a row's values as text, in the order of COLUMNS], ...]}, rows in the order of their numbers
"""

import json
import math
import struct
import sys
from datetime import datetime, timezone

FEATURES = ["flag", "small", "large", "single", "double", "name", "bytes", "at", "items", "vector", "shares", "both"]
COLUMNS = ["_sequence", "_served_time", "_view__v.status", "_view__v.row_hash", "customer_id"]
COLUMNS += [f"v__{name}" for name in FEATURES]


def text(value):
    """A value as text that keeps every bit; null stays null."""
    if value is None or type(value).__name__ == "NAType":
        return None
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "true" if value else "false"
    if hasattr(value, "timestamp"):
        if getattr(value, "tzinfo", None) is None:
            value = value.replace(tzinfo=timezone.utc)
        since = value - datetime(1970, 1, 1, tzinfo=timezone.utc)
        return str(since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds)
    if isinstance(value, float) or type(value).__name__.startswith("float"):
        return "nan" if math.isnan(value) else struct.pack(">d", float(value)).hex()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, str):
        return value
    if hasattr(value, "asDict"):
        return [text(one) for one in value]
    if isinstance(value, dict):
        return [text(one) for one in value.values()]
    if hasattr(value, "__iter__"):
        return [text(one) for one in value]
    return str(value)


def pairs(value):
    """A map, as whatever a reader gives it, in the order of its keys."""
    if value is None or type(value).__name__ == "NAType":
        return None
    items = value.items() if isinstance(value, dict) else [tuple(one.values()) if isinstance(one, dict) else one for one in value]
    return [[key, text(one)] for key, one in sorted(items)]


def field(row, name):
    column, _, inner = name.partition(".")
    value = row[column]
    return value if inner == "" or value is None else value[inner]


def rows(read):
    read = sorted(read, key=lambda row: row["_sequence"])
    return [[(pairs if name == "v__shares" else text)(field(row, name)) for name in COLUMNS] for row in read]


def by_pyarrow(folder):
    import pyarrow.dataset as ds

    return ds.dataset(folder, partitioning="hive").to_table().to_pylist()


def by_pandas(folder):
    import pandas as pd

    # Without this backend an int64 column with a null becomes one of doubles.
    return pd.read_parquet(folder, dtype_backend="pyarrow").to_dict("records")


def by_polars(folder):
    import polars as pl

    return pl.read_parquet(f"{folder}/**/*.parquet", hive_partitioning=True).to_dicts()


def by_duckdb(folder):
    import duckdb

    duckdb.sql("SET TimeZone = 'UTC'")
    found = duckdb.sql(f"SELECT * FROM read_parquet('{folder}/**/*.parquet', hive_partitioning = true)")
    return [dict(zip(found.columns, row)) for row in found.fetchall()]


def by_spark(folder):
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[2]").config("spark.sql.session.timeZone", "UTC").getOrCreate()
    return [row.asDict() for row in spark.read.parquet(folder).collect()]


asked = json.load(sys.stdin)
by = {"pyarrow": by_pyarrow, "pandas": by_pandas, "polars": by_polars, "duckdb": by_duckdb, "spark": by_spark}
json.dump({name: rows(by[name](asked["folder"])) for name in asked["readers"]}, sys.stdout)
