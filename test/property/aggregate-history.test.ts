/**
 * Histories computed by SQL, run by run, against the naive oracle: at every edge, for every entity, bit for bit.
 * Random events with ties, nulls, edges, bad rows and late arrivals; random windows, cut-offs and kinds of run.
 */
import fc from 'fast-check';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ComputeResult } from '../../materializer/history/compute.ts';
import { prepareHistory } from '../../materializer/history/compute.ts';
import { DuckDb } from '../../project/engine/duckdb/duckdb.ts';
import { entryFile, readTable } from '../../project/delta/delta-log.ts';
import { historyFolder } from '../../project/history/history-folder.ts';
import { readHistory as readCommitted } from '../../project/history/history-snapshot.ts';
import type { Entity, FeatureView } from '../../contract/model.ts';
import type { Value } from '../../contract/value-type.ts';
import { byEntity, countingEvents, naiveRow } from '../oracle/naive-aggregates.ts';
import { aggregatedView } from '../support/fixtures/aggregated-view.ts';
import { historyRun } from '../support/fixtures/history-run.ts';
import type { RangeSketch } from '../support/fixtures/history-run.ts';
import type { ArrivingEvent, Scenario } from '../support/fixtures/event-scenario.ts';
import {
  COLUMNS,
  HOPS,
  HOP_US,
  LATENESS_US,
  START_US,
  eventsOf,
  scenarios,
  stands,
} from '../support/fixtures/event-scenario.ts';
import { answerAt, readHistory, writeEvents } from '../support/fixtures/raw-events.ts';
import { localFolder } from '../../project/storage/local-folder.ts';
import { rounds } from '../support/long-run.ts';

/** `PLUMB_SEED=random PLUMB_RUNS=1000 npx vitest run test/property/aggregate-history` looks further. */
const RUNS = Number(process.env['PLUMB_RUNS'] ?? rounds(12, 30));

let duck: DuckDb;
beforeAll(async () => {
  duck = await DuckDb.open({ threads: 2 });
});
afterAll(() => duck.close());

/** One view's life: its source, its history, its runs so far. */
class Rehearsal {
  readonly #folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  readonly #scene: Scenario;
  readonly #events: ArrivingEvent[];
  readonly view: FeatureView;
  readonly entity: Entity;
  previousUs: number | null = null;
  /** The cut-off of the first run, or of the last full one. */
  horizonUs: number | null = null;
  /** Edges from here on have answers. */
  beginsUs = 0;
  #runs = 0;

  constructor(scene: Scenario) {
    this.#scene = scene;
    this.#events = eventsOf(scene);
    const { view, entity } = aggregatedView({
      joinKeys: scene.keys.joinKeys,
      path: 'events.parquet',
      eventTime: 'happened',
      createdTime: scene.created ? 'loaded' : null,
      hopUs: HOP_US,
      latenessUs: LATENESS_US,
      features: scene.features.map((sketch, i) => ({ ...sketch, name: `feature_${i}` })),
    });
    this.view = view;
    this.entity = entity;
  }

  async run(cutoffUs: number, range: Partial<RangeSketch> = {}, buckets?: number): Promise<ComputeResult> {
    const there = this.#scene.created ? this.#events : this.#events.filter((e) => stands(e, cutoffUs));
    const file = join(this.#folder, 'events.parquet');
    await writeEvents(duck, file, this.view, this.entity, COLUMNS, there);
    this.#runs += 1;
    const own = { view: this.view, entity: this.entity, folder: this.#folder };
    const sketch = { duck, ...own, history: join(this.#folder, 'history'), runId: `run-${this.#runs}` };
    const known = { previousCutoffUs: this.previousUs, horizonUs: this.horizonUs };
    const prepared = await prepareHistory(historyRun(sketch, { cutoffUs, ...known, ...range }), buckets);
    return prepared.publish(START_US + 100 * HOP_US + this.#runs);
  }

  async watermarkUs(): Promise<number | null> {
    return (
      (await readCommitted(localFolder(join(this.#folder, 'history')), this.view))?.lastMark()?.watermarkUs ??
      null
    );
  }

  /** A run that dies before it commits: its files lie among those of the history, and one is not whole. */
  async crash(cutoffUs: number): Promise<void> {
    const folder = historyFolder(localFolder(join(this.#folder, 'history')), this.view);
    const { files } = await this.run(cutoffUs);
    if (files.length > 0) writeFileSync(join(folder.path, files[0]!.path), 'half a file');
    rmSync(entryFile(folder, (await readTable(folder))!.version));
  }

  /** Compares every edge up to the watermark, and that nothing stands behind it. */
  async check(result: ComputeResult, exact: boolean): Promise<void> {
    const history = await readHistory(duck, join(this.#folder, 'history'), this.view, this.entity);
    const standing = this.#events.filter((e) => this.#scene.created || stands(e, result.knownUs));
    const counting = byEntity(
      this.entity,
      countingEvents(this.view, standing, result.knownUs, this.horizonUs),
    );
    for (const id of new Set([...history.keys(), ...counting.keys()])) {
      const rows = history.get(id) ?? [];
      let changes = 0;
      let last: Value[] | null = null;
      for (let edgeUs = START_US; edgeUs <= result.watermarkUs; edgeUs += HOP_US) {
        const expected = naiveRow(this.view, counting.get(id) ?? [], edgeUs);
        if (edgeUs >= this.beginsUs)
          expect([id, edgeUs, answerAt(rows, edgeUs)]).toEqual([id, edgeUs, expected]);
        if (expected !== null && (last === null || !isDeepStrictEqual(expected, last))) changes += 1;
        last = expected;
      }
      expect(rows.every((row) => row.eventUs <= result.watermarkUs)).toBe(true);
      if (exact) expect(rows.length).toBe(changes);
    }
  }

  /**
   * Rows that say again what held: an increment does not look behind the widest window, so that an entity that comes
   * back with values like those of no events at all (a stddev of one) gets a first row once more.
   */
  async emptyRows(): Promise<number> {
    const history = await readHistory(duck, join(this.#folder, 'history'), this.view, this.entity);
    const repeats = (row: { values: readonly Value[] }, i: number, rows: (typeof row)[]): boolean =>
      i > 0 && isDeepStrictEqual(row.values, rows[i - 1]!.values);
    return [...history.values()].reduce((sum, rows) => sum + rows.filter(repeats).length, 0);
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }
}

async function rehearse(scene: Scenario): Promise<void> {
  const life = new Rehearsal(scene);
  try {
    let cutoffUs = START_US + 2 * HOP_US;
    for (const [i, { hops, us, kind, buckets }] of scene.runs.entries()) {
      cutoffUs += hops * HOP_US + us;
      if (life.previousUs === null || kind === 'full' || kind === 'lost') life.horizonUs = cutoffUs;
      if (kind === 'crashed') {
        await life.crash(cutoffUs);
        continue;
      }
      const fromUs = kind === 'range' ? cutoffUs - 4 * HOP_US - us : null;
      // A lost bookmark: the registry does not know of a run that the history has.
      const lost = kind === 'lost' ? { previousCutoffUs: null } : {};
      if ((await life.watermarkUs()) === null && fromUs !== null) life.beginsUs = fromUs + 1;
      const result = await life.run(cutoffUs, { full: kind === 'full', fromUs, ...lost }, buckets);
      if (kind === 'full' || (kind === 'lost' && scene.created)) life.beginsUs = 0;
      await life.check(result, i === 0 && fromUs === null);
      life.previousUs = result.knownUs;
    }
    await life.check(await life.run(cutoffUs), false);
    const before = await life.emptyRows();
    const again = (await life.run(cutoffUs)).historyRows;
    expect(again).toBe((await life.emptyRows()) - before);
    expect((await life.run(cutoffUs)).historyRows).toBe(0);
    if (life.beginsUs === 0) expect((await life.run(cutoffUs, { full: true })).historyRows).toBe(0);
    life.beginsUs = 0;
    life.horizonUs = START_US + (HOPS + 20) * HOP_US;
    const whole = await life.run(life.horizonUs, { full: true });
    await life.check(whole, false);
  } finally {
    life.close();
  }
}

test(
  'after any sequence of runs the history answers at every edge as the naive oracle does',
  async () => {
    await fc.assert(fc.asyncProperty(scenarios, rehearse), { numRuns: RUNS });
  },
  600_000 + 20_000 * RUNS,
);
