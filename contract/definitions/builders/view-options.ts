/** What a definition file may say of a view. The features decide its kind, and the kind what else it may say. */
import type { Duration } from '../../std/duration.ts';
import type { TimeText } from '../../std/timestamp.ts';
import type { AggregatedFeature, EntityDraft, SourceDraft, StoredFeature } from '../draft.ts';
import type { WrittenDeprecation } from './feature-options.ts';
import type { ColumnNameFault } from '../name.ts';
import type { Checked, Refused } from '../refused.ts';

export type Features = Readonly<Record<string, StoredFeature | AggregatedFeature>>;
export type Watermark = 'cutoff' | 'events';
type Freshness = Duration | { readonly target?: Duration; readonly alert?: Duration };

type KindOf<Of extends Features> = Of[keyof Of]['~kind'];

type KeyFault<Name, Key extends string> = string extends Key
  ? never
  : Lowercase<Name & string> extends Lowercase<Key>
    ? 'a join key has this name'
    : never;

/** Of a stored feature beside an aggregated one. */
type KindFault<Kind, KindOfAll> = [Kind] extends ['stored']
  ? [KindOfAll] extends ['stored']
    ? never
    : 'a view has stored features or aggregates, not both'
  : never;

type FeatureFaults<Of extends Features, Key extends string> = {
  readonly [Name in keyof Of]:
    ColumnNameFault<Name> | KeyFault<Name, Key> | KindFault<Of[Name]['~kind'], KindOf<Of>>;
};

/**
 * Of    its features
 * Key   the join keys of its entity, where the entity is no text
 * Mode  its option `watermark`
 */
export interface ViewOptions<
  Of extends Features = Features,
  Key extends string = string,
  Mode extends Watermark = Watermark,
> {
  readonly entity: EntityDraft<Key> | string;
  readonly source: SourceDraft | string;
  /** Which rows of the source count: `quantity > 0 and not cancelled`; all unless given. */
  readonly where?: string;
  /** Columns computed of a row, beside the source's own: `{ line_total: 'quantity * unit_price' }`. */
  readonly select?: Readonly<Record<string, string>>;
  readonly features: Checked<Of, FeatureFaults<Of, Key>>;
  readonly version?: number;
  /** Stored views: rows older than this are withheld. */
  readonly ttl?: KindOf<Of> extends 'aggregated' ? Refused<'an aggregated view has no ttl'> : Duration;
  /** Aggregated views: the distance of the edges; 1h unless given. */
  readonly hop?: KindOf<Of> extends 'stored' ? Refused<'a stored view has no hop'> : Duration;
  readonly delay?: Duration;
  readonly schedule?: Duration;
  /**
   * What a run takes for how far the view is complete: its cut-off, or (`events`) the newest event of the source less
   * `outOfOrder`, so that windows do not run empty while a load stands still.
   */
  readonly watermark?: Mode;
  /** With `watermark: 'events'`: how long after an event older ones may still come; 5s unless given. */
  readonly outOfOrder?: Mode extends 'cutoff' ? Refused<"outOfOrder needs watermark: 'events'"> : Duration;
  /** How old rows online may become; past `alert`, twice the target unless given, there is an alarm. */
  readonly freshness?: Freshness;
  /** A source without a new event for this long raises an alarm; twice the freshness unless given. */
  readonly sourceFreshness?: Duration;
  readonly lateness?: Duration;
  /** The date or time from which the source is complete. */
  readonly start?: TimeText | Date;
  readonly owner?: string;
  readonly team?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: WrittenDeprecation;
}
