/** Which files a folder of a source's messages has, by the source's format. */
import type { StreamSource } from '../../../contract/stream-source.ts';
import type { FileKind } from './folder-file.ts';
import { LineFile } from './line-file.ts';
import { ParquetRows } from './parquet-file.ts';

export function fileKind({ format, fields }: Pick<StreamSource, 'format' | 'fields'>): FileKind {
  if (format.kind !== 'parquet') return LINES;
  const rows = new ParquetRows(fields);
  return {
    taken: /\.parquet$/,
    expected: '.parquet',
    open: (file) => rows.open(file),
    close: async () => rows.close(),
  };
}

export const LINES: FileKind = {
  taken: /\.(jsonl|ndjson|json)$/,
  expected: '.jsonl, .ndjson or .json',
  open: async (file) => new LineFile(file),
  close: async () => {},
};
