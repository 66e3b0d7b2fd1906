/**
 * The builders that definition files import from `plumbline`. They note where they were called and keep what they
 * were given; `compile.ts` checks it, so that all mistakes of a project are reported at once.
 */
import { calledAt } from './call-place.ts';
import { EntityDraft, madeDrafts, ServiceDraft, SourceDraft, ViewDraft, ViewSelection } from './draft.ts';
import type { Draft, FeatureDraft } from './draft.ts';

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
