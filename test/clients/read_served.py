"""Reads a day with the Python client.

stdin:  {"folder": the archive, "service", "date", "refused": [[date, service, version]]}
stdout: {"frame": [rows], "types": {column: pandas dtype}, "statuses", "inputs", "requests": [[request, row]], "own": [names
        of the requests' columns], "arrow", "polars": row counts, "refused": [sentences]}
"""

import json
import sys
from datetime import date
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "clients" / "python"))

from plumbline_client import served  # noqa: E402

asked = json.load(sys.stdin)
day = served(date.fromisoformat(asked["date"]), asked["service"], folder=asked["folder"])


def refused(at, service, version):
    try:
        served(at, service, folder=asked["folder"], version=version)
    except (FileNotFoundError, ValueError) as error:
        return str(error)
    return "taken"


frame = day.to_df()
found = {
    "frame": json.loads(frame.to_json(orient="records")),
    "types": {name: str(kind) for name, kind in frame.dtypes.items()},
    "statuses": day.statuses.to_pylist(),
    "inputs": day.inputs.to_pylist(),
    "own": day.requests.column_names,
    "requests": [[row["_request_id"], row["_row"]] for row in day.requests.to_pylist()],
    "arrow": day.to_arrow().num_rows,
    "polars": day.to_polars().height,
    "length": len(day),
    "refused": [refused(*one) for one in asked["refused"]],
}
json.dump(found, sys.stdout)
