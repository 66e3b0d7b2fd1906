"""Windows of an hour over hops of five minutes by Feast's own tiling.

stdin:  {"events": [[seconds since 1970, value], ...], all of one entity}
stdout: {function: [[edge in seconds since 1970, value or null], ...]}, an edge the end of a hop
"""

import json
import sys
from datetime import timedelta

import pandas as pd
from feast.aggregation import Aggregation
from feast.aggregation.tiling.orchestrator import apply_sawtooth_window_tiling
from feast.aggregation.tiling.tile_subtraction import convert_cumulative_to_windowed

WINDOW = timedelta(hours=1)
HOP = timedelta(minutes=5)

events = json.load(sys.stdin)["events"]
frame = pd.DataFrame(
    {
        "entity": [1] * len(events),
        "at": pd.to_datetime([at for at, _ in events], unit="s", utc=True),
        "value": [value for _, value in events],
    }
)
windows = {}
for function in ["max", "avg", "std"]:
    wanted = [Aggregation(column="value", function=function, time_window=WINDOW)]
    tiles = apply_sawtooth_window_tiling(frame.copy(), wanted, ["entity"], "at", WINDOW, HOP)
    ends = [int(end) // 1000 for end in tiles["_tile_end"]]
    rows = convert_cumulative_to_windowed(tiles, ["entity"], "at", WINDOW, wanted)
    values = rows[f"{function}_value_3600s"]
    windows[function] = [[end, None if pd.isna(value) else float(value)] for end, value in zip(ends, values)]
print(json.dumps(windows))
