"""On-demand features over rows outside of a request, by the code that serves them: the same bits.

    from plumbline_client import compute, compute_in_spark

    for batch in compute(table.to_batches(), "basket", project="/srv/shop", inputs={"cart_value": "basket_total"}):
        ...          # the batch that came, and behind its columns `basket__cart_to_average`, ...

    frame = compute_in_spark(frame, "basket", project="/srv/shop", inputs={"cart_value": "basket_total"})

Both run `plumb compute`, so that `plumb` and the project's folder with its bundle are needed where the rows are: in
Spark on every executor, at the same path. Needs pyarrow; `compute_in_spark` also pyspark, 3.4 or later.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa


class ComputeError(RuntimeError):
    """`plumb compute` refused the rows or failed; its own words say what is wrong, and in which row and column."""


def compute(
    batches: Iterable[pa.RecordBatch],
    view: str,
    *,
    project: str = ".",
    inputs: Mapping[str, str | None] | None = None,
    plumb: Sequence[str] = ("plumb",),
    other_engine: bool = False,
) -> Iterator[pa.RecordBatch]:
    """Yields each batch with the features of an on-demand view behind its columns, as `view__feature`.

    batches  pyarrow.RecordBatch, all of one schema; `table.to_batches()` of a table
    view     the on-demand view's id, such as "basket" or "basket@v2"
    inputs   {argument: column} where an argument's column has another name; None leaves an optional input out
    plumb    the command, such as ("npx", "plumb")
    other_engine   whether another V8 or processor than the view was applied on may compute it

    A row for which the function gives no values (it throws, runs over a second, or returns something else) gets the
    fallbacks, else nulls; how many there were is printed to stderr at the end. Raises ComputeError for a column or a
    value that does not fit, and ValueError for a column that is not there. Times must be whole microseconds.
    """
    pipe = _Pipe.of(view, inputs or {}, _command(plumb, project, view, other_engine))
    return _piped(pipe, batches)


def compute_in_spark(
    frame: Any,
    view: str,
    *,
    project: str = ".",
    inputs: Mapping[str, str | None] | None = None,
    plumb: Sequence[str] = ("plumb",),
    other_engine: bool = False,
) -> Any:
    """A Spark frame with the features of an on-demand view behind its columns, as `view__feature`.

    As `compute`, by `mapInArrow`: one `plumb compute` a task. Columns are held against the function's arguments here,
    before anything runs. This package must be installed where the executors run, too.
    """
    from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema
    from pyspark.sql.types import StructType

    pipe = _Pipe.of(view, inputs or {}, _command(plumb, project, view, other_engine))
    gives = from_arrow_schema(pipe.schema(to_arrow_schema(frame.schema)))
    return frame.mapInArrow(lambda batches: _piped(pipe, batches), StructType(frame.schema.fields + gives.fields))


def _command(plumb: Sequence[str], project: str, view: str, other_engine: bool) -> tuple[str, ...]:
    return (*plumb, "-C", str(project), "compute", "--view", view, *(["--other-engine"] if other_engine else []))


@dataclass(frozen=True)
class _Pipe:
    """What a task needs to run `plumb compute`."""

    command: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    """Of each argument its name and its column."""

    @staticmethod
    def of(view: str, inputs: Mapping[str, str | None], command: tuple[str, ...]) -> _Pipe:
        told = subprocess.run([*command, "--describe", "--json"], capture_output=True, stdin=subprocess.DEVNULL)
        if told.returncode != 0:
            raise ComputeError(_refusal(told))
        takes = {one["name"]: one for one in json.loads(told.stdout)["takes"]}
        for name, column in inputs.items():
            if name not in takes:
                raise ValueError(f"{view} takes no {name}; it takes {', '.join(takes)}")
            if column is None and not takes[name]["optional"]:
                raise ValueError(f"{name} is no optional input of {view}, so that a column must be named")
        columns = [(name, inputs.get(name, name)) for name in takes]
        return _Pipe(command, tuple((name, column) for name, column in columns if column is not None))

    def schema(self, schema: pa.Schema) -> pa.Schema:
        """What comes behind columns of this schema."""
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        pa.ipc.new_stream(sink, self.taken([], schema).schema).close()
        ran = subprocess.run(self.command, input=sink.getvalue().to_pybytes(), capture_output=True)
        if ran.returncode != 0:
            raise ComputeError(ran.stderr.decode(errors="replace").strip())
        return pa.ipc.open_stream(ran.stdout).schema

    def taken(self, batches: Sequence[pa.RecordBatch], schema: pa.Schema) -> pa.RecordBatch:
        """The arguments of the first batch, or of none."""
        import pyarrow as pa

        missing = [column for _, column in self.columns if schema.get_field_index(column) == -1]
        if missing:
            names = ", ".join(schema.names)
            raise ValueError(f"there is no column {missing[0]} (inputs={{...}} names others); there are {names}")
        given = batches[0] if batches else pa.RecordBatch.from_pylist([], schema)
        arrays = [_plain(given.column(given.schema.get_field_index(column))) for _, column in self.columns]
        return pa.RecordBatch.from_arrays(arrays, names=[name for name, _ in self.columns])


def _refusal(told: subprocess.CompletedProcess[bytes]) -> str:
    """What a command with --json said was wrong."""
    try:
        return str(json.loads(told.stdout)["error"]["message"])
    except (ValueError, KeyError):
        return bytes(told.stderr).decode(errors="replace").strip()


def _plain(array: Any) -> Any:
    """An array whose layout `plumb compute` reads: pandas makes dictionaries, polars views."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        return _plain(array.dictionary_decode())
    if pa.types.is_string_view(array.type):
        return array.cast(pa.large_string())
    return array.cast(pa.large_binary()) if pa.types.is_binary_view(array.type) else array


def _piped(pipe: _Pipe, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rest = iter(batches)
    first = next(rest, None)
    if first is None:
        return
    running = _Running(pipe.command)
    try:
        for batch in chain([first], rest):
            yield _behind(batch, running.through(pipe.taken([batch], batch.schema)))
        running.finish()
    finally:
        running.close()


class _Running:
    """A `plumb compute` that runs. A batch goes in and out before the next: so no side waits for a full pipe."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 (`close` does)
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._said)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin, self._process.stdout
        self._writer: Any = None
        self._reader: Any = None

    def through(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        import pyarrow as pa

        try:
            self._writer = self._writer or pa.ipc.new_stream(self._stdin, batch.schema)
            self._writer.write_batch(batch)
            self._stdin.flush()
            self._reader = self._reader or pa.ipc.open_stream(self._stdout)
            return self._reader.read_next_batch()
        except (OSError, EOFError, StopIteration, pa.ArrowInvalid) as error:
            raise self._error() from error

    def finish(self) -> None:
        """Waits for its end, and passes on what it said."""
        import pyarrow as pa

        try:
            self._writer.close()
            self._stdin.close()
            extra = next(self._reader, None)
        except (OSError, EOFError, pa.ArrowInvalid) as error:
            raise self._error() from error
        if extra is not None or self._process.wait() != 0:
            raise self._error()
        sys.stderr.write(self._words())

    def close(self) -> None:
        """Ends it, if it still runs: nobody takes more rows."""
        if self._process.poll() is None:
            self._process.kill()
        for end in (self._stdin, self._stdout):
            with suppress(OSError):
                end.close()
        self._process.wait()
        self._said.close()

    def _error(self) -> ComputeError:
        try:
            code = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            return ComputeError("plumb compute gave something else than a batch for each batch")
        return ComputeError(self._words().strip() or f"plumb compute ended with {code}")

    def _words(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace")


def _behind(batch: pa.RecordBatch, features: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa

    if features.num_rows != batch.num_rows:
        raise ComputeError(f"plumb compute gave {features.num_rows} rows for {batch.num_rows}")
    schema = pa.schema([*batch.schema, *features.schema], batch.schema.metadata)
    return pa.RecordBatch.from_arrays([*batch.columns, *features.columns], schema=schema)
