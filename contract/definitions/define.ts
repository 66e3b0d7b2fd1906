/**
 * The builders that definition files import from `plumbline`. They note where they were called and keep what they
 * were given; `compile.ts` checks it, so that all mistakes of a project are reported at once.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import {
  EntityDraft,
  FeatureDraft,
  madeDrafts,
  ServiceDraft,
  SourceDraft,
  ViewDraft,
  ViewSelection,
} from './draft.ts';
import type { Draft, Place } from './draft.ts';

/** What every feature may say about itself. */
export interface FeatureOptions {
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly examples?: readonly unknown[];
  readonly normalization?: { readonly mean: number; readonly stddev: number };
  /** What stands in where there is no row; null unless given. The same in training and serving. */
  readonly missing?: unknown;
  /** The largest difference that still counts as a match within tolerance. */
  readonly tolerance?: number;
  readonly checks?: { readonly min?: number; readonly max?: number; readonly maxNullShare?: number };
  readonly log?: 'raw' | 'hmac' | 'drop';
  /** The source's column that a stored feature reads, where it has another name. */
  readonly column?: string;
}

export interface AggregateOptions extends Omit<FeatureOptions, 'column'> {
  /** Text of a type, where it should not follow from the column. */
  readonly type?: string;
  /** Decimal places kept when floats are summed; 6 unless given. */
  readonly scale?: number;
}

export interface EntityOptions {
  readonly joinKeys: Readonly<Record<string, FeatureDraft>>;
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly log?: 'raw' | 'hmac' | 'drop';
}

export interface ParquetOptions {
  /** A path or glob, relative to the project's folder. */
  readonly path: string;
  readonly eventTime: string;
  readonly createdTime?: string;
  /** An event further ahead of its created time is a bad row: a wrong clock wrote it. Nearer ones wait until due. */
  readonly maxAhead?: string;
}

export interface ViewOptions {
  readonly entity: EntityDraft | string;
  readonly source: SourceDraft | string;
  /** Which rows of the source count: `quantity > 0 and not cancelled`; all unless given. */
  readonly where?: string;
  /** Columns computed of a row, beside the source's own: `{ line_total: 'quantity * unit_price' }`. */
  readonly select?: Readonly<Record<string, string>>;
  readonly features: Readonly<Record<string, FeatureDraft>>;
  readonly version?: number;
  /** Stored views: rows older than this are withheld. */
  readonly ttl?: string;
  /** Aggregated views: the distance of the edges; 1h unless given. */
  readonly hop?: string;
  readonly delay?: string;
  readonly schedule?: string;
  /**
   * What a run takes for how far the view is complete: its cut-off, or (`events`) the newest event of the source less
   * `outOfOrder`, so that windows do not run empty while a load stands still.
   */
  readonly watermark?: 'cutoff' | 'events';
  /** With `watermark: 'events'`: how long after an event older ones may still come; 5s unless given. */
  readonly outOfOrder?: string;
  /** How old rows online may become; past `alert`, twice the target unless given, there is an alarm. */
  readonly freshness?: string | { readonly target?: string; readonly alert?: string };
  /** A source without a new event for this long raises an alarm; twice the freshness unless given. */
  readonly sourceFreshness?: string;
  readonly lateness?: string;
  /** The date or time from which the source is complete. */
  readonly start?: string;
  readonly owner?: string;
  readonly team?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: { readonly date: string; readonly successor?: string };
}

export interface ServiceOptions {
  readonly consumers?: readonly { readonly model: string; readonly owner: string }[];
  readonly tensor?: 'float32' | 'float64';
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
}

function made<D extends Draft>(draft: D): D {
  madeDrafts.push(draft);
  return draft;
}

export function entity(name: string, options: EntityOptions): EntityDraft {
  return made(new EntityDraft(name, { ...options }, calledAt()));
}

export const source = {
  /** Rows or events in Parquet files. */
  parquet(name: string, options: ParquetOptions): SourceDraft {
    const { path, ...rest } = options;
    return made(new SourceDraft(name, { parquet: path, ...rest }, calledAt()));
  },
};

/** Stored where its features are types (`t.float64()`), aggregated where they are aggregates (`agg.sum(...)`). */
export function featureView(name: string, options: ViewOptions): ViewDraft {
  return made(new ViewDraft(name, { ...options }, calledAt()));
}

/** @param items  views and selections of them, in the order that the model takes their features */
export function featureService(
  name: string,
  items: readonly (ViewDraft | ViewSelection)[],
  options: ServiceOptions = {},
): ServiceDraft {
  const selections = items.map((item) =>
    item instanceof ViewSelection ? item : new ViewSelection(item, null, null, null),
  );
  return made(new ServiceDraft(name, selections, { ...options }, calledAt()));
}

/**
 * Variables of the project, for where a source lies: `${vars.data}/events.parquet`. Definitions keep them as
 * variables; each environment fills them in.
 */
export const vars: Readonly<Record<string, string>> = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (typeof name === 'string' ? `\${${name}}` : undefined) },
);

const typed = (type: string, options: FeatureOptions): FeatureDraft =>
  new FeatureDraft({ type, ...options }, calledAt());
const nested = (of: FeatureDraft): string => String(of.options['type']);

/** The types of features and join keys. */
export const t = {
  bool: (options: FeatureOptions = {}) => typed('bool', options),
  int32: (options: FeatureOptions = {}) => typed('int32', options),
  int64: (options: FeatureOptions = {}) => typed('int64', options),
  float32: (options: FeatureOptions = {}) => typed('float32', options),
  float64: (options: FeatureOptions = {}) => typed('float64', options),
  string: (options: FeatureOptions = {}) => typed('string', options),
  bytes: (options: FeatureOptions = {}) => typed('bytes', options),
  timestamp: (options: FeatureOptions = {}) => typed('timestamp', options),
  list: (of: FeatureDraft, options: FeatureOptions = {}) => typed(`list<${nested(of)}>`, options),
  embedding: (size: number, options: FeatureOptions = {}) => typed(`embedding(${size})`, options),
  map: (of: FeatureDraft, options: FeatureOptions = {}) => typed(`map<${nested(of)}>`, options),
  struct: (fields: Readonly<Record<string, FeatureDraft>>, options: FeatureOptions = {}) => {
    const inner = Object.entries(fields).map(([name, of]) => `${name}: ${nested(of)}`);
    return typed(`struct<${inner.join(', ')}>`, options);
  },
};

/** An aggregate that still needs its window. */
interface Aggregate {
  /** Over the events with `edge - window <= event < edge`. */
  over(window: string, options?: AggregateOptions): FeatureDraft;
  /** Over all events before the edge. */
  lifetime(options?: AggregateOptions): FeatureDraft;
}

function aggregate(
  name: string,
  column: string | undefined,
  more: Readonly<Record<string, unknown>> = {},
): Aggregate {
  const draft = (window: string | undefined, options: AggregateOptions): FeatureDraft => {
    const own = {
      agg: name,
      ...(column === undefined ? {} : { column }),
      ...(window === undefined ? {} : { window }),
    };
    return new FeatureDraft({ ...own, ...more, ...options }, calledAt());
  };
  return {
    over: (window, options = {}) => draft(window, options),
    lifetime: (options = {}) => draft(undefined, options),
  };
}

/** Aggregates over raw events. All but `count()` ignore nulls. */
export const agg = {
  /** Without a column: events; with one: its non-null values. */
  count: (column?: string) => aggregate('count', column),
  countDistinct: (column: string) => aggregate('countDistinct', column),
  approxCountDistinct: (column: string) => aggregate('approxCountDistinct', column),
  sum: (column: string) => aggregate('sum', column),
  avg: (column: string) => aggregate('avg', column),
  min: (column: string) => aggregate('min', column),
  max: (column: string) => aggregate('max', column),
  first: (column: string) => aggregate('first', column),
  last: (column: string) => aggregate('last', column),
  lastN: (column: string, n: number) => aggregate('lastN', column, { n }),
  stddev: (column: string) => aggregate('stddev', column),
  mostFrequent: (column: string) => aggregate('mostFrequent', column),
  approxPercentile: (column: string, percentile: number) =>
    aggregate('approxPercentile', column, { percentile }),
};

/** The definition file and line from which a builder was called: the first frame outside this file. */
function calledAt(): Place {
  const prepare = Error.prepareStackTrace;
  Error.prepareStackTrace = (_, frames) => frames;
  const { stack } = new Error() as unknown as { stack: NodeJS.CallSite[] };
  Error.prepareStackTrace = prepare;
  for (const frame of stack) {
    const url = frame.getFileName() ?? '';
    if (url === import.meta.url) continue;
    const file = url.startsWith('file:') ? fileURLToPath(url.split('?', 1)[0]!) : url;
    return sourcePlace(file, frame.getLineNumber() ?? 1);
  }
  return sourcePlace('(unknown)', 1);
}

/** Finds an option's line by its name in the text that follows the call; the call's own line when it is not there. */
function sourcePlace(file: string, line: number): Place {
  return {
    file,
    lineOf(path) {
      if (path.length === 0) return line;
      let at = line;
      try {
        const lines = readFileSync(file, 'utf8').split('\n');
        for (const name of path) at = lineOfOption(lines, at, name) ?? at;
      } catch {
        // The file is gone: the call's line is still true.
      }
      return at;
    },
  };
}

function lineOfOption(lines: readonly string[], from: number, name: string): number | null {
  const option = new RegExp(`(^|[\\s{,'"])${name.replace(/\W/g, '\\$&')}['"]?\\s*[:,]`);
  for (let i = from - 1; i < lines.length; i++) {
    if (i >= from && /^(export |const |entity\(|featureView\(|featureService\()/.test(lines[i]!)) return null;
    if (option.test(lines[i]!)) return i + 1;
  }
  return null;
}
