/**
 * The events of a view in Flink SQL, from messages to those that count: the rule of `plumb stream`
 * (materializer/stream/view-events.ts), step by step as views.
 *
 *   message   the topic, each field as text
 *   event     fields in their types; `readable`: whether it is an event at all
 *   judged    events with what they are to the view (`Outcome`), and whether they are read at all
 *   counting  k0.., t, origin, place, sign, id, v0..: what counts for the view, one row an event
 *   once      of events that came twice the first
 */
import { MAX_ID_BYTES } from '../../../contract/wire/online/entity-key.ts';
import { FIXED_MAX } from '../../../contract/aggregation/fixed-point.ts';
import { LEFT_OUT } from '../../../contract/aggregation/tile-message.ts';
import type { LeftOut } from '../../../contract/aggregation/tile-message.ts';
import type { TilePlan } from '../../../contract/aggregation/tile-plan.ts';
import { expressionTypeOf } from '../../../contract/expression/expression-type.ts';
import { resolveExpression } from '../../../contract/expression/resolve.ts';
import type { Expression, ExpressionType } from '../../../contract/expression/resolve.ts';
import { parseExpression } from '../../../contract/expression/syntax.ts';
import type { Source } from '../../../contract/model.ts';
import { overflowSql } from '../overflow-sql.ts';
import { flinkName, flinkText, flinkValueSql } from './expression-sql.ts';
import { fieldSql } from './field-sql.ts';

/** Names of the messages' columns that no field has. */
const PARTITION = '~partition';
const OFFSET = '~offset';
const APPENDED = '~appended';
const ARRIVED = '~arrived';

const MAX_TIME_US = Number.MAX_SAFE_INTEGER;

interface FlinkTopic {
  readonly topic: string;
  /** Options of the connector that all tables share, such as `properties.bootstrap.servers`. */
  readonly kafka: Readonly<Record<string, string>>;
}

/** @returns the statement that makes the table of messages */
export function messageTable({ stream }: Source, { topic, kafka }: FlinkTopic, group: string): string {
  const columns = [
    ...stream!.fields.map(({ name }) => `${flinkName(name)} STRING`),
    `${flinkName(PARTITION)} INT METADATA FROM 'partition' VIRTUAL`,
    `${flinkName(OFFSET)} BIGINT METADATA FROM 'offset' VIRTUAL`,
    `${flinkName(APPENDED)} TIMESTAMP_LTZ(3) METADATA FROM 'timestamp' VIRTUAL`,
    `${flinkName(ARRIVED)} AS PROCTIME()`,
  ];
  return tableSql('message', columns, {
    connector: 'kafka',
    topic,
    ...kafka,
    'properties.group.id': group,
    'properties.isolation.level': 'read_committed',
    'scan.startup.mode': 'earliest-offset',
    format: 'json',
    'json.ignore-parse-errors': 'true',
  });
}

export function tableSql(
  name: string,
  columns: readonly string[],
  options: Readonly<Record<string, string>>,
): string {
  const list = Object.entries(options).map(([key, value]) => `  ${flinkText(key)} = ${flinkText(value)}`);
  return `CREATE TABLE ${flinkName(name)} (\n  ${columns.join(',\n  ')}\n) WITH (\n${list.join(',\n')}\n)`;
}

/** @returns the statement that makes the view of events in their types */
export function eventView({ stream, eventTime }: Source): string {
  const fields = stream!.fields.map((field) => ({ name: field.name, ...fieldSql(field) }));
  const time = fields.find(({ name }) => name === eventTime)!;
  const readable = [
    ...fields.flatMap(({ fits }) => (fits === null ? [] : [fits])),
    `COALESCE(${time.value} BETWEEN 0 AND ${MAX_TIME_US}, FALSE)`,
    ...(stream!.op === null ? [] : [`${signSql(stream!)} IS NOT NULL`]),
  ];
  const appended = flinkName(APPENDED);
  // The difference of two TIMESTAMP_LTZ is whole seconds.
  const seconds = `TIMESTAMPDIFF(SECOND, TO_TIMESTAMP_LTZ(0, 3), ${appended})`;
  const columns = [
    ...fields.map(({ name, value }) => `${value} AS ${flinkName(name)}`),
    `CAST(${flinkName(PARTITION)} AS BIGINT) AS ${flinkName(PARTITION)}`,
    flinkName(OFFSET),
    `CAST(${seconds} AS BIGINT) * 1000000 + EXTRACT(MILLISECOND FROM ${appended}) % 1000 * 1000 AS ${appended}`,
    flinkName(ARRIVED),
    `(${readable.join('\n    AND ')}) AS readable`,
  ];
  return `CREATE TEMPORARY VIEW event AS SELECT\n  ${columns.join(',\n  ')}\nFROM message`;
}

function signSql({ op, fields }: NonNullable<Source['stream']>): string {
  if (op === null) return '1';
  const { type } = fields.find(({ name }) => name === op.column)!;
  const column = flinkName(op.column);
  const list = (values: readonly string[]): string =>
    values.map((value) => (type.kind === 'string' ? flinkText(value) : value)).join(', ');
  return `(CASE WHEN ${column} IN (${list(op.insert)}) THEN 1 WHEN ${column} IN (${list(op.delete)}) THEN -1 END)`;
}

/** What an event is to a view, as `judged` says it; the events that count say `counts`. */
type Outcome = keyof LeftOut;

interface CountingViews {
  readonly judged: string;
  readonly counting: string;
  readonly once: string;
}

/**
 * @param horizonUs  events appended up to and including it count however late they were
 * @returns          the statements that make the views of what each event is, of those that count, and of each of them
 *                   once
 */
export function countingViews(plan: TilePlan, horizonUs: number): CountingViews {
  const { view, entity } = plan;
  const { source, where, select } = view;
  const stream = source.stream!;
  const types = new Map(stream.fields.map(({ name, type }) => [name, expressionTypeOf(type)]));
  const resolve = (text: string, expected: ExpressionType | null): Expression =>
    resolveExpression(parseExpression(text), types, expected);
  const field = (name: string): string => {
    const { kind } = stream.fields.find((one) => one.name === name)!.type;
    return kind === 'float32' ? `CAST(${flinkName(name)} AS DOUBLE)` : flinkName(name);
  };
  const selected = select.map(({ name, expression }) => ({ name, node: resolve(expression, null) }));
  const columnSql = (name: string): string => {
    const computed = selected.find((one) => one.name.toLowerCase() === name.toLowerCase());
    if (computed !== undefined) return flinkValueSql(computed.node, field);
    return flinkName(stream.fields.find((one) => one.name.toLowerCase() === name.toLowerCase())!.name);
  };
  const keys = entity.joinKeys.map(({ name }) => columnSql(name));
  const values = plan.columns.map(({ source: name }) => columnSql(name));
  const [time, appended] = [flinkName(source.eventTime), flinkName(APPENDED)];

  // The first that holds says what it is: what stands behind may not be computed of an event that it leaves out.
  const cases: [condition: string, outcome: Outcome][] = [['NOT readable', 'unreadable']];
  const refuseOverflow = (node: Expression): void => {
    const overflow = overflowSql(node, (child) => flinkValueSql(child, field));
    if (overflow !== null) cases.push([overflow, 'refused']);
  };
  if (where !== null) {
    const node = resolve(where, 'bool');
    refuseOverflow(node);
    cases.push([`NOT COALESCE(${flinkValueSql(node, field)}, FALSE)`, 'excluded']);
  }
  for (const { node } of selected) refuseOverflow(node);
  for (const [i, { type }] of entity.joinKeys.entries()) {
    cases.push([`${keys[i]!} IS NULL`, 'refused']);
    if (type !== 'string') continue;
    const fits = `(CHAR_LENGTH(${keys[i]!}) <= ${MAX_ID_BYTES / 4} OR CHAR_LENGTH(HEX(${keys[i]!})) <= ${2 * MAX_ID_BYTES})`;
    cases.push([`NOT ${fits}`, 'refused']);
  }
  if (source.maxAheadUs !== null) cases.push([`${time} - ${appended} > ${source.maxAheadUs}`, 'refused']);
  for (const condition of valueConditions(plan, values)) cases.push([`NOT ${condition}`, 'refused']);
  cases.push([`${appended} - ${time} > ${view.latenessUs} AND ${appended} > ${horizonUs}`, 'late']);

  const whens = cases.map(([condition, outcome]) => `  WHEN ${condition} THEN ${flinkText(outcome)}`);
  const judged = `CREATE TEMPORARY VIEW judged AS SELECT *, CASE\n${whens.join('\n')}\n  ELSE 'counts' END AS outcome\nFROM event`;
  const columns = [
    ...keys.map((key, i) => `${key} AS k${i}`),
    `${time} AS t`,
    `${flinkName(PARTITION)} AS origin`,
    `${flinkName(OFFSET)} AS place`,
    `${signSql(stream)} AS sign`,
    `${idSql(stream)} AS id`,
    ...values.map((value, i) => `${valueColumn(plan, i, value)} AS v${i}`),
    `${flinkName(ARRIVED)} AS arrived`,
  ];
  const counting = `CREATE TEMPORARY VIEW counting AS SELECT\n  ${columns.join(',\n  ')}\nFROM judged\nWHERE outcome = 'counts'`;
  const same = [...keys.map((_, i) => `k${i}`), 't', 'sign', 'id'].join(', ');
  const once =
    stream.id === null
      ? 'CREATE TEMPORARY VIEW once AS SELECT * FROM counting'
      : `CREATE TEMPORARY VIEW once AS SELECT * FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY ${same} ORDER BY arrived) AS number FROM counting
) WHERE number = 1`;
  return { judged, counting, once };
}

/** A value as tiles take it: of a column of which only the nulls matter 1, and 0 for -0. */
function valueColumn({ columns }: TilePlan, i: number, value: string): string {
  const { countedOnly, type } = columns[i]!;
  if (countedOnly) return `CASE WHEN ${value} IS NOT NULL THEN 1 END`;
  if (type.kind !== 'float32' && type.kind !== 'float64') return value;
  const zero = type.kind === 'float32' ? 'CAST(0 AS FLOAT)' : '0E0';
  return `CASE WHEN ${value} = ${zero} THEN ${zero} ELSE ${value} END`;
}

/** Which values no tile takes: `refusalOf` of contract/aggregation/tile.ts, which an event is refused by. */
function valueConditions({ columns, parts }: TilePlan, values: readonly string[]): string[] {
  const conditions = columns.flatMap(({ type, countedOnly }, i) => {
    if (countedOnly || (type.kind !== 'float32' && type.kind !== 'float64')) return [];
    return [`COALESCE(ABS(CAST(${values[i]!} AS DOUBLE)) <= 1.7976931348623157E308, TRUE)`];
  });
  for (const { key } of parts) {
    const { type, countedOnly } = columns[key.column]!;
    if (key.name !== 'sum' || countedOnly || type.kind === 'int32') continue;
    const value = values[key.column]!;
    if (type.kind === 'int64')
      conditions.push(`COALESCE(${value} BETWEEN -${FIXED_MAX} AND ${FIXED_MAX}, TRUE)`);
    else conditions.push(`COALESCE(ABS(CAST(${value} AS DOUBLE) * 1E${key.scale}) <= 1E18, TRUE)`);
  }
  return conditions;
}

/** Events without an id are each of its own. */
function idSql({ id, fields }: NonNullable<Source['stream']>): string {
  const place = `CONCAT('#', CAST(${flinkName(PARTITION)} AS STRING), '-', CAST(${flinkName(OFFSET)} AS STRING))`;
  if (id === null) return place;
  const { type } = fields.find(({ name }) => name === id)!;
  const text = type.kind === 'string' ? flinkName(id) : `CAST(${flinkName(id)} AS STRING)`;
  return `CASE WHEN ${flinkName(id)} IS NULL THEN ${place} ELSE CONCAT('=', ${text}) END`;
}

/**
 * @returns the SELECT of how far each partition of the source has come, in event time, append time and offsets, and of
 *          how many messages are what to the view
 */
export function progressSelect({ eventTime }: Source): string {
  const of = (column: string): string => `MAX(CASE WHEN readable THEN ${flinkName(column)} END)`;
  const counts = LEFT_OUT.map((one) => `COUNT(CASE WHEN outcome = '${one}' THEN 1 END) AS ${one}`);
  return `SELECT ${flinkName(PARTITION)} AS mark, ${of(eventTime)} AS event, ${of(APPENDED)} AS appended, MAX(${flinkName(OFFSET)}) AS \`offset\`,
  ${counts.join(', ')}
FROM judged GROUP BY ${flinkName(PARTITION)}`;
}
