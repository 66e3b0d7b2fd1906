/**
 * The columns that the vectors of a service have in the archive, by the bundle that answered: a column a key, a struct
 * a view's row, a column a feature. A request for single features has a shape for each of its views.
 *
 * A row's features that the service does not take stand in columns of their own, so that the whole row is there: which
 * row of the history it is can be told from all of its values, also where a service takes one of them.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Bundle, Entity, FeatureView, JoinKey } from '../../contract/model.ts';
import type { KeyType, ValueType } from '../../contract/value-type.ts';
import { LOG_HMAC, LOG_RAW } from '../../contract/wire/log/served-record.ts';
import type { ServedRecord } from '../../contract/wire/log/served-record.ts';
import { duckTypeOf, quoteName } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import { serviceFolder, viewFolder } from '../../project/archive/archive-layout.ts';
import {
  UNDECODED_INPUTS,
  UNDECODED_OUTPUTS,
  computedShape,
  outputsColumn,
  statusColumn,
} from './computed-shape.ts';
import type { ShapeComputed } from './computed-shape.ts';

interface ShapeKey {
  readonly name: string;
  readonly type: KeyType;
  /** Where it stands among the record's keys. */
  readonly index: number;
  /** How ids stand in the log: an index into LOG_POLICIES. */
  readonly policy: number;
}

interface ShapeRole {
  readonly role: string;
  /** The view's id. */
  readonly viewId: string;
  /** As the bundle has it; null: the bundle has no such view, and rows keep their bytes. */
  readonly view: FeatureView | null;
  readonly entity: Entity | null;
  readonly masked: boolean;
  /** Where it stands among the vector's rows. */
  readonly index: number;
}

interface ShapeFeature {
  /** The name of its column: its full name, or `restColumn` where the service does not take it. */
  readonly column: string;
  readonly name: string;
  readonly type: ValueType;
  /** Index into `roles`. */
  readonly role: number;
  readonly hashed: boolean;
}

export interface ArchiveShape {
  /** Below the folder of served values, without the n of its version: `churn/v3`. */
  readonly folder: string;
  readonly keys: readonly ShapeKey[];
  readonly roles: readonly ShapeRole[];
  readonly features: readonly ShapeFeature[];
  /** null: no on-demand view was computed. */
  readonly computed: ShapeComputed | null;
}

/** What all records of a service on a surface have in common. */
export type RecordHead = Pick<
  ServedRecord,
  | 'surface'
  | 'service'
  | 'serviceVersion'
  | 'bundle'
  | 'keyNames'
  | 'keyPolicies'
  | 'hmacKeyId'
  | 'inputNames'
  | 'inputPolicies'
  | 'onDemand'
> & {
  readonly views: readonly { readonly role: string; readonly view: string; readonly masked: boolean }[];
  /** By view, as the bundle that answered has them. */
  readonly definitionIds: ReadonlyMap<string, number>;
};

/** @returns one shape of a request for a service, one for each view of a request for single features */
export function shapesOf(head: RecordHead, bundle: Bundle | null): ArchiveShape[] {
  const roles = head.views.map(({ role, view: viewId, masked }, index): ShapeRole => {
    const view = bundle?.views.get(viewId) ?? null;
    const entity = view === null ? null : (bundle!.entities.get(view.entity) ?? null);
    return { role, viewId, view: entity === null ? null : view, entity, masked, index };
  });
  if (head.service === '') {
    return roles.map((role) => ({
      folder: viewFolder(role.viewId),
      keys: keysOf(head, role.entity?.joinKeys ?? []).filter(
        ({ name }) => role.entity?.joinKeys.some((key) => key.name === name) ?? true,
      ),
      roles: [role],
      features: (role.view?.features ?? []).map(({ name }) => featureOf([role], 0, name, fullName)!),
      computed: null,
    }));
  }
  const service = bundle?.services.get(head.service);
  const joinKeys = [
    ...(service?.requestKeys ?? []),
    ...roles.flatMap(({ entity }) => entity?.joinKeys ?? []),
  ];
  const taken = (service?.features ?? []).flatMap(({ role, feature }) => {
    const at = roles.findIndex((one) => one.role === role);
    return featureOf(roles, at, feature, fullName) ?? [];
  });
  const rest = roles.flatMap(({ view }, at) =>
    (view?.features ?? [])
      .filter(({ name }) => !taken.some((one) => one.role === at && one.name === name))
      .map(({ name }) => featureOf(roles, at, name, restColumn)!),
  );
  return [
    {
      folder: serviceFolder(head.service, head.serviceVersion),
      keys: keysOf(head, joinKeys),
      roles,
      features: [...taken, ...rest],
      computed: computedShape(head, bundle),
    },
  ];
}

function keysOf({ keyNames, keyPolicies }: RecordHead, joinKeys: readonly JoinKey[]): ShapeKey[] {
  return keyNames.map((name, index) => {
    const type = joinKeys.find((key) => key.name === name)?.type ?? 'string';
    return { name, type, index, policy: keyPolicies[index] ?? LOG_RAW };
  });
}

/** @param columnOf  by role and feature */
function featureOf(
  roles: readonly ShapeRole[],
  role: number,
  name: string,
  columnOf: (role: string, feature: string) => string,
): ShapeFeature | null {
  const of = roles[role];
  const feature = of?.view?.features.find((one) => one.name === name);
  if (of === undefined || feature === undefined) return null;
  const hashed = of.masked && feature.log === 'hmac';
  return { column: columnOf(of.role, name), name, type: feature.type, role, hashed };
}

/** A column of the archive's files: its name and its type in SQL. */
export type ArchiveColumn = readonly [name: string, type: string];

const OWN: readonly ArchiveColumn[] = [
  ['_request_id', 'VARCHAR'],
  ['_row', 'INTEGER'],
  ['_pod', 'VARCHAR'],
  ['_epoch', 'VARCHAR'],
  ['_sequence', 'BIGINT'],
  ['_served_time', 'TIMESTAMP WITH TIME ZONE'],
  ['_clock_offset', 'BIGINT'],
  ['_surface', 'VARCHAR'],
  ['_bundle', 'VARCHAR'],
  ['_service_version', 'INTEGER'],
  ['_hmac_key', 'VARCHAR'],
  ['_answer', 'BLOB'],
];

const TIME = 'TIMESTAMP WITH TIME ZONE';
const VIEW_FIELDS: readonly ArchiveColumn[] = [
  ['status', 'VARCHAR'],
  ['reason', 'VARCHAR'],
  ['source', 'VARCHAR'],
  ['fetched', TIME],
  ['watermark', TIME],
  ['event_time', TIME],
  ['created_time', TIME],
  ['written_time', TIME],
  ['definition_id', 'BIGINT'],
  ['bundle_definition_id', 'BIGINT'],
  ['row_hash', 'BIGINT'],
  ['undecoded', 'BLOB'],
];
const VIEW_TYPE = `STRUCT(${VIEW_FIELDS.map(([name, type]) => `${name} ${type}`).join(', ')})`;

const fullName = (role: string, feature: string): string => `${role}__${feature}`;
/** Of a feature that the service does not take. No role begins with `_`, so no full name is one of these. */
export const restColumn = (role: string, feature: string): string => `_row__${fullName(role, feature)}`;
export const viewColumn = (role: string): string => `_view__${role}`;
export const hmacColumn = (name: string): string => `${name}__hmac`;

/** @returns the columns of the files, in their order */
export function columnsOf({ keys, roles, features, computed }: ArchiveShape): ArchiveColumn[] {
  return [
    ...OWN,
    ...keys.flatMap(({ name, type, policy }) => [
      [name, duckKeyType(type)] as const,
      ...(policy === LOG_HMAC ? [[hmacColumn(name), 'BLOB'] as const] : []),
    ]),
    ...roles.map(({ role }) => [viewColumn(role), VIEW_TYPE] as const),
    ...features.flatMap(({ column, type, hashed }) => [
      [column, duckTypeOf(type)] as const,
      ...(hashed ? [[hmacColumn(column), 'BLOB'] as const] : []),
    ]),
    ...(computed === null ? [] : columnsOfComputed(computed)),
  ];
}

function columnsOfComputed({ views, inputs, outputs }: ShapeComputed): ArchiveColumn[] {
  return [
    ...[...(inputs ?? []), ...(outputs ?? [])].flatMap(({ column, type, hashed }) => [
      [column, duckTypeOf(type)] as const,
      ...(hashed ? [[hmacColumn(column), 'BLOB'] as const] : []),
    ]),
    ...views.flatMap(({ role }) => [
      [statusColumn(role), 'VARCHAR'] as const,
      [outputsColumn(role), 'VARCHAR[]'] as const,
    ]),
    [UNDECODED_INPUTS, 'BLOB'],
    [UNDECODED_OUTPUTS, 'BLOB'],
  ];
}

/** @returns for each feature of a view's row, as its schema has them, which feature of the shape it is; -1: none */
export function featuresOfRow(
  { features }: ArchiveShape,
  role: number,
  fields: readonly { readonly name: string; readonly type: ValueType }[],
): number[] {
  return fields.map((field) => features.findIndex((one) => one.role === role && isSameFeature(one, field)));
}

/** @returns the shape's columns as one text: tables of one text take each other's rows */
export function signatureOf(shape: ArchiveShape): string {
  const columns = columnsOf(shape).map(([name, type]) => `${quoteName(name)} ${type}`);
  return `${shape.folder}\n${columns.join('\n')}`;
}
