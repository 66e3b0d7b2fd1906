/**
 * A view under one bundle: what its rows are, how rows of its older definitions are read, and when they are too old.
 * Frozen data, made once a bundle. Rows in the cache belong to one of these.
 */
import type { Entity, FeatureView, RowFields, RowSchema } from '../../contract/model.ts';
import { matchFeatures } from '../../contract/feature-match.ts';
import { watermarkLimitUs } from '../../contract/windows.ts';
import { fieldOf } from '../../contract/wire/online/online-layout.ts';
import { haveSameKeys, rowSchemaOf } from '../../contract/definitions/definition-json.ts';
import { RowMask } from '../../contract/log-privacy.ts';
import type { HmacKey } from '../../contract/log-privacy.ts';
import { ViewTally } from './view-tally.ts';

/** What the plans must know of the log: whether there is one, and its secret. */
export interface LogPrivacy {
  readonly enabled: boolean;
  readonly hmacKey: HmacKey | null;
}

export const NO_LOG: LogPrivacy = { enabled: false, hmacKey: null };

export interface ViewPlan {
  readonly view: FeatureView;
  readonly id: string;
  /** The schema of the rows that are written today. */
  readonly schema: RowSchema;
  /** The view's place among the views of its entity; the same in every bundle of this process. */
  readonly slot: number;
  /** The field of its row in the entity's hash, as bytes and as a number. */
  readonly field: Buffer;
  readonly fieldNumber: number;
  /** -1: rows never grow too old. */
  readonly ttlUs: number;
  /** How old the watermark may be; -1 in a stored view. */
  readonly watermarkLimitUs: number;
  /**
   * How rows of each definition are read, by its id, the view's own definition included; null: rows of that
   * definition had other join keys and do not count. Grows when a row of a newer definition comes.
   */
  readonly mappings: Map<number, RowMapping | null>;
  /** How the log removes marked values from rows; null: it may hold rows as they are. */
  readonly mask: RowMask | null;
  /** Counts what is served of the view. */
  readonly tally: ViewTally;
  /** What encoders have ready for the view; see encoder-plan.ts. */
  readonly encoderPlans: unknown[];
}

/** How a row of one definition becomes the values of the view as it is now. */
export interface RowMapping {
  readonly schema: RowFields;
  /** For each feature of the view its index in the row, -1 where the row has no such feature; null: the same order. */
  readonly from: readonly number[] | null;
}

/** What the bundle has of a view. */
interface BundleView {
  readonly view: FeatureView;
  readonly entity: Entity;
  /** Schemas of the rows that its older definitions wrote; none unless given. */
  readonly past?: readonly RowSchema[];
}

export function planView(
  { view, entity, past = [] }: BundleView,
  slot: number,
  log: LogPrivacy = NO_LOG,
  tally = new ViewTally(),
): ViewPlan {
  const field = fieldOf(view.id);
  const schema = rowSchemaOf(view, entity);
  const mappings = new Map(past.map((before) => [before.definitionId, mapRow(schema, before)]));
  mappings.set(view.definitionId, { schema, from: null });
  const plan: ViewPlan = {
    view,
    id: view.id,
    schema,
    slot,
    field,
    fieldNumber: field.readUInt32BE(),
    ttlUs: view.kind !== 'aggregated' && view.ttlUs !== null ? view.ttlUs : -1,
    watermarkLimitUs: view.kind === 'aggregated' ? watermarkLimitUs(view) : -1,
    mappings,
    mask: log.enabled ? RowMask.of(view, log.hmacKey) : null,
    tally,
    encoderPlans: [],
  };
  return Object.freeze(plan);
}

/** @returns null where rows of the schema are found by other join keys: they are another's */
export function mapRow(today: RowSchema, schema: RowSchema): RowMapping | null {
  if (!haveSameKeys(today, schema)) return null;
  return { schema, from: matchFeatures(today.features, schema.features) };
}
