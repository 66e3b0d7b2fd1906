/**
 * The events of an aggregated view that count, in Spark's SQL: the rule of ../events.ts, whose conditions these
 * are, one by one. Why an event does not count Spark does not say: DuckDB does, which looks at the new ones anyway.
 */
import type { FileGroup } from '../../../project/engine/duckdb/sources/source-files.ts';
import type { WantedColumn } from '../../../project/engine/duckdb/sources/column-reading.ts';
import { columnsOf } from '../../../project/engine/duckdb/sources/column-reading.ts';
import { sparkError } from '../../../project/engine/spark/errors.ts';
import { INFINITE_US } from '../../../project/engine/spark/exact-cast.ts';
import {
  fitsInSpark,
  readInSpark,
  sparkGroups,
  timeInSpark,
} from '../../../project/engine/spark/file-group.ts';
import type { SparkJob } from '../../../project/engine/spark/spark-job.ts';
import { sparkTypeOf } from '../../../project/engine/spark/spark-sql.ts';
import { MAX_ID_BYTES } from '../../../contract/wire/online/entity-key.ts';
import type { AggregatePlan, ValueColumn } from '../../aggregate/aggregate-plan.ts';
import { FIXED_MAX, isWhole, summedColumns } from '../../aggregate/fixed-point.ts';
import type { Computation } from '../computation.ts';

/** Event times in microseconds, [fromUs, toUs); null: since ever. */
interface EventSpan {
  readonly fromUs: number | null;
  readonly toUs: number;
}

/** @returns the SELECTs of an event's columns: k0.., t, v0.. as ../../aggregate/given-tiles.ts has values */
export type EventSelect = (span: EventSpan) => string;

/**
 * @param job  takes the files that are read
 * @throws     SPARK_LACKS for a source, or a type in it, that is not read here
 */
export function sparkEvents(job: SparkJob, computation: Computation): EventSelect {
  const { plan, run, source } = computation;
  const { view } = run;
  if (view.source.stream !== undefined)
    throw sparkError(
      'SPARK_LACKS',
      `the source of ${view.id} is the archive of a stream, whose events Spark does not tell apart yet`,
    );
  // Which events count does not hang on which features are computed of them.
  const whole = computation.kept?.whole ?? plan;
  const selects = sparkGroups(job, source.files, view).map(({ from, group }) => {
    const reading = new GroupEvents(group, whole, plan);
    const conditions = [...reading.good(), ...limits(computation, reading)];
    return { from, columns: reading.columns(), conditions, event: reading.event };
  });
  return ({ fromUs, toUs }) =>
    selects
      .map(({ from, columns, conditions, event }) => {
        const range = [`${event} < ${toUs}`, ...(fromUs === null ? [] : [`${event} >= ${fromUs}`])];
        return `SELECT ${columns.join(', ')} FROM ${from} WHERE ${[...conditions, ...range].join(' AND ')}`;
      })
      .join('\nUNION ALL ');
}

/** Whether an event is known by now, neither too late nor too far ahead. */
function limits({ plan, run, extent }: Computation, { event, created }: GroupEvents): string[] {
  const { latenessUs, source } = plan.view;
  const { horizonUs, futureUs } = run.range;
  const sinceUs = created ?? futureUs;
  const ahead =
    source.maxAheadUs === null || sinceUs === null ? [] : [`${event} - ${sinceUs} <= ${source.maxAheadUs}`];
  if (created === null) return ahead;
  const timely = `${created} - ${event} <= ${latenessUs}`;
  return [
    ...ahead,
    `${created} <= ${extent.knownUs}`,
    horizonUs === null ? timely : `(${timely} OR ${created} <= ${horizonUs})`,
  ];
}

/** How one group of files is read: as `EventReading` of ../event-rows.ts does it. */
class GroupEvents {
  readonly #group: FileGroup;
  readonly #whole: AggregatePlan;
  readonly #plan: AggregatePlan;
  /** Microseconds, BIGINT. */
  readonly event: string;
  /** null: the source has no such column. */
  readonly created: string | null;

  /** @param whole  the plan of all features of the view; `plan` is of those that are computed */
  constructor(group: FileGroup, whole: AggregatePlan, plan: AggregatePlan) {
    this.#group = group;
    this.#whole = whole;
    this.#plan = plan;
    const { eventTime, createdTime } = whole.view.source;
    this.event = `unix_micros(${timeInSpark(group, eventTime)})`;
    this.created = createdTime === null ? null : `unix_micros(${timeInSpark(group, createdTime)})`;
  }

  columns(): string[] {
    return [
      ...this.#keys().map((key, i) => `${readInSpark(this.#group, key).sql} AS k${i}`),
      `${this.event} AS t`,
      ...this.#plan.columns.map((column) => `${this.#value(column)} AS ${column.name}`),
    ];
  }

  /** Conditions that hold of the events that are neither excluded nor refused, whatever their times. */
  good(): string[] {
    const { excluded, faults } = this.#group;
    const conditions = [
      ...(excluded === null ? [] : [`NOT ${excluded}`]),
      ...faults.map((fault) => fault.good),
      isTime(`${this.event} >= 0 AND ${this.event}`),
      ...(this.created === null ? [] : [isTime(this.created)]),
    ];
    for (const key of this.#keys()) {
      const { sql } = readInSpark(this.#group, key);
      conditions.push(...fitsInSpark(this.#group, key), `${sql} IS NOT NULL`);
      if (key.type.kind === 'string') conditions.push(`octet_length(${sql}) <= ${MAX_ID_BYTES}`);
    }
    for (const column of this.#whole.columns) {
      if (column.countedOnly) continue;
      if (!this.#isTaken(column)) conditions.push(...fitsInSpark(this.#group, wantedOf(column)));
      conditions.push(...this.#fitsDouble(column));
    }
    return [...conditions, ...this.#summable()];
  }

  #keys(): WantedColumn[] {
    const { joinKeys } = this.#whole.entity;
    return joinKeys.map(({ name, type }) => ({ name, column: name, type: { kind: type } }));
  }

  /** A float that is not finite is in no tile. */
  #fitsDouble(column: ValueColumn): string[] {
    if (column.type.kind !== 'float32' && column.type.kind !== 'float64') return [];
    const value = this.#read(column);
    return [`coalesce(NOT isnan(${value}) AND abs(${value}) <> CAST('Infinity' AS DOUBLE), true)`];
  }

  #summable(): string[] {
    return summedColumns(this.#whole).map(({ column, scale }) => {
      const value = this.#read(column);
      const fits = isWhole(column.type)
        ? `${value} BETWEEN -${FIXED_MAX} AND ${FIXED_MAX}`
        : `abs(CAST(${value} AS DOUBLE) * 1E${scale}D) <= ${FIXED_MAX}D`;
      return `coalesce(${fits}, true)`;
    });
  }

  /** Whether a key or a time is what is aggregated. */
  #isTaken({ source }: ValueColumn): boolean {
    return this.#takenSql(source) !== null;
  }

  #takenSql(name: string): string | null {
    const lower = name.toLowerCase();
    const key = this.#keys().find(({ column }) => column.toLowerCase() === lower);
    if (key !== undefined) return readInSpark(this.#group, key).sql;
    const { eventTime, createdTime } = this.#whole.view.source;
    const time = [eventTime, createdTime].find((column) => column?.toLowerCase() === lower);
    return time === undefined ? null : timeInSpark(this.#group, time!);
  }

  /** A column in the model's type. */
  #read(column: ValueColumn): string {
    const taken = this.#takenSql(column.source);
    if (taken !== null) return `CAST(${taken} AS ${sparkTypeOf(column.type)})`;
    return readInSpark(this.#group, wantedOf(column)).sql;
  }

  #value(column: ValueColumn): string {
    if (column.countedOnly) {
      const taken = this.#takenSql(column.source);
      const found = columnsOf(this.#group, column.source);
      const raw = taken ?? (found.length === 1 ? found[0]!.sql : null);
      return raw === null ? 'CAST(NULL AS INT)' : `CASE WHEN ${raw} IS NOT NULL THEN 1 END`;
    }
    const value = this.#read(column);
    switch (column.type.kind) {
      case 'timestamp':
        return `unix_micros(${value})`;
      case 'float32':
      case 'float64':
        // The least of {-0.0, 0.0} would depend on the order of the input.
        return `CASE WHEN ${value} = 0 THEN CAST(0 AS ${sparkTypeOf(column.type)}) ELSE ${value} END`;
      default:
        return value;
    }
  }
}

function wantedOf({ source, type }: ValueColumn): WantedColumn {
  return { name: source, column: source, type };
}

/** @param us  ends with microseconds */
function isTime(us: string): string {
  return `coalesce(${us} < ${INFINITE_US}, false)`;
}
