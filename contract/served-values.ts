/**
 * Logged rows as the values that the model was answered: the monitor judges them, `log cat` prints them.
 *
 *   row bytes --schema of the row's definition id--> values --by name and type--> features of the bundle that answered
 *
 * A feature that the row lacks, or whose status withholds it, gets its fallback. The sidecar has its own, faster way to
 * the same values (sidecar/cache/cached-row.ts); a test compares both. Pure: a row that cannot be read gets a `fault`,
 * and nothing is thrown.
 */
import { haveSameKeys, rowSchemaOf } from './definitions/definition-json.ts';
import type { Bundle, Entity, Feature, FeatureView, JoinKey, RowSchema } from './model.ts';
import { MISSING, NULL, PRESENT, UNAVAILABLE } from './status.ts';
import type { KeyValue, Value } from './value-type.ts';
import { computedPlan, decodeInputs, decodeOutputs } from './served-computed.ts';
import type { DecodedInput, DecodedOutput } from './served-computed.ts';
import { matchFeatures } from './feature-match.ts';
import { keyValueOf } from './wire/online/entity-key.ts';
import { decodeRowValues } from './wire/online/row-codec.ts';
import { definitionName, readHeader } from './wire/online/row-header.ts';
import type { RowHeader } from './wire/online/row-header.ts';
import { LOG_HMAC, LOG_RAW } from './wire/log/served-record.ts';
import type { LoggedRow, LoggedVector, ServedRecord } from './wire/log/served-record.ts';

/** One value of a vector, as the model got it. */
interface DecodedFeature {
  /** `role__feature`. */
  readonly name: string;
  /** The feature's definition, or null when the bundle has none of this name. */
  readonly definition: Feature | null;
  /** After fallbacks. */
  readonly value: Value;
  /** Code of `contract/status.ts`. */
  readonly status: number;
  /** Index into `DecodedVector.rows`; -1 when the record has no row for it, as of a feature computed on demand. */
  readonly row: number;
  /** The log policy that kept the value out of the log, so that it shows as null; null: the log holds it. */
  readonly withheld: 'hmac' | 'drop' | null;
}

export interface DecodedRow {
  readonly logged: LoggedRow;
  /** null where there was no row, or where its header cannot be read. */
  readonly header: RowHeader | null;
  /** Why a row that was PRESENT cannot be read now; its features then show null. null: it can. */
  readonly fault: string | null;
}

export interface DecodedVector {
  /** For each key name of the record its value; null for a null key. */
  readonly entities: readonly (KeyValue | null)[];
  /** In the order of the record's views. */
  readonly rows: readonly DecodedRow[];
  /** In the order answered. */
  readonly features: readonly DecodedFeature[];
  /** In the order of the record's names. */
  readonly inputs: readonly DecodedInput[];
  /** What on-demand views computed, before fallbacks, in the order answered. */
  readonly outputs: readonly DecodedOutput[];
}

/** Finds the schema of a definition id that the bundle does not know, e.g. among those of later bundles. */
type SchemaLookup = (view: string, definitionId: number) => RowSchema | null;

/**
 * @param bundle        the one that the record names
 * @param otherSchemas  for rows that a newer definition wrote than the bundle has
 * @returns             one for each vector of the record, in its order
 */
export function decodeServed(
  bundle: Bundle,
  record: ServedRecord,
  otherSchemas: SchemaLookup = () => null,
): DecodedVector[] {
  const first = record.vectors[0];
  if (first === undefined) return [];
  const plan = planOf(bundle, record, first.rows);
  const computed = computedPlan(bundle, record, plan.features);
  return record.vectors.map((vector) => {
    const { keys, rows } = vector;
    const decoded = rows.map((row, i) => decodeRow(bundle, plan.views[i]!, row, otherSchemas));
    const outputs = decodeOutputs(computed, vector);
    return {
      entities: keys.map((part, i) => loggedId(plan.keys[i], part, record.keyPolicies[i] ?? LOG_RAW)),
      rows: decoded.map(({ row }) => row),
      features: plan.features.map(
        (feature) => computedFeature(feature, outputs, vector) ?? featureOf(feature, decoded),
      ),
      inputs: decodeInputs(computed, vector),
      outputs,
    };
  });
}

interface FeaturePlan {
  readonly name: string;
  readonly row: number;
  readonly definition: Feature | null;
  /** Index among the view's features. */
  readonly index: number;
  /** Index among the record's on-demand views; -1: it is not computed. */
  readonly onDemand: number;
}

interface RecordPlan {
  /** By row; null when the bundle does not have the view. */
  readonly views: readonly (FeatureView | null)[];
  readonly features: readonly FeaturePlan[];
  /** By key name; undefined when no entity of the record has the key. */
  readonly keys: readonly (JoinKey | undefined)[];
}

function planOf(bundle: Bundle, record: ServedRecord, rows: readonly LoggedRow[]): RecordPlan {
  const views = rows.map((row) => bundle.views.get(row.view) ?? null);
  const service = bundle.services.get(record.service);
  const roles = new Map(rows.map((row, i) => [row.role, i]));
  const features =
    record.features.length > 0
      ? record.features.map((name) => namedOutput(name, bundle, record) ?? namedFeature(name, rows, views))
      : (service?.features ?? []).map(({ fullName, role, feature }) => {
          const onDemand = record.onDemand.findIndex((one) => one.role === role);
          if (onDemand !== -1) return planOutput(fullName, feature, onDemand, { bundle, record });
          return planFeature(fullName, feature, roles.get(role) ?? -1, views);
        });
  const known = [
    ...(service?.requestKeys ?? []),
    ...views.flatMap((view) => entityOf(bundle, view)?.joinKeys ?? []),
  ];
  const keys = record.keyNames.map((name) => known.find((key) => key.name === name));
  return { views, features, keys };
}

function entityOf(bundle: Bundle, view: FeatureView | null): Entity | undefined {
  return view === null ? undefined : bundle.entities.get(view.entity);
}

function planFeature(
  name: string,
  feature: string,
  row: number,
  views: readonly (FeatureView | null)[],
): FeaturePlan {
  const of = views[row]?.features ?? [];
  const index = of.findIndex((candidate) => candidate.name === feature);
  return { name, row, definition: of[index] ?? null, index, onDemand: -1 };
}

function planOutput(
  name: string,
  feature: string,
  onDemand: number,
  { bundle, record }: { readonly bundle: Bundle; readonly record: ServedRecord },
): FeaturePlan {
  const of = bundle.onDemand.get(record.onDemand[onDemand]!.view)?.features ?? [];
  const index = of.findIndex((candidate) => candidate.name === feature);
  return { name, row: -1, definition: of[index] ?? null, index, onDemand };
}

/** @returns null where no on-demand view of the record has a feature of this full name */
function namedOutput(name: string, bundle: Bundle, record: ServedRecord): FeaturePlan | null {
  for (const [i, { role }] of record.onDemand.entries()) {
    if (!name.startsWith(`${role}__`)) continue;
    const plan = planOutput(name, name.slice(role.length + 2), i, { bundle, record });
    if (plan.definition !== null) return plan;
  }
  return null;
}

/** Both roles and features may hold `__` themselves, so each row's role is tried. */
function namedFeature(
  name: string,
  rows: readonly LoggedRow[],
  views: readonly (FeatureView | null)[],
): FeaturePlan {
  for (let i = 0; i < rows.length; i++) {
    const start = `${rows[i]!.role}__`;
    if (!name.startsWith(start)) continue;
    const plan = planFeature(name, name.slice(start.length), i, views);
    if (plan.definition !== null) return plan;
  }
  return { name, row: -1, definition: null, index: -1, onDemand: -1 };
}

interface RowValues {
  readonly row: DecodedRow;
  /** By the view's features; undefined: the row's definition lacks the feature. null: nothing was read. */
  readonly values: readonly (Value | undefined)[] | null;
}

function decodeRow(
  bundle: Bundle,
  view: FeatureView | null,
  logged: LoggedRow,
  otherSchemas: SchemaLookup,
): RowValues {
  const header = logged.row === null ? null : readHeader(logged.row);
  if (logged.status !== PRESENT) return { row: { logged, header, fault: null }, values: null };
  const faulty = (fault: string): RowValues => ({ row: { logged, header, fault }, values: null });
  if (view === null) return faulty(`bundle ${bundle.hash} has no view ${logged.view}`);
  if (logged.row === null || header === null) return faulty('the record lacks the bytes of the row');
  const values = rowValues(bundle, view, logged.row, otherSchemas);
  return typeof values === 'string' ? faulty(values) : { row: { logged, header, fault: null }, values };
}

/**
 * The values of a stored row under the definition that it was written with.
 *
 * @param view  of the bundle
 * @param row   header and values, as they were stored
 * @returns     one for each feature of the view, undefined where the row's older definition lacks it, as each does that
 *              had other join keys; or, as text, why the row cannot be read
 */
export function rowValues(
  bundle: Bundle,
  view: FeatureView,
  row: Buffer,
  otherSchemas: SchemaLookup = () => null,
): (Value | undefined)[] | string {
  const schema = schemaOf(bundle, view, row, otherSchemas);
  if (typeof schema === 'string') return schema;
  try {
    const values = decodeRowValues(schema, row);
    return isAnothers(bundle, view, schema)
      ? view.features.map(() => undefined)
      : mapValues(view, schema, values);
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * @param definitionId  of a stored row
 * @returns             for each feature of the view whether the row has it; or, as text, why that is not known
 */
export function rowFeatures(
  bundle: Bundle,
  view: FeatureView,
  definitionId: number,
  otherSchemas: SchemaLookup = () => null,
): boolean[] | string {
  const schema = schemaById(bundle, view, definitionId, otherSchemas);
  if (typeof schema === 'string') return schema;
  if (isAnothers(bundle, view, schema)) return view.features.map(() => false);
  return matchFeatures(view.features, schema.features).map((index) => index !== -1);
}

function schemaOf(
  bundle: Bundle,
  view: FeatureView,
  row: Buffer,
  otherSchemas: SchemaLookup,
): RowSchema | string {
  const definitionId = readHeader(row)?.definitionId;
  if (definitionId === undefined) return `the row has only ${row.length} bytes`;
  return schemaById(bundle, view, definitionId, otherSchemas);
}

function schemaById(
  bundle: Bundle,
  view: FeatureView,
  definitionId: number,
  otherSchemas: SchemaLookup,
): RowSchema | string {
  const schema =
    bundle.schemas.get(view.id)?.find((known) => known.definitionId === definitionId) ??
    otherSchemas(view.id, definitionId);
  return schema ?? `definition ${definitionName(definitionId)} of ${view.id} is not known`;
}

/** A row that was written under other join keys stands under this entity's key by chance. */
function isAnothers(bundle: Bundle, view: FeatureView, schema: RowSchema): boolean {
  return !haveSameKeys(schema, rowSchemaOf(view, bundle.entities.get(view.entity)!));
}

function mapValues(view: FeatureView, schema: RowSchema, raw: readonly Value[]): (Value | undefined)[] {
  if (schema.definitionId === view.definitionId) return [...raw];
  return matchFeatures(view.features, schema.features).map((index) => raw[index]);
}

/** @returns null for a feature that comes from a row */
function computedFeature(
  { name, definition, onDemand }: FeaturePlan,
  outputs: readonly DecodedOutput[],
  { outputStatuses }: LoggedVector,
): DecodedFeature | null {
  if (onDemand === -1) return null;
  const feature = { name, definition, row: -1, withheld: null };
  const output = outputs.find((one) => one.name === name);
  if (output === undefined) return { ...feature, value: null, status: UNAVAILABLE };
  const status = outputStatuses[onDemand] ?? UNAVAILABLE;
  if (status !== PRESENT) return { ...feature, value: definition!.missing, status };
  const { value, withheld } = output;
  return { ...feature, value, withheld, status: value === null && withheld === null ? NULL : PRESENT };
}

function featureOf(plan: FeaturePlan, rows: readonly RowValues[]): DecodedFeature {
  const { name, definition, row, index } = plan;
  const from = rows[row];
  const shown = (
    value: Value,
    status: number,
    withheld: DecodedFeature['withheld'] = null,
  ): DecodedFeature => ({
    name,
    definition,
    value,
    status,
    row,
    withheld,
  });
  if (from === undefined || definition === null) return shown(null, MISSING);
  const { status, masked } = from.row.logged;
  if (status !== PRESENT) return shown(definition.missing, status);
  if (from.values === null) return shown(null, status);
  const value = from.values[index];
  if (value === undefined) return shown(definition.missing, MISSING);
  if (masked && definition.log !== 'raw') return shown(null, PRESENT, definition.log);
  return shown(value, value === null ? NULL : PRESENT);
}

/** An id that was hashed shows its HMAC, one that was dropped nothing. */
function loggedId(key: JoinKey | undefined, part: string | null, policy: number): KeyValue | null {
  if (policy === LOG_RAW || part === null) return entityValue(key, part);
  return policy === LOG_HMAC ? `hmac:${part}` : null;
}

/** A key that no definition knows any more, or that is none of its type, keeps its text. */
function entityValue(key: JoinKey | undefined, part: string | null): KeyValue | null {
  if (part === null) return null;
  return keyValueOf(key ?? { name: '', type: 'string' }, part) ?? part;
}
