/**
 * The columns of a judged row in SQL: those of the row, from the three places that have rows of a role (none, the open
 * ones, and the agreeing ones), and those of its verdict, which many rows share. Own columns begin with `_`, which no
 * name of a definition may.
 *
 *   _request_id, _row, _pod, _epoch, _sequence, _served_time, _surface, _bundle, _service_version   the vector
 *   the keys by their names, `{key}__hmac` for hashed ones
 *   _view, _role, _status, _source, _fetched, _watermark                                            what was served
 *   _event_time, _created_time, _written_time, _definition_id                                       of the served row
 *   _replayed_status, _replayed_event_time, _replayed_created_time, _replayed_run                   of the replayed row
 *   _outcome, _fidelity, _cause, _causes, _run, _within_promise, _mismatches, _beyond_promise, _weight
 *   a feature    {served, replayed} as the rows held them, before fallbacks; {cause, causes, run, within_promise} null
 *                where they do not differ; all of it null in the rows of other views
 */
import { CAUSES } from '../../contract/cause.ts';
import type { Feature, JoinKey } from '../../contract/model.ts';
import { PRESENT, ROW_SOURCES, STATUSES } from '../../contract/status.ts';
import { SURFACES } from '../../contract/wire/log/served-record.ts';
import { ROW_FOUND, ROW_OUTSIDE_TTL } from '../../project/engine/duckdb/as-of-join.ts';
import { duckTypeOf, quoteName, quoteText } from '../../project/engine/duckdb/duckdb.ts';
import { duckKeyType } from '../../project/engine/duckdb/history.ts';
import { FIDELITY_ANSWERS } from '../causes/fidelity.ts';
import { OPEN_ROWS } from '../replay/open-rows.ts';
import { AGREES_MISSING, AGREES_OUTSIDE_TTL, AGREES_PRESENT, OPEN, SPLIT } from '../replay/row-split.ts';
import { IN_FORCE } from '../replay/rows-in-force.ts';
import {
  AGREES_ABSENT,
  AGREES_TRUE,
  DECISIONS,
  JUDGED_VECTORS,
  ROW_OUTCOMES,
  VERDICTS,
} from './row-verdicts.ts';

export interface JudgedRole {
  readonly role: string;
  /** The view's id. */
  readonly view: string;
  readonly keys: readonly JoinKey[];
  /** For each key whether the log has ids of it as HMACs. */
  readonly hashedKeys: readonly boolean[];
  /** In the order of s0, v0, d0 ... */
  readonly features: readonly {
    readonly fullName: string;
    readonly feature: Pick<Feature, 'name' | 'type'>;
  }[];
  /** For each feature whether its values are left out. */
  readonly withheld: readonly boolean[];
}

/** A column: its name, its type, and its value. */
type JudgedColumn = readonly [name: string, type: string, sql: string];

/** Texts of a few, which Parquet has by their numbers: else each text is written anew, as numbers need it. */
const enumOf = (texts: readonly string[]): string => `ENUM(${texts.map(quoteText).join(', ')})`;
const CAUSE = enumOf(CAUSES);

const TIME = 'TIMESTAMP WITH TIME ZONE';
const NOT_HELD = ['foreign', 'altered', 'missingInHistory', 'unknown'] as const;
const VERDICT = '_verdict';
/** Of rows without a mismatch one in so many is kept. */
const SAMPLED = 100;
/** One request's rows of all views are taken, or none. */
export const isSampled = `hash(v.request_id, v.row_index) % ${SAMPLED} = 0`;
/** What an on-demand view gave in the vectors that are kept (judged-outputs.ts). */
export const JUDGED_OUTPUTS = 'judged_outputs';
/** What a verdict says of a row as a whole, in the order of the judged row. */
const OF_VERDICT = [
  '_outcome',
  '_fidelity',
  '_cause',
  '_causes',
  '_run',
  '_within_promise',
  '_mismatches',
  '_beyond_promise',
] as const;

/** @returns a SELECT of no row that has all columns, so that every day has the same */
export function noRowsSql(role: JudgedRole): string {
  const nothing = {
    replayedStatus: 'NULL',
    replayedEvent: 'NULL',
    replayedCreated: 'NULL',
    replayedRun: 'NULL',
    verdict: 'NULL',
    weight: 'NULL',
    features: role.features.map(() => ({ served: 'NULL', replayed: 'NULL' })),
  };
  const columns = columnsOf(role, nothing).map(([name, type]) => `NULL::${type} AS ${quoteName(name)}`);
  return `SELECT ${columns.join(', ')} WHERE false`;
}

export function openRowsSql(role: JudgedRole): string {
  const found = 't.asof_state';
  const columns = columnsOf(role, {
    replayedStatus: `CASE ${found} WHEN ${ROW_FOUND} THEN 'PRESENT' WHEN ${ROW_OUTSIDE_TTL} THEN 'OUTSIDE_TTL' ELSE 'MISSING' END`,
    replayedEvent: 't.asof_event_us',
    replayedCreated: 't.asof_created_us',
    replayedRun: 't.asof_run_id',
    verdict: 'o.verdict',
    weight: WEIGHT,
    features: role.features.map(({ feature }, i) => ({
      served: `CASE WHEN v.status = ${PRESENT} THEN v.s${i} END`,
      replayed: `h.${quoteName(feature.name)}`,
    })),
  });
  return `${selectSql(columns)} FROM ${OPEN_ROWS} v JOIN ${JUDGED_VECTORS} o ON o.vid = v.vid
    JOIN ${VERDICTS} j ON j.verdict = o.verdict JOIN replay_trained t ON t.rid = v.vid
    LEFT JOIN replay_history h ON h.rowid = t.trained_row WHERE ${isWhole} OR ${isSampled}`;
}

const isWhole = `(j.decision > 0 OR coalesce(j.fidelity IN (${NOT_HELD.map((one) => FIDELITY_ANSWERS.indexOf(one)).join(', ')}), false))`;
const WEIGHT = `CASE WHEN ${isWhole} THEN 1 ELSE ${SAMPLED} END`;

/** @param rows  SELECT of the role's rows (replay/served-files.ts) */
export function agreeingRowsSql(role: JudgedRole, rows: string): string {
  const columns = columnsOf(role, {
    replayedStatus: `CASE s.agrees WHEN ${AGREES_PRESENT} THEN 'PRESENT' WHEN ${AGREES_OUTSIDE_TTL} THEN 'OUTSIDE_TTL' ELSE 'MISSING' END`,
    replayedEvent: `CASE WHEN s.agrees <> ${AGREES_MISSING} THEN v.event_us END`,
    replayedCreated: `CASE WHEN s.agrees <> ${AGREES_MISSING} THEN v.created_us END`,
    replayedRun: 'NULL',
    verdict: `CASE WHEN s.agrees = ${AGREES_PRESENT} THEN ${AGREES_TRUE} ELSE ${AGREES_ABSENT} END`,
    weight: String(SAMPLED),
    features: role.features.map((_, i) => ({ served: `h.v${i}`, replayed: `h.v${i}` })),
  });
  return `${selectSql(columns)} FROM (SELECT * FROM (${rows}) v WHERE ${isSampled}) v
    JOIN ${SPLIT} s ON s.vid = v.vid AND s.agrees <> ${OPEN} LEFT JOIN ${IN_FORCE} h ON h.n = s.n`;
}

/**
 * Of an on-demand view: it has no rows, which would have times.
 *
 * @param vectors  SELECT of the service's vectors, with the status of the view as w0
 */
export function outputRowsSql(role: JudgedRole, vectors: string): string {
  const columns = columnsOf(role, {
    replayedStatus: 'h.replayed',
    replayedEvent: 'NULL',
    replayedCreated: 'NULL',
    replayedRun: 'NULL',
    verdict: 'o.verdict',
    weight: WEIGHT,
    features: role.features.map((_, i) => ({ served: `h.s${i}`, replayed: `h.r${i}` })),
  });
  const times = ['fetched_us', 'watermark_us', 'event_us', 'created_us', 'written_ms'];
  const nothing = ['source', ...times, 'definition_id'].map((name) => `NULL::BIGINT AS ${name}`);
  const status = `list_position([${STATUSES.map(quoteText).join(', ')}], w0) - 1 AS status`;
  return `${selectSql(columns)} FROM (SELECT *, ${[status, ...nothing].join(', ')} FROM (${vectors})) v
    JOIN ${JUDGED_OUTPUTS} h ON h.vid = v.vid JOIN ${JUDGED_VECTORS} o ON o.vid = v.vid
    JOIN ${VERDICTS} j ON j.verdict = o.verdict`;
}

/** @returns a SELECT of what the verdicts of a role say, by their number */
export function verdictsSql({ features }: Pick<JudgedRole, 'features'>): string {
  const columns: JudgedColumn[] = [
    [VERDICT, 'UINTEGER', 'j.verdict'],
    ['_outcome', enumOf(ROW_OUTCOMES), pick(ROW_OUTCOMES, 'j.outcome')],
    ['_fidelity', enumOf(FIDELITY_ANSWERS), pick(FIDELITY_ANSWERS, 'j.fidelity')],
    ['_cause', CAUSE, 'd.cause'],
    ['_causes', `${CAUSE}[]`, 'd.causes'],
    ['_run', 'VARCHAR', 'd.run'],
    ['_within_promise', 'BOOLEAN', 'd.within_promise'],
    ['_mismatches', 'INTEGER', 'j.mismatches'],
    ['_beyond_promise', 'INTEGER', 'j.beyond'],
    ...features.map(({ fullName }, i): JudgedColumn => {
      const fields = ['cause', 'causes', 'run', 'within_promise'].map((field) => `${field}: e${i}.${field}`);
      return [fullName, DECIDED_TYPE, `{${fields.join(', ')}}`];
    }),
  ];
  const joins = features.map((_, i) => `LEFT JOIN ${DECISIONS} e${i} ON e${i}.decision = j.d${i}`);
  return `${selectSql(columns)} FROM ${VERDICTS} j LEFT JOIN ${DECISIONS} d ON d.decision = j.decision ${joins.join(' ')}`;
}

const DECIDED_TYPE = `STRUCT(cause ${CAUSE}, causes ${CAUSE}[], run VARCHAR, within_promise BOOLEAN)`;

/**
 * Puts rows and their verdicts together.
 *
 * @param rows, verdicts  FROM items of what the functions above select
 * @param features        full names of the role's features
 */
export function judgedRowsSql(rows: string, verdicts: string, features: readonly string[]): string {
  const apart = [VERDICT, '_weight', ...features].map(quoteName).join(', ');
  const whole = OF_VERDICT.map((name) => `v.${name}`);
  const each = features.map(quoteName).map((name) => {
    const values = ['served', 'replayed'].map((field) => `${field}: r.${name}.${field}`);
    const decided = ['cause', 'causes', 'run', 'within_promise'].map(
      (field) => `${field}: v.${name}.${field}`,
    );
    return `{${[...values, ...decided].join(', ')}} AS ${name}`;
  });
  return `SELECT r.* EXCLUDE (${apart}), ${[...whole, 'r._weight', ...each].join(', ')}
    FROM ${rows} r JOIN ${verdicts} v ON v.${VERDICT} = r.${VERDICT}`;
}

function selectSql(columns: readonly JudgedColumn[]): string {
  return `SELECT ${columns.map(([name, type, sql]) => `(${sql})::${type} AS ${quoteName(name)}`).join(', ')}`;
}

interface Replayed {
  readonly replayedStatus: string;
  readonly replayedEvent: string;
  readonly replayedCreated: string;
  readonly replayedRun: string;
  readonly verdict: string;
  readonly weight: string;
  readonly features: readonly { readonly served: string; readonly replayed: string }[];
}

function columnsOf(role: JudgedRole, replayed: Replayed): JudgedColumn[] {
  return [
    ['_request_id', 'VARCHAR', 'v.request_id'],
    ['_row', 'INTEGER', 'v.row_index'],
    ['_pod', 'VARCHAR', 'v.pod'],
    ['_epoch', 'VARCHAR', 'v.epoch'],
    ['_sequence', 'BIGINT', 'v.sequence'],
    ['_served_time', TIME, timeSql('v.served_us')],
    ['_surface', enumOf(SURFACES), pick(SURFACES, 'v.surface')],
    ['_bundle', 'VARCHAR', 'v.bundle'],
    ['_service_version', 'INTEGER', 'v.service_version'],
    ...role.keys.flatMap(({ name, type }, i): JudgedColumn[] => [
      [name, duckKeyType(type), `CASE WHEN v.shown_${i} IS NULL THEN v.key_${i} END`],
      ...(role.hashedKeys[i] ? ([[`${name}__hmac`, 'VARCHAR', `v.shown_${i}`]] as const) : []),
    ]),
    ['_view', enumOf([role.view]), quoteText(role.view)],
    ['_role', enumOf([role.role]), quoteText(role.role)],
    ['_status', enumOf(STATUSES), pick(STATUSES, 'v.status')],
    ['_source', enumOf(ROW_SOURCES), pick(ROW_SOURCES, 'v.source')],
    ['_fetched', TIME, timeSql('v.fetched_us')],
    ['_watermark', TIME, timeSql('v.watermark_us')],
    ['_event_time', TIME, timeSql('v.event_us')],
    ['_created_time', TIME, timeSql('v.created_us')],
    ['_written_time', TIME, timeSql('v.written_ms * 1000')],
    ['_definition_id', 'BIGINT', 'v.definition_id'],
    ['_replayed_status', enumOf(STATUSES), replayed.replayedStatus],
    ['_replayed_event_time', TIME, timeSql(replayed.replayedEvent)],
    ['_replayed_created_time', TIME, timeSql(replayed.replayedCreated)],
    ['_replayed_run', 'VARCHAR', replayed.replayedRun],
    [VERDICT, 'UINTEGER', replayed.verdict],
    ['_weight', 'INTEGER', replayed.weight],
    ...role.features.map(({ fullName, feature }, i): JudgedColumn => {
      const { served, replayed: trained } = replayed.features[i]!;
      const type = duckTypeOf(feature.type);
      const [a, b] = role.withheld[i] ? ['NULL', 'NULL'] : [served, trained];
      const both = `{served: (${a})::${type}, replayed: (${b})::${type}}`;
      return [fullName, `STRUCT(served ${type}, replayed ${type})`, both];
    }),
  ];
}

function timeSql(us: string): string {
  return `make_timestamptz((${us})::BIGINT)`;
}

/** @returns the text that a number stands for, of `enumOf` the texts */
function pick(texts: readonly string[], number: string): string {
  return `([${texts.map(quoteText).join(', ')}]::${enumOf(texts)}[])[(${number})::INTEGER + 1]`;
}
