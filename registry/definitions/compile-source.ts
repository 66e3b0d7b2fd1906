/** Compiles one source: files of Parquet, or a stream (compile-stream.ts). */
import {
  checkOptions,
  SOURCE_OPTIONS,
  STREAM_SOURCE_OPTIONS,
} from '../../contract/definitions/option-schemas.ts';
import type { SourceDraft } from '../../contract/definitions/draft.ts';
import type { Mistakes } from '../../contract/definitions/mistake.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { compileStream } from './compile-stream.ts';
import type { CompiledSource } from './compile-stream.ts';

/** Options that only a stream has at the top, so that one without `stream:` is told what it lacks. */
const OF_STREAMS = new Set(['topic', 'folder', 'fields', 'format', 'archive', 'keyedBy']);

/** @returns null when it has mistakes, which are added to the others */
export function compileSource(draft: SourceDraft, mistakes: Mistakes): CompiledSource | null {
  if (isStream(draft)) return compileStream(draft, mistakes);
  const other = Object.keys(draft.options).find((name) => !Object.hasOwn(SOURCE_OPTIONS.shape, name));
  if (draft.options['parquet'] === undefined && other !== undefined) {
    mistakes.add(
      draft.place,
      [other],
      `source "${draft.name}": expected parquet: PATH or stream: { topic: ... }, got "${other}"${hintOf(other)}`,
    );
    return null;
  }
  const options = checkOptions(SOURCE_OPTIONS, `source "${draft.name}"`, draft, mistakes);
  if (options === null) return null;
  return {
    name: draft.name,
    path: options.parquet,
    eventTime: options.eventTime,
    createdTime: options.createdTime,
    maxAheadUs: options.maxAhead,
    outOfOrderUs: null,
  };
}

export function isStream(draft: SourceDraft): boolean {
  return draft.options['stream'] !== undefined;
}

/** @returns the path under which a source's columns are known: that of its files, or its archive; null: not given */
export function pathOf(draft: SourceDraft): string | null {
  const { stream, parquet } = draft.options;
  const path = isStream(draft) ? (stream as { archive?: unknown } | null)?.archive : parquet;
  return typeof path === 'string' ? path : null;
}

function hintOf(other: string): string {
  if (OF_STREAMS.has(other))
    return '; a stream has it beside its topic, in stream: { topic, format, archive }';
  return (
    didYouMean(other, ['parquet', ...Object.keys(STREAM_SOURCE_OPTIONS.shape)]) ||
    "; other files become Parquet by DuckDB: COPY (FROM 'events.csv') TO 'events.parquet'"
  );
}
