"""Runs a page's snippet that registers a table function, then its SQL, and prints the last statement's rows as JSON.

Started by topic-readers.test.ts with the two files; where Spark finds Kafka's jars stands in PYSPARK_SUBMIT_ARGS.
"""

import json
import runpy
import sys

from pyspark.sql import SparkSession

snippet, sql = sys.argv[1:]
runpy.run_path(snippet, run_name="__main__")
spark = SparkSession.getActiveSession()
statements = [text for text in open(sql, encoding="utf-8").read().split(";") if text.strip()]
for statement in statements:
    answer = spark.sql(statement)
print(json.dumps([row.asDict() for row in answer.collect()], default=str))
spark.stop()
