"""Reads the Delta table of a view's history with deltalake, polars and, where its jars are given, Spark.

stdin:  {"table": folder, "jars": the class path of Delta for Spark, or null}
stdout: {reader: [[a row's values as text, in the order of its columns], ...]}, rows sorted
"""

import json
import struct
import sys

import polars as pl
from deltalake import DeltaTable

COLUMNS = ["customer_id", "event_time", "created_time", "run_id", "definition_id", "deleted", "count_7d", "average_30d", "favorite"]


def text(value):
    if value is None:
        return None
    if hasattr(value, "isoformat"):
        return value.strftime("%Y-%m-%d %H:%M:%S.%f")
    return struct.pack(">d", value).hex() if isinstance(value, float) else str(value)


def rows(values):
    return sorted([text(row[name]) for name in COLUMNS] for row in values)


def spark_rows(table, jars):
    from pyspark.sql import SparkSession

    builder = (
        SparkSession.builder.master("local[2]")
        .config("spark.driver.extraClassPath", jars)
        .config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
        .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
    )
    spark = builder.getOrCreate()
    try:
        return rows(row.asDict() for row in spark.read.format("delta").load(table).collect())
    finally:
        spark.stop()


asked = json.load(sys.stdin)
table = DeltaTable(asked["table"])
read = {
    "deltalake": rows(table.to_pyarrow_table().to_pylist()),
    "polars": rows(pl.read_delta(asked["table"]).to_dicts()),
}
if asked["jars"] is not None:
    read["spark"] = spark_rows(asked["table"], asked["jars"])
json.dump(read, sys.stdout)
