"""Runs on-demand views over the rows of Parquet files, by `compute` over batches or by `compute_in_spark`.

stdin:  {"project", "plumb": [command], "views": [ids], "rows": [Parquet files with the arguments and rid], "out": a file or,
        of Spark, a folder, "spark": bool, "refused": [[view, inputs]]}
stdout: {"rows", "refused": [sentences], "cpu": seconds of this process, of Spark's own, and of those that ended below it}
"""

import json
import resource
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

CLIENT = str(Path(__file__).parents[2] / "clients" / "python")
sys.path.insert(0, CLIENT)

from plumbline_client import ComputeError, compute, compute_in_spark  # noqa: E402

asked = json.load(sys.stdin)
how = {"project": asked["project"], "plumb": asked["plumb"]}


def refused(of, view, inputs, rows):
    try:
        for _ in of(rows, view, inputs=inputs, **how) or ():
            pass
    except (ComputeError, ValueError) as error:
        return str(error)
    return "taken"


def by_batches():
    table = pa.concat_tables(pq.read_table(file) for file in asked["rows"])
    for view in asked["views"]:
        table = pa.Table.from_batches(compute(table.to_batches(max_chunksize=7_000), view, **how))
    pq.write_table(table, asked["out"])
    return table.num_rows, [refused(compute, *one, table.to_batches()) for one in asked["refused"]]


def by_spark():
    import os

    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join([CLIENT, os.environ.get("PYTHONPATH", "")])
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master("local[2]").appName("plumbline").config("spark.ui.enabled", "false")
    builder = builder.config("spark.driver.bindAddress", "127.0.0.1").config("spark.driver.host", "127.0.0.1")
    spark = builder.config("spark.sql.session.timeZone", "Europe/Paris").getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    try:
        frame = rows = spark.read.parquet(*asked["rows"])
        for view in asked["views"]:
            frame = compute_in_spark(frame, view, **how)
        frame.write.mode("overwrite").parquet(asked["out"])
        said = [refused(compute_in_spark, view, inputs, rows) for view, inputs in asked["refused"]]
        # A reader that has enough goes away, and nothing fails.
        assert len(compute_in_spark(rows, asked["views"][0], **how).limit(3).collect()) == 3
        return spark.read.parquet(asked["out"]).count(), said
    finally:
        spark.stop()


rows, said = by_spark() if asked["spark"] else by_batches()
cpu = [sum(resource.getrusage(of)[:2]) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
print(json.dumps({"rows": rows, "refused": said, "cpu": cpu}))
