/**
 * The columns of a judged row in SQL, from the three places that have rows of a role: none, the open ones with what the
 * judge decided, and the agreeing ones. Own columns begin with `_`, which no name of a definition may.
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
import { DECISION, DECISION_FIELDS, ROW_OUTCOMES, VERDICTS } from './row-verdicts.ts';

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

const TIME = 'TIMESTAMP WITH TIME ZONE';
const NOT_HELD = ['foreign', 'altered', 'missingInHistory', 'unknown'] as const;

/** @returns a SELECT of no row that has all columns, so that every day has the same */
export function noRowsSql(role: JudgedRole): string {
  const nothing = {
    replayedStatus: 'NULL',
    replayedEvent: 'NULL',
    replayedCreated: 'NULL',
    replayedRun: 'NULL',
    judged: judgedSql({}),
    features: role.features.map(() => ({ served: 'NULL', replayed: 'NULL', decision: null })),
  };
  const columns = columnsOf(role, nothing).map(([name, type]) => `NULL::${type} AS ${quoteName(name)}`);
  return `SELECT ${columns.join(', ')} WHERE false`;
}

/** @param sampled  one row in so many is taken of those that need not be whole */
export function openRowsSql(role: JudgedRole, sampled: number): string {
  const found = 't.asof_state';
  const columns = columnsOf(role, {
    replayedStatus: `CASE ${found} WHEN ${ROW_FOUND} THEN 'PRESENT' WHEN ${ROW_OUTSIDE_TTL} THEN 'OUTSIDE_TTL' ELSE 'MISSING' END`,
    replayedEvent: 't.asof_event_us',
    replayedCreated: 't.asof_created_us',
    replayedRun: 't.asof_run_id',
    judged: judgedSql({
      outcome: pick(ROW_OUTCOMES, 'j.outcome'),
      fidelity: pick(FIDELITY_ANSWERS, 'j.fidelity'),
      cause: `${DECISION.cause}(j.decision)`,
      causes: `${DECISION.causes}(j.decision)`,
      run: `${DECISION.run}(j.decision)`,
      withinPromise: `${DECISION.within_promise}(j.decision)`,
      mismatches: 'j.mismatches',
      beyondPromise: 'j.beyond',
      weight: `CASE WHEN ${isWhole} THEN 1 ELSE ${sampled} END`,
    }),
    features: role.features.map(({ feature }, i) => ({
      served: `CASE WHEN v.status = ${PRESENT} THEN v.s${i} END`,
      replayed: `t.${quoteName(`trained_${feature.name}`)}`,
      decision: `j.d${i}`,
    })),
  });
  return `${selectSql(columns)} FROM ${OPEN_ROWS} v JOIN ${VERDICTS} j ON j.vid = v.vid
    JOIN replay_trained t ON t.rid = v.vid WHERE ${isWhole} OR ${isSampled(sampled)}`;
}

const isWhole = `(j.mismatches > 0 OR coalesce(j.fidelity IN (${NOT_HELD.map((one) => FIDELITY_ANSWERS.indexOf(one)).join(', ')}), false))`;

/** @param rows  SELECT of the role's rows (replay/served-files.ts) */
export function agreeingRowsSql(role: JudgedRole, rows: string, sampled: number): string {
  const columns = columnsOf(role, {
    replayedStatus: `CASE s.agrees WHEN ${AGREES_PRESENT} THEN 'PRESENT' WHEN ${AGREES_OUTSIDE_TTL} THEN 'OUTSIDE_TTL' ELSE 'MISSING' END`,
    replayedEvent: `CASE WHEN s.agrees <> ${AGREES_MISSING} THEN v.event_us END`,
    replayedCreated: `CASE WHEN s.agrees <> ${AGREES_MISSING} THEN v.created_us END`,
    replayedRun: 'NULL',
    judged: judgedSql({
      outcome: `'agrees'`,
      fidelity: `CASE WHEN s.agrees = ${AGREES_PRESENT} THEN 'true' END`,
      weight: String(sampled),
    }),
    features: role.features.map((_, i) => ({ served: `h.v${i}`, replayed: `h.v${i}`, decision: null })),
  });
  return `${selectSql(columns)} FROM (SELECT * FROM (${rows}) v WHERE ${isSampled(sampled)}) v
    JOIN ${SPLIT} s ON s.vid = v.vid AND s.agrees <> ${OPEN} LEFT JOIN ${IN_FORCE} h ON h.n = s.n`;
}

function selectSql(columns: readonly JudgedColumn[]): string {
  return `SELECT ${columns.map(([name, type, sql]) => `(${sql})::${type} AS ${quoteName(name)}`).join(', ')}`;
}

/** One request's rows of all views are taken, or none. */
function isSampled(sampled: number): string {
  return `hash(v.request_id, v.row_index) % ${sampled} = 0`;
}

interface Replayed {
  readonly replayedStatus: string;
  readonly replayedEvent: string;
  readonly replayedCreated: string;
  readonly replayedRun: string;
  readonly judged: readonly JudgedColumn[];
  readonly features: readonly {
    readonly served: string;
    readonly replayed: string;
    /** The number of the decision; null: they are equal. */
    readonly decision: string | null;
  }[];
}

function columnsOf(role: JudgedRole, replayed: Replayed): JudgedColumn[] {
  return [
    ['_request_id', 'VARCHAR', 'v.request_id'],
    ['_row', 'INTEGER', 'v.row_index'],
    ['_pod', 'VARCHAR', 'v.pod'],
    ['_epoch', 'VARCHAR', 'v.epoch'],
    ['_sequence', 'BIGINT', 'v.sequence'],
    ['_served_time', TIME, timeSql('v.served_us')],
    ['_surface', 'VARCHAR', pick(SURFACES, 'v.surface')],
    ['_bundle', 'VARCHAR', 'v.bundle'],
    ['_service_version', 'INTEGER', 'v.service_version'],
    ...role.keys.flatMap(({ name, type }, i): JudgedColumn[] => [
      [name, duckKeyType(type), `CASE WHEN v.shown_${i} IS NULL THEN v.key_${i} END`],
      ...(role.hashedKeys[i] ? ([[`${name}__hmac`, 'VARCHAR', `v.shown_${i}`]] as const) : []),
    ]),
    ['_view', 'VARCHAR', quoteText(role.view)],
    ['_role', 'VARCHAR', quoteText(role.role)],
    ['_status', 'VARCHAR', pick(STATUSES, 'v.status')],
    ['_source', 'VARCHAR', pick(ROW_SOURCES, 'v.source')],
    ['_fetched', TIME, timeSql('v.fetched_us')],
    ['_watermark', TIME, timeSql('v.watermark_us')],
    ['_event_time', TIME, timeSql('v.event_us')],
    ['_created_time', TIME, timeSql('v.created_us')],
    ['_written_time', TIME, timeSql('v.written_ms * 1000')],
    ['_definition_id', 'BIGINT', 'v.definition_id'],
    ['_replayed_status', 'VARCHAR', replayed.replayedStatus],
    ['_replayed_event_time', TIME, timeSql(replayed.replayedEvent)],
    ['_replayed_created_time', TIME, timeSql(replayed.replayedCreated)],
    ['_replayed_run', 'VARCHAR', replayed.replayedRun],
    ...replayed.judged,
    ...role.features.map(({ fullName, feature }, i): JudgedColumn => {
      const { served, replayed: trained, decision } = replayed.features[i]!;
      const type = duckTypeOf(feature.type);
      const values = role.withheld[i] ? ['NULL', 'NULL'] : [served, trained];
      const fields = [
        `served: (${values[0]})::${type}`,
        `replayed: (${values[1]})::${type}`,
        ...DECISION_FIELDS.map(
          (field) => `${field}: ${decision === null ? 'NULL' : `${DECISION[field]}(${decision})`}`,
        ),
      ];
      return [fullName, featureType(type), `{${fields.join(', ')}}`];
    }),
  ];
}

function featureType(type: string): string {
  return `STRUCT(served ${type}, replayed ${type}, cause VARCHAR, causes VARCHAR[], run VARCHAR, within_promise BOOLEAN)`;
}

/** What the judge says of a row as a whole. */
function judgedSql(of: {
  readonly outcome?: string;
  readonly fidelity?: string;
  readonly cause?: string;
  readonly causes?: string;
  readonly run?: string;
  readonly withinPromise?: string;
  readonly mismatches?: string;
  readonly beyondPromise?: string;
  readonly weight?: string;
}): JudgedColumn[] {
  return [
    ['_outcome', 'VARCHAR', of.outcome ?? 'NULL'],
    ['_fidelity', 'VARCHAR', of.fidelity ?? 'NULL'],
    ['_cause', 'VARCHAR', of.cause ?? 'NULL'],
    ['_causes', 'VARCHAR[]', of.causes ?? 'NULL'],
    ['_run', 'VARCHAR', of.run ?? 'NULL'],
    ['_within_promise', 'BOOLEAN', of.withinPromise ?? 'NULL'],
    ['_mismatches', 'INTEGER', of.mismatches ?? '0'],
    ['_beyond_promise', 'INTEGER', of.beyondPromise ?? '0'],
    ['_weight', 'INTEGER', of.weight ?? 'NULL'],
  ];
}

function timeSql(us: string): string {
  return `make_timestamptz((${us})::BIGINT)`;
}

/** @returns the text that a number stands for */
function pick(texts: readonly string[], number: string): string {
  return `[${texts.map(quoteText).join(', ')}][(${number})::INTEGER + 1]`;
}
