"""Parquet files as rows, in the types of their columns."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from workshop.ingest.columns import Chunk, Columns, column_name
from workshop.ingest.sentences import told


class ParquetTable:
    """A Parquet file."""

    def __init__(self, path: Path, wanted: Columns) -> None:
        self.path, self._wanted = path, wanted
        self.notes: list[str] = []
        self.reading = ""
        with told(path), pq.ParquetFile(path) as file:
            self._columns = {column_name(name): name for name in file.schema_arrow.names}
            wanted.check([column_name(name) for name in file.schema_arrow.names], path)

    def chunks(self, size: int) -> Iterator[Chunk]:
        """Yield the rows in chunks of `size`, with unchanged values."""
        yield from self._chunks(size, self._wanted.among(list(self._columns)), None)

    def evidence(self, names: list[str], size: int) -> Iterator[Chunk]:
        """Yield only the given columns, of all rows."""
        yield from self._chunks(size, names, [self._columns[name] for name in names])

    def _chunks(self, size: int, names: list[str], only: list[str] | None) -> Iterator[Chunk]:
        with told(self.path), pq.ParquetFile(self.path) as file:
            seen = 0
            for batch in file.iter_batches(batch_size=size, columns=only):
                columns = {name: _flat(batch[self._columns[name]]) for name in names}
                lines = list(range(seen + 1, seen + 1 + len(batch)))
                seen += len(batch)
                yield Chunk(columns, lines, _json_of(batch), share=seen / file.metadata.num_rows)


def _flat(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _json_of(batch: pa.RecordBatch) -> Callable[[int], str]:
    return lambda i: json.dumps(batch.slice(i, 1).to_pylist()[0], default=str, ensure_ascii=False)
