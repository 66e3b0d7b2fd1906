/**
 * The builders that definition files import from `plumbline`. They record where they were called and what they were
 * given, and check nothing: registry/definitions/ does, and reports all mistakes of a project at once. Their types show
 * in the editor the mistakes that a type can know.
 */
import type { Duration } from '../../std/duration.ts';
import type { LogPolicy } from '../../model.ts';
import type { KeyType } from '../../value-type.ts';
import { calledAt } from './call-place.ts';
import {
  EntityDraft,
  madeDrafts,
  ModuleDraft,
  OnDemandDraft,
  ServiceDraft,
  SourceDraft,
  ViewDraft,
  ViewSelection,
} from '../draft.ts';
import type { Draft, StoredFeature } from '../draft.ts';
import type { ColumnNameFault, Name } from '../name.ts';
import type { Checked } from '../refused.ts';
import type { WrittenDeprecation } from './feature-options.ts';
import type { Inputs, OnDemandFeatures, OnDemandOptions } from './on-demand-options.ts';
import type { StreamFields, StreamOptions } from './stream-options.ts';
import type { Features, ViewOptions, Watermark } from './view-options.ts';

type JoinKeys = Readonly<Record<string, StoredFeature<unknown, KeyType>>>;

export interface EntityOptions<Keys extends JoinKeys = JoinKeys> {
  readonly joinKeys: Checked<Keys, { readonly [Key in keyof Keys]: ColumnNameFault<Key> }>;
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly log?: LogPolicy;
}

export interface ParquetOptions {
  /** A path or glob, relative to the project's folder, or `s3://bucket/path`. */
  readonly path: string;
  readonly eventTime: string;
  readonly createdTime?: string;
  /** An event further ahead of its created time is a bad row, written by a wrong clock. Nearer ones wait until due. */
  readonly maxAhead?: Duration;
  /**
   * What becomes of an entity that the source lacks. `delete`: the source is a whole snapshot each time, and the entity
   * has no row from the run on that finds so. `keep`, as usual: its row stays until it is too old by the view's ttl.
   */
  readonly absent?: 'keep' | 'delete';
}

export interface TableOptions extends Omit<ParquetOptions, 'path'> {
  /** The table's folder, relative to the project's, or `s3://bucket/path`; of Iceberg also one *.metadata.json. */
  readonly path: string;
}

export interface ServiceOptions {
  readonly consumers?: readonly { readonly model: string; readonly owner: string }[];
  readonly tensor?: 'float32' | 'float64';
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: WrittenDeprecation;
}

function made<D extends Draft>(draft: D): D {
  madeDrafts.push(draft);
  return draft;
}

export function entity<Text extends string, Keys extends JoinKeys>(
  name: Name<Text>,
  options: EntityOptions<Keys>,
): EntityDraft<keyof Keys & string> {
  return made(new EntityDraft(name as string, { ...options }, calledAt()));
}

export const source = {
  /** Rows or events in Parquet files. */
  parquet<Text extends string>(name: Name<Text>, options: ParquetOptions): SourceDraft {
    const { path, ...rest } = options;
    return made(new SourceDraft(name as string, { parquet: path, ...rest }, calledAt()));
  },
  /** Rows or events in a Delta table, as they count at its newest entry. */
  delta<Text extends string>(name: Name<Text>, options: TableOptions): SourceDraft {
    const { path, ...rest } = options;
    return made(new SourceDraft(name as string, { delta: path, ...rest }, calledAt()));
  },
  /** Rows or events in an Iceberg table, as they count in its newest state. */
  iceberg<Text extends string>(name: Name<Text>, options: TableOptions): SourceDraft {
    const { path, ...rest } = options;
    return made(new SourceDraft(name as string, { iceberg: path, ...rest }, calledAt()));
  },
  /** Events that come as messages of a topic, or as files in a folder. */
  stream<Text extends string, Fields extends StreamFields>(
    name: Name<Text>,
    options: StreamOptions<Fields>,
  ): SourceDraft {
    const { fields, eventTime, maxAhead, outOfOrder, ...stream } = options;
    const times = Object.entries({ maxAhead, outOfOrder }).filter(([, value]) => value !== undefined);
    const given = { stream, fields, eventTime, ...Object.fromEntries(times) };
    return made(new SourceDraft(name as string, given, calledAt()));
  },
};

/** Stored where its features are types (`t.float64()`), aggregated where they are aggregates (`agg.sum(...)`). */
export function featureView<
  Text extends string,
  Of extends Features,
  Key extends string = string,
  Mode extends Watermark = 'cutoff',
>(name: Name<Text>, options: ViewOptions<Of, Key, Mode>): ViewDraft<keyof Of & string, Key> {
  return made(new ViewDraft(name as string, { ...options }, calledAt()));
}

/** Computed by one function when a request asks: from what the request brings and from features of other views. */
export function onDemandView<Text extends string, In extends Inputs, Of extends OnDemandFeatures>(
  name: Name<Text>,
  options: OnDemandOptions<In, Of>,
): OnDemandDraft<keyof Of & string> {
  const uses = options.uses?.map(selectionOf);
  const given = uses === undefined ? { ...options } : { ...options, uses };
  return made(new OnDemandDraft(name as string, given, calledAt()));
}

/** A file whose default export is the function of an on-demand view; it may import others. */
export function module(path: string): ModuleDraft {
  return new ModuleDraft(path, calledAt());
}

/** @param items  views and selections of them, in the order that the model takes their features */
export function featureService<Text extends string>(
  name: Name<Text>,
  items: readonly (ViewDraft | OnDemandDraft | ViewSelection)[],
  options: ServiceOptions = {},
): ServiceDraft {
  return made(new ServiceDraft(name as string, items.map(selectionOf), { ...options }, calledAt()));
}

function selectionOf(item: ViewDraft | OnDemandDraft | ViewSelection): ViewSelection {
  return item instanceof ViewSelection ? item : new ViewSelection(item, null, null, null);
}

/**
 * Variables of the project, for where a source lies: `${vars.data}/events.parquet`. Definitions keep them as
 * variables; each environment fills them in.
 */
export const vars: Readonly<Record<string, string>> = new Proxy<Record<string, string>>(
  {},
  { get: (_, name) => (typeof name === 'string' ? `\${${name}}` : undefined) },
);
