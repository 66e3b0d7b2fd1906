"""What a service's models were served on a day, read from the archive that `plumb monitor ingest` writes.

    from plumbline_client import served

    day = served("2026-01-02", "churn")
    day.to_df()      # a row a vector: the keys and the features, by their full names
    day.statuses     # the same rows: of each feature PRESENT, NULL, MISSING, OUTSIDE_TTL, UNAVAILABLE, HMAC, UNDECODED
    day.inputs       # the same rows: what the requests brought for on-demand views

Needs pyarrow; pandas and polars are used where they are.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

# What begins with "_" is the archive's own. A view's row is the struct "_view__{role}"; an on-demand view has its
# status in "_status__{view}", the names of its features in "_outputs__{view}", an input its value in "_input__{name}".
_VIEW = "_view__"
_STATUS = "_status__"
_OUTPUTS = "_outputs__"
_INPUT = "_input__"
_UNDECODED = "_undecoded__"
_VERSION = re.compile(r"v(\d+)\.(\d+)")
_INGESTED = "was the log ingested (`plumb monitor ingest`)?"


@dataclass(frozen=True)
class Served:
    """The vectors of a service on a day, in the order in which they were served."""

    table: pa.Table
    """Keys and features by their names, a row a vector. A feature is null where its value was withheld or there was
    none, before any fallback, and where the model got one that the archive has not: which of them, `statuses` tells."""
    statuses: pa.Table
    """For each feature, under its name, the status of its value in each vector. The model got a value also where it is
    HMAC (only its HMAC is logged) or UNDECODED (the archive has the bytes: `_view__{role}.undecoded`, of an on-demand
    view `_undecoded__outputs`). What the log dropped (`log: drop`) is NULL here, like a value that was null."""
    requests: pa.Table
    """Of each vector the request, its number there, pod, epoch, sequence, served time, surface, service version and
    bundle: the archive's own columns."""
    inputs: pa.Table
    """What the requests brought for on-demand views, by the inputs' names; null also where the log has only an HMAC,
    which stands in `{name}__hmac`, or nothing."""

    def to_arrow(self) -> pa.Table:
        return self.table

    def to_df(self) -> Any:
        """A pandas frame whose columns keep their types: an int64 with a null stays one."""
        import pandas as pd

        return self.table.to_pandas(types_mapper=pd.ArrowDtype)

    def to_polars(self) -> Any:
        import polars as pl

        return pl.from_arrow(self.table)

    def __len__(self) -> int:
        return int(self.table.num_rows)


def served(
    date: str | dt.date, service: str, *, folder: str | Path = ".plumb/served", version: str | None = None
) -> Served:
    """Reads the vectors of a UTC day.

    date     "2026-01-02" or a date
    folder   the archive: the setting `served`
    version  "1.0", as the folders below the service's are called; all that have the day unless given

    Raises FileNotFoundError where the archive has no such service or day, and ValueError where a column has another
    type in another version: choose one then. The hour that goes on is not among a day's files yet.
    """
    day = _day(date)
    folders = _folders(Path(folder), service, day, version)
    whole = _whole([_read(one) for one in folders], service)
    whole = whole.sort_by([(name, "ascending") for name in ("_served_time", "_pod", "_epoch", "_sequence", "_row")])
    own = [name for name in whole.column_names if name.startswith("_")]
    values = [name for name in whole.column_names if not name.startswith("_")]
    roles = [name[len(_VIEW) :] for name in own if name.startswith(_VIEW)]
    computed = _outputs(whole)
    statuses = {}
    for name in values:
        if name in computed:
            statuses[name] = _computed_status(whole, name, computed[name])
        elif (role := _role(name, roles, values)) is not None:
            statuses[name] = _row_status(whole, name, role)
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = {}
    for name in values:
        column = whole[name]
        if name in statuses:
            column = pc.if_else(pc.equal(statuses[name], "PRESENT"), column, pa.scalar(None, column.type))
        columns[name] = column
    ours = (_VIEW, "_row__", _STATUS, _OUTPUTS, _INPUT, _UNDECODED)
    requests = whole.select([name for name in own if not name.startswith(ours)])
    inputs = {name[len(_INPUT) :]: whole[name] for name in own if name.startswith(_INPUT)}
    return Served(pa.table(columns), pa.table(statuses), requests, pa.table(inputs))


def _day(date: str | dt.date) -> str:
    try:
        return (date if isinstance(date, dt.date) else dt.date.fromisoformat(date)).isoformat()[:10]
    except ValueError:
        raise ValueError(f"expected a date such as 2026-01-02, got {date!r}") from None


def _folders(folder: Path, service: str, day: str, version: str | None) -> list[Path]:
    top = folder / service
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", service) or not top.is_dir():
        has = sorted(one.name for one in folder.glob("[A-Za-z]*") if one.is_dir())
        there = ", ".join(has) or "no service"
        raise FileNotFoundError(f"{folder} has nothing of {service}; it has {there}: {_INGESTED}")
    known = {f"{m[1]}.{m[2]}": one for one in top.iterdir() if (m := _VERSION.fullmatch(one.name))}
    wanted = known if version is None else {version: known[version]} if version in known else {}
    if not known:
        raise FileNotFoundError(f"{top} has no version of {service}: {_INGESTED}")
    if not wanted:
        raise FileNotFoundError(f"{top} has no version {version}; it has {', '.join(sorted(known))}")
    days = [one / f"date={day}" for _, one in sorted(wanted.items(), key=lambda item: _number(item[0]))]
    found = [one for one in days if any(one.glob("hour=*/*.parquet"))]
    if not found:
        raise FileNotFoundError(f"{top} has no vectors of {day}: {_INGESTED}")
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def _read(folder: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.dataset as ds

    files = sorted(str(one) for one in folder.glob("hour=*/*.parquet"))
    # A file may lack columns that others have: the schema is that of all of them.
    schema = pa.unify_schemas([ds.dataset(one).schema for one in files])
    return ds.dataset(files, schema=schema).to_table()


def _whole(tables: list[pa.Table], service: str) -> pa.Table:
    import pyarrow as pa

    try:
        return pa.concat_tables(tables, promote_options="default")
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ValueError(f"{service} changed the type of a column that day: give version= ({error})") from None


def _role(name: str, roles: list[str], values: list[str]) -> str | None:
    """The role of a feature `role__feature`; None: it is a key, or the HMAC of a key or a feature."""
    if name.endswith("__hmac") and name.removesuffix("__hmac") in values:
        return None
    return next((role for role in roles if name.startswith(f"{role}__")), None)


def _outputs(whole: pa.Table) -> dict[str, str]:
    """Of each feature that was computed on demand, by its full name, the view."""
    import pyarrow.compute as pc

    found = {}
    for column in whole.column_names:
        if column.startswith(_OUTPUTS):
            for name in pc.unique(pc.list_flatten(whole[column])).to_pylist():
                found[name] = column[len(_OUTPUTS) :]
    return found


def _row_status(whole: pa.Table, name: str, role: str) -> pa.Array:
    """null: the vector has no such view."""
    import pyarrow.compute as pc

    row = whole[f"{_VIEW}{role}"]
    return _status(whole, name, pc.struct_field(row, "status"), pc.struct_field(row, "undecoded"))


def _computed_status(whole: pa.Table, name: str, view: str) -> pa.Array:
    return _status(whole, name, whole[f"{_STATUS}{view}"], whole[f"{_UNDECODED}outputs"])


def _status(whole: pa.Table, name: str, status: pa.Array, undecoded: pa.Array) -> pa.Array:
    """The status of a row or of an on-demand view; where it is PRESENT and this value is not: HMAC, UNDECODED or NULL,
    whichever it is."""
    import pyarrow.compute as pc

    lacks = pc.fill_null(pc.and_(pc.equal(status, "PRESENT"), pc.is_null(whole[name])), False)
    why = pc.if_else(pc.is_valid(undecoded), "UNDECODED", "NULL")
    if f"{name}__hmac" in whole.column_names:
        why = pc.if_else(pc.is_valid(whole[f"{name}__hmac"]), "HMAC", why)
    return pc.if_else(lacks, why, status)
