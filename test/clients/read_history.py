"""Opens the folder of a view's history as it is, with pandas and with pyarrow.

stdin:  the folder
stdout: {"pandas": {"rows", "columns"}, "pyarrow": {"rows", "columns"}}
"""

import json
import sys

import pandas as pd
import pyarrow.dataset as ds

folder = sys.stdin.read()
frame = pd.read_parquet(folder)
table = ds.dataset(folder, partitioning="hive").to_table()
json.dump(
    {
        "pandas": {"rows": len(frame), "columns": sorted(frame.columns)},
        "pyarrow": {"rows": table.num_rows, "columns": sorted(table.column_names)},
    },
    sys.stdout,
)
