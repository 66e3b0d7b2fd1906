"""Runs jobs of Plumbline in Spark: Parquet by paths, SQL over it, Parquet out. It has no logic of its own.

    spark-submit runner.py SOCKET

Jobs come one a line over that socket (spark-session.ts has the other end), and are done one after the other; where it
is closed, Spark ends. A job (spark-job.ts writes it) is JSON:

    session   {name: value}                              settings of the session
    tables    [{name, files, schema, places, united}]    Parquet to read; schema: DDL, or null: that of the files; places:
                                                         with `~file`, a URL, and `~index`, the row's place from 0
    outputs   [{name, sql, folder}]                      run in this order; each becomes a folder of Parquet and can be
                                                         read by later SQL under its name

What it says stands on stdout, one line each that begins with `plumb ` and goes on in JSON:

    {"step": name, "done": tasks, "total": tasks}        while an output is computed, by Spark's own status
    {"written": name}                                    a folder is whole
    {"failed": sentence}                                 and the process ends with 1
"""

import json
import socket
import sys
import threading

from pyspark.sql import SparkSession


def say(**what):
    print("plumb " + json.dumps(what), flush=True)


def watch(spark, name, ended):
    """Tells once a second how many tasks of an output are done."""
    status = spark.sparkContext.statusTracker()
    last = None
    while not ended.wait(1):
        done = total = 0
        for job in status.getJobIdsForGroup(name):
            info = status.getJobInfo(job)
            for stage in [] if info is None else info.stageIds:
                tasks = status.getStageInfo(stage)
                if tasks is not None:
                    done, total = done + tasks.numCompletedTasks, total + tasks.numTasks
        if total > 0 and (done, total) != last:
            last = (done, total)
            say(step=name, done=done, total=total)


def read(spark, table):
    if not table["files"]:
        return spark.createDataFrame([], table["schema"])
    reader = spark.read if table["schema"] is None else spark.read.schema(table["schema"])
    rows = reader.option("mergeSchema", table["united"]).parquet(*table["files"])
    if not table["places"]:
        return rows
    # A view hides where its rows come from.
    return rows.selectExpr("*", "_metadata.file_path AS `~file`", "_metadata.row_index AS `~index`")


def write(spark, output):
    name, folder = output["name"], output["folder"]
    ended = threading.Event()
    watching = threading.Thread(target=watch, args=(spark, name, ended), daemon=True)
    spark.sparkContext.setJobGroup(name, name)
    watching.start()
    rows = spark.sql(output["sql"])
    try:
        rows.write.mode("overwrite").parquet(folder)
    finally:
        ended.set()
        watching.join()
    # Without a schema Spark would read a footer first, by a job of its own.
    spark.read.schema(rows.schema).parquet(folder).createOrReplaceTempView(name)
    say(written=name)


def sentence(error):
    """The first line of what lies behind an error; the log has the rest."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def run(spark, job):
    for table in job["tables"]:
        read(spark, table).createOrReplaceTempView(table["name"])
    for output in job["outputs"]:
        write(spark, output)
    for known in job["tables"] + job["outputs"]:
        spark.catalog.dropTempView(known["name"])


def main(path):
    spark = None
    with socket.socket(socket.AF_UNIX) as link:
        link.connect(path)
        for line in link.makefile(encoding="utf-8"):
            job = json.loads(line)
            builder = SparkSession.builder
            for name, value in job["session"].items():
                builder = builder.config(name, value)
            spark = builder.getOrCreate()
            run(spark, job)
    if spark is not None:
        spark.stop()


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except Exception as error:
        say(failed=sentence(error))
        raise
