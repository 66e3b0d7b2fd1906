/**
 * The same events through Feast's tiling and through ours: where both keep the extreme of each hop they agree; over an
 * empty window Feast gives 0 as the mean, which a model takes for a value, and its deviation is made of sums of squares
 * in doubles.
 */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { plumb } from '../support/processes/plumb-process.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';

/** 2026-11-01. */
const DAY = 1_793_491_200;
const HOP = 300;
const EVENTS = [
  [DAY + 30, 100],
  [DAY + 7_230, 1],
  [DAY + 7_650, 2],
] as const;
/** The deviation of 1 and 2, to within a unit of the last place. */
const STD = 0.7071067811865475;
/** The same distances far from zero. */
const FAR_EVENTS = EVENTS.map(([at, value]) => [at, value + 4e8] as const);

const DEFINITIONS = `entity: customer
joinKeys: { customer_id: int64 }
---
featureView: spent
entity: customer
source: { parquet: events.parquet, eventTime: at, createdTime: at }
hop: 5m
freshness: 1d
features:
  max: { agg: max, column: value, window: 1h }
  avg: { agg: avg, column: value, window: 1h }
  std: { agg: stddev, column: value, window: 1h }
`;
type Windows = Readonly<Record<'max' | 'avg' | 'std', readonly (readonly [number, number | null])[]>>;

async function ours(events: readonly (readonly [number, number])[]): Promise<(at: number) => unknown> {
  const folder = scratchFolder({ 'plumbline.yaml': 'project: shop\n', 'definitions/a.yaml': DEFINITIONS });
  const duck = await DuckDb.open();
  const rows = events.map(([at, value]) => `(1::BIGINT, make_timestamp(${at}000000), ${value}::DOUBLE)`);
  await duck.run(`COPY (SELECT * FROM (VALUES ${rows.join(', ')}) t(customer_id, "at", value))
    TO '${join(folder, 'events.parquet')}' (FORMAT parquet)`);
  expect(await plumb(['-C', folder, 'apply'])).toMatchObject({ code: 0 });
  expect(await plumb(['-C', folder, 'materialize', '--to', '2026-11-01T06:00:00Z'])).toMatchObject({
    code: 0,
  });
  const history = await duck.rows(`SELECT (epoch_us(event_time) // 1000000)::INTEGER AS edge, max, avg, std
    FROM read_parquet('${join(folder, '.plumb/history/spent/v1/day=*/*.parquet')}') ORDER BY edge`);
  duck.close();
  return (at) => {
    const { edge: _, ...values } = history.findLast((row) => (row['edge'] as number) <= at)!;
    return values;
  };
}

test(
  'a maximum agrees with Feast; a mean of nothing is null with us and 0 with Feast',
  async () => {
    const python = await pythonEnvironment();
    const answer = await python.run('test/clients/feast_tiling.py', {
      input: JSON.stringify({ events: EVENTS }),
    });
    const feast = JSON.parse(answer) as Windows;
    const at = await ours(EVENTS);
    const theirs = (of: keyof Windows, edge: number): unknown => feast[of].find(([one]) => one === edge)?.[1];
    const last = DAY + 7_500 + HOP;
    expect(at(last)).toEqual({ max: 2, avg: 1.5, std: STD });
    for (const [edge] of feast.max)
      expect([edge, theirs('max', edge)]).toEqual([edge, (at(edge) as { max: unknown }).max]);
    // An hour after its only event.
    const empty = DAY + 2 * 3_600 - HOP;
    expect(at(empty)).toEqual({ max: null, avg: null, std: null });
    expect(theirs('avg', empty)).toBe(0);
  },
  PYTHON_LIMIT_MS,
);

test(
  'a deviation is the same with us however far from zero, and with Feast is not',
  async () => {
    const python = await pythonEnvironment();
    const answer = await python.run('test/clients/feast_tiling.py', {
      input: JSON.stringify({ events: FAR_EVENTS }),
    });
    const feast = JSON.parse(answer) as Windows;
    const at = await ours(FAR_EVENTS);
    expect(at(DAY + 7_800)).toMatchObject({ std: STD });
    expect(Math.abs((feast.std.at(-1)![1] ?? 0) - STD)).toBeGreaterThan(0.01);
  },
  PYTHON_LIMIT_MS,
);
