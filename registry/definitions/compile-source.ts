/** Compiles one source: files of Parquet, a table of another maker, or a stream (compile-stream.ts). */
import {
  checkOptions,
  SOURCE_OPTIONS,
  STREAM_SOURCE_OPTIONS,
} from '../../contract/definitions/option-schemas.ts';
import type { SourceDraft } from '../../contract/definitions/draft.ts';
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import type { SourcePlace } from './source-columns.ts';
import { compileStream } from './compile-stream.ts';
import type { CompiledSource, StreamContext } from './compile-stream.ts';

/** Options that only a stream has at the top, so that one without `stream:` is told what it lacks. */
const OF_STREAMS = new Set(['topic', 'folder', 'fields', 'format', 'archive', 'keyedBy']);

/** What a source that is no stream may be; each names its place. */
const FORMS = ['parquet', 'delta', 'iceberg'] as const;
const FORMS_TEXT = 'one of parquet: PATH, delta: PATH, iceberg: PATH and stream: { topic: ... }';

/** @returns null when it has mistakes, which are added to the others */
export function compileSource(draft: SourceDraft, context: StreamContext): CompiledSource | null {
  if (isStream(draft)) return compileStream(draft, context);
  const { mistakes } = context;
  const other = Object.keys(draft.options).find((name) => !Object.hasOwn(SOURCE_OPTIONS.shape, name));
  const given = FORMS.filter((form) => draft.options[form] !== undefined);
  if (given.length === 0 && other !== undefined) {
    mistakes.add(
      draft.place,
      [other],
      `source "${draft.name}": expected ${FORMS_TEXT}, got "${other}"${hintOf(other)}`,
    );
    return null;
  }
  if (given.length !== 1) {
    const got = given.length === 0 ? 'none of them' : given.join(' and ');
    mistakes.add(
      draft.place,
      given.slice(1, 2),
      `source "${draft.name}": expected ${FORMS_TEXT}, got ${got}`,
    );
    return null;
  }
  const options = checkOptions(SOURCE_OPTIONS, `source "${draft.name}"`, draft, mistakes);
  if (options === null) return null;
  const form = given[0]!;
  return {
    name: draft.name,
    path: options[form]!,
    ...(form === 'parquet' ? {} : { table: form }),
    eventTime: options.eventTime,
    createdTime: options.createdTime,
    maxAheadUs: options.maxAhead,
    isSnapshot: options.absent === 'delete',
    outOfOrderUs: null,
  };
}

function isStream(draft: SourceDraft): boolean {
  return draft.options['stream'] !== undefined;
}

/** @returns where its files or its table lie; null: it is a stream, or does not say so rightly */
export function placeOf(draft: SourceDraft): SourcePlace | null {
  if (isStream(draft)) return null;
  const form = FORMS.find((one) => typeof draft.options[one] === 'string');
  if (form === undefined) return null;
  return { path: draft.options[form] as string, ...(form === 'parquet' ? {} : { table: form }) };
}

function hintOf(other: string): string {
  if (OF_STREAMS.has(other))
    return '; a stream has it beside its topic, in stream: { topic, format, archive }';
  return (
    didYouMean(other, [...FORMS, ...Object.keys(STREAM_SOURCE_OPTIONS.shape)]) ||
    "; other files become Parquet by DuckDB: COPY (FROM 'events.csv') TO 'events.parquet'"
  );
}

/** Whether a stream's messages are Protocol Buffers, as far as that is known before it is checked. */
export function hasProtoFile({ options }: SourceDraft): boolean {
  const format = (options['stream'] as { format?: unknown } | null | undefined)?.format;
  return typeof format === 'object' && format !== null && 'protobuf' in format;
}
