"""Training sets: `plumb train` from Python.

from plumbline_client import get_historical_features

made = get_historical_features(labels, "churn_v1", project="/srv/shop", as_="available")
made.to_df(), made.note
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pyarrow as pa


class TrainError(RuntimeError):
    """`plumb train` refused the labels or failed; its own words say why."""


@dataclass(frozen=True)
class HistoricalFeatures:
    """The labels' rows in their order, and behind their columns the features of the service."""

    path: Path
    note: str
    """What `plumb train` says of the set: rows without a value, labels past the history."""
    table: pa.Table

    def to_arrow(self) -> pa.Table:
        return self.table

    def to_df(self) -> Any:
        return self.table.to_pandas()

    def to_polars(self) -> Any:
        import polars as pl

        return pl.from_arrow(self.table)

    def __len__(self) -> int:
        return int(self.table.num_rows)


def get_historical_features(
    entity_df: Any,
    features: str,
    *,
    project: str | Path = ".",
    out: str | Path | None = None,
    as_: Literal["trained", "available", "served"] = "trained",
    inputs: Mapping[str, str] | None = None,
    name: str | None = None,
    strict: bool = False,
    options: Sequence[str] = (),
    plumb: Sequence[str] = ("plumb",),
) -> HistoricalFeatures:
    """Joins the features of a service to labels by the as-of rule.

    entity_df  the labels: a frame of pandas or polars, an Arrow table, or the path of a Parquet or CSV file. They have
               the join keys and a time, `event_timestamp`
    features   the service's name
    out        the Parquet file to write; in a temporary folder, which stays, unless given
    as_        "trained": all of the history; "available": what was known at the time; "served": the vectors that were
               answered, from the archive of the log (labels with request_id, or `options=("--within", "5s")`)
    inputs     {input of an on-demand view: the labels' column} where names differ
    name       under which the registry keeps the set's manifest; the file's unless given
    strict     labels past the history are an error, no nulls
    options    others of `plumb train`
    plumb      the command, such as ("npx", "plumb")

    Needs pyarrow. Raises TrainError with what `plumb train` said.
    """
    import pyarrow.parquet as pq

    folder = Path(tempfile.mkdtemp(prefix="plumbline-"))
    labels = _labels(entity_df, folder)
    path = folder / f"{features}.parquet" if out is None else Path(out)
    command = [*plumb, "-C", str(project), "train", "--labels", str(labels.resolve()), "--service", features]
    command += ["--out", str(path.resolve()), *(["--from-log"] if as_ == "served" else ["--as", as_])]
    for input_, column in (inputs or {}).items():
        command += ["--input", f"{input_}={column}"]
    command += [*(["--name", name] if name is not None else []), *(["--strict"] if strict else []), *options]
    made = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if made.returncode != 0:
        raise TrainError((made.stderr or made.stdout).strip())
    return HistoricalFeatures(path, made.stdout.strip(), pq.read_table(path))


def _labels(given: Any, folder: Path) -> Path:
    if isinstance(given, str | Path):
        return Path(given)
    import pyarrow as pa
    import pyarrow.parquet as pq

    if isinstance(given, pa.Table):
        table = given
    elif hasattr(given, "to_arrow"):
        table = given.to_arrow()
    else:
        table = pa.Table.from_pandas(given, preserve_index=False)
    file = folder / "labels.parquet"
    pq.write_table(table, file)
    return file
