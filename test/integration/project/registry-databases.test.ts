/** The registry's tables, the same on SQLite and on a real PostgreSQL: what is kept, and who comes first. */
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ViewLease } from '../../../materializer/run/view-lease.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import type { StoreUrl } from '../../../project/settings/settings.ts';
import { verdictRecord } from '../../../monitor/record/verdict-record.ts';
import type { Bundle } from '../../../contract/model.ts';
import type { VerdictRecord } from '../../../contract/verdict-record.ts';
import type { RunRecord } from '../../../contract/run-record.ts';
import type { TrainingManifest } from '../../../contract/training-manifest.ts';
import { plumb, QUIET_NODE, run } from '../../support/processes/plumb-process.ts';
import { until } from '../../support/until.ts';
import { POSTGRES_START_LIMIT_MS, startPostgres } from '../../support/postgres/postgres.ts';
import type { PostgresServer } from '../../support/postgres/postgres.ts';
import { judgedDay } from '../../support/fixtures/judged-days.ts';
import { shopProject } from '../../support/fixtures/shop-project.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** Microseconds of today: past 32 bits, and past what a float32 keeps. */
const NOW_US = 1_795_250_000_654_321;

const NO_BUNDLE = { services: new Map() } as unknown as Bundle;
const EMPTY_SKETCH = { nulls: 0, nan: 0, infinite: 0, ordered: null, categories: null };

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
}, POSTGRES_START_LIMIT_MS);
afterAll(() => postgres?.stop());

const STORES: Record<string, () => Promise<StoreUrl>> = {
  sqlite: async () => ({ kind: 'sqlite', url: join(scratchFolder(), 'registry.db') }),
  postgres: async () => ({ kind: 'postgres', url: await postgres.database() }),
};

function anApply(sequence: number): Parameters<RegistryDatabase['recordApplied']>[0] {
  return {
    sequence,
    hash: `h${sequence}`,
    appliedUs: NOW_US + sequence,
    author: 'ada',
    reason: 'so',
    bundle: '{"views":"Ä\u2028"}',
    changes: '[]',
    removed: [{ service: 's', model: 'm', owner: 'o', removedUs: NOW_US }],
    allowed: [{ name: 'v', reason: 'so', services: [] }],
    services: [{ service: 's', version: sequence, content: `c${sequence}` }],
  };
}

function aRun(runId: string, more: Partial<RunRecord> = {}): RunRecord {
  return {
    runId,
    view: 'v',
    kind: 'ordinary',
    startedUs: NOW_US,
    state: 'complete',
    toUs: NOW_US,
    ...more,
  } as RunRecord;
}

describe.each(Object.keys(STORES))('on %s', (store) => {
  let url: StoreUrl;
  beforeEach(async () => {
    url = await STORES[store]!();
  });

  test('a verdict comes back the same, and one on the same day takes its place', async () => {
    const [older, newer] = ['2026-11-19', '2026-11-20'].map((date) =>
      verdictRecord(judgedDay({ service: 's', date, faults: [{ view: 'v' }] }), NO_BUNDLE, {
        version: 1,
        service: 's',
        date,
        features: {
          v__revenue_30d: { type: 'int64', sketch: { ...EMPTY_SKETCH, rows: Number(date.slice(-2)) } },
        },
      }),
    ) as [VerdictRecord, VerdictRecord];
    await RegistryDatabase.using(url, async ({ verdicts }) => {
      expect(await verdicts.newestDate()).toBe(null);
      for (const one of [newer, older, older]) await verdicts.record(one);
      expect(await verdicts.newestDate()).toBe('2026-11-20');
      expect(await verdicts.days({})).toEqual([newer.day, older.day]);
      const { view: of, feature } = newer.features[0]!;
      expect(await verdicts.features({ view: of, feature, from: '2026-11-20' })).toEqual(newer.features);
      const { view } = older.views[0]!;
      expect(await verdicts.views({ view, from: '2026-11-01' })).toEqual(
        [...older.views, ...newer.views].filter((one) => one.view === view),
      );
      expect(await verdicts.incidents({ most: 9 })).toEqual([...newer.incidents, ...older.incidents]);
      const [incident] = older.incidents;
      expect(await verdicts.incident(incident!.id)).toEqual(incident);
      // That of the older day did not take the place of the newer one.
      const sketch = newer.sketches[0]!;
      expect(await verdicts.sketches(sketch.view, sketch.feature)).toEqual(newer.sketches);
      const [one] = newer.features;
      const { date, rows, answered, nulls, present, exact, withinPromise, beyondPromise } = one!;
      const { level, provisional, interval } = one!;
      const counts = { rows, answered, nulls, present, exact, withinPromise, beyondPromise };
      expect(newer.features).toHaveLength(1);
      expect(await verdicts.sums({ view: of, from: date })).toEqual([
        { date, ...counts, level, provisional, interval },
      ]);
      const byFeature = await verdicts.sumsOfFeatures({ view: of, from: date });
      expect([...byFeature.keys()]).toEqual([feature]);
      expect(byFeature.get(feature)).toMatchObject(counts);
      expect(await verdicts.causes({ service: 's' })).toEqual(
        [...older.features, ...newer.features]
          .map(({ causes }) => causes)
          .filter((own) => Object.keys(own).length > 0),
      );
      const age = newer.views.find((own) => own.view === view);
      expect((await verdicts.ages({ view, from: date }))[0]).toEqual({
        date,
        ageUs: age!.ageUs,
        hours: age!.hours,
        hoursBeyond: age!.hoursBeyond,
      });
      await verdicts.record({ ...newer, features: [], incidents: [] });
      expect(await verdicts.features({ from: '2026-11-20' })).toEqual([]);
      expect(await verdicts.incidents({ most: 9 })).toEqual(older.incidents);
    });
  });

  test('what is written comes back the same, opened again', async () => {
    const id = await RegistryDatabase.using(url, async (database) => {
      expect(await database.lastApplied()).toBe(null);
      await database.recordApplied(anApply(1));
      await database.recordApplied(anApply(2));
      await database.startRun(aRun('r1', { state: 'running' }));
      await database.finishRun(aRun('r1'));
      await database.startRun(aRun('r2', { state: 'running', toUs: NOW_US + 9 }));
      for (const entry of [3, 4])
        await database.recordTrainingSet({
          name: 'set',
          service: 's',
          madeUs: NOW_US + entry,
          views: [{ view: 'v', commit: 'c', entry }],
        } as unknown as TrainingManifest);
      await database.streamPartitions.put('v', [{ partition: 1, watermarkUs: NOW_US } as never]);
      expect(await database.streamPartitions.firstHorizon('v', NOW_US)).toBe(NOW_US);
      expect(await database.streamPartitions.firstHorizon('v', 1)).toBe(NOW_US);
      return database.id();
    });
    await RegistryDatabase.using(url, async (database) => {
      expect(await database.id()).toBe(id);
      const { removed: _removed, allowed: _allowed, services: _services, ...kept } = anApply(2);
      expect(await database.lastApplied()).toEqual(kept);
      expect(await database.applied(2)).toEqual(kept);
      expect(await database.applied(3)).toBe(null);
      expect((await database.applies()).map(({ sequence, author }) => `${sequence} ${author}`)).toEqual([
        '1 ada',
        '2 ada',
      ]);
      expect(await database.removedConsumers(NOW_US - 1)).toEqual([
        ...anApply(1).removed,
        ...anApply(2).removed,
      ]);
      expect(await database.removedConsumers(NOW_US)).toEqual([]);
      expect((await database.allowances()).map(({ sequence, appliedUs: us }) => [sequence, us])).toEqual([
        [1, NOW_US + 1],
        [2, NOW_US + 2],
      ]);
      expect(await database.serviceVersions()).toEqual([...anApply(1).services, ...anApply(2).services]);
      expect((await database.runs({ view: 'v', sinceUs: NOW_US })).map(({ runId }) => runId)).toEqual([
        'r1',
        'r2',
      ]);
      expect(await database.runs({ sinceUs: NOW_US + 1 })).toEqual([]);
      expect(await database.bookmark('v')).toBe(NOW_US);
      expect(await database.bookmark('w')).toBe(null);
      const sets = await database.trainingSets({
        name: 'set',
        service: 's',
        madeBeforeUs: NOW_US + 4,
        most: 9,
      });
      expect(sets.map(({ madeUs }) => madeUs)).toEqual([NOW_US + 3]);
      expect(await database.trainedEntries('v')).toEqual([3, 4].map((entry) => ({ commit: 'c', entry })));
      expect(await database.trainedEntries('_')).toEqual([]);
      expect(await database.streamPartitions.of('v')).toEqual([{ partition: 1, watermarkUs: NOW_US }]);
    });
  });

  test('of two applies that saw the same state one is taken, whole, and the other is told', async () => {
    await RegistryDatabase.using(url, async (one) => {
      await RegistryDatabase.using(url, async (other) => {
        const apply = { ...anApply(1), services: [] };
        const first = one.recordApplied(apply);
        // Within one thread a second one would wait for SQLite, and the first for it.
        if (store === 'sqlite') await first;
        const settled = await Promise.allSettled([first, other.recordApplied(apply)]);
        const lost = settled.filter((each): each is PromiseRejectedResult => each.status === 'rejected');
        expect(lost.map(({ reason }) => reason as unknown)).toEqual([
          expect.objectContaining({
            code: 'REG_STORE',
            message: expect.stringContaining('another apply came first'),
          }),
        ]);
        expect((await other.lastApplied())!.sequence).toBe(1);
        expect(await one.allowances()).toHaveLength(1);
      });
    });
  });

  test('six processes that open an empty one at once make its tables once', async () => {
    const script = join(import.meta.dirname, '../../support/registry/registry-id.ts');
    const args = [QUIET_NODE, script, JSON.stringify(url)];
    const opened = Array.from({ length: 6 }, () => run(process.execPath, args));
    const ids = new Set(
      (await Promise.all(opened)).map(({ code, stdout, stderr }) => `${code} ${stdout}${stderr}`),
    );
    await RegistryDatabase.using(url, async (database) => {
      expect([...ids]).toEqual([`0 ${await database.id()}`]);
      expect(await database.trainingSets({ most: 99 })).toHaveLength(6);
    });
  });

  test('leases: one of ten has it, members of a group share it, the last gives it back', async () => {
    await RegistryDatabase.using(url, async (one) => {
      await RegistryDatabase.using(url, async (other) => {
        const asked = Array.from({ length: 10 }, (_, i) =>
          ViewLease.take(i % 2 === 0 ? one : other, { id: 'orders' }, `machine-${i}`),
        );
        const taken = (await Promise.allSettled(asked)).filter(({ status }) => status === 'fulfilled');
        expect(taken).toHaveLength(1);
        const wish = { group: 'g', nowMs: 1_000, untilMs: 2_000, over: 'nobody ' };
        const members = ['a', 'b'].map((member) => ({ ...wish, member, holder: `machine ${member}` }));
        const [first, second] = [
          await one.leases.join('v', members[0]!),
          await other.leases.join('v', members[1]!),
        ];
        expect([first.number, second.number]).toEqual([1, 1]);
        expect(await one.leases.renewMember('v', { ...members[0]!, number: 1 }, 3_000)).toBe(true);
        expect(await one.leases.isMember('v', 'a', 2_500)).toBe(true);
        await one.leases.quit('v', { ...members[0]!, number: 1 }, 1_500);
        expect((await other.leases.find('v'))!.untilMs).toBe(3_000);
        await other.leases.quit('v', { ...members[1]!, number: 1 }, 1_500);
        expect((await one.leases.find('v'))!.untilMs).toBe(0);
        const late = { holder: 'machine c', nowMs: 1_600, untilMs: 9_000, over: 'nobody ' };
        expect(await one.leases.take('v', late)).toEqual({ holder: 'machine c', number: 2, untilMs: 9_000 });
        expect(await other.leases.join('v', members[0]!)).toMatchObject({ holder: 'machine c' });
        await one.leases.forgetMembers('v', 'machine ');
        expect(await one.leases.isMember('v', 'b', 0)).toBe(false);
      });
    });
  });
});

test('tables of a later plumb are left alone', async () => {
  const url = await STORES['postgres']!();
  await RegistryDatabase.using(url, async () => {});
  const { default: pg } = await import('pg');
  const client = new pg.Client(url.url);
  await client.connect();
  await client.query('INSERT INTO migration VALUES (99)');
  await client.end();
  await expect(RegistryDatabase.open(url)).rejects.toMatchObject({
    code: 'REG_STORE',
    message: expect.stringContaining('version 99'),
  });
});

test('a wrong login is told without the password; nothing waits for it', async () => {
  const url = { kind: 'postgres', url: postgres.url.replace('top%20secret', 'guessed') } as const;
  const failed = await RegistryDatabase.open(url).catch((error: unknown) => error as Error);
  expect(failed).toMatchObject({ code: 'REG_STORE' });
  expect((failed as Error).message).toContain('plumb:***@127.0.0.1');
  expect((failed as Error).message).toContain('password authentication failed');
  expect((failed as Error).message).not.toContain('guessed');
});

test('a database that goes away in the midst of work fails that work, and is used again when it is back', async () => {
  const url = { kind: 'postgres', url: await postgres.database() } as const;
  await RegistryDatabase.using(url, async (database) => {
    await database.recordApplied(anApply(1));
    await postgres.kill('SIGQUIT');
    const failed = await database.recordApplied(anApply(2)).catch((error: unknown) => error as Error);
    expect(failed).toMatchObject({
      code: 'REG_STORE',
      message: expect.stringMatching(/^the registry postgres:\/\/plumb:\*\*\*@.* cannot be reached: /),
    });
    const again = postgres.startAgain();
    // Asked while it starts; on a busy machine that takes longer than a command waits.
    const isBack = async (): Promise<boolean> =>
      (await database.lastApplied().catch(() => null))?.sequence === 1;
    await until(isBack, 'the database answers');
    await again;
    await database.recordApplied(anApply(2));
    expect(await database.allowances()).toHaveLength(2);
  });
});

test('the commands of a project run on it', async () => {
  const folder = await shopProject();
  const env = { PLUMB_REGISTRY: await postgres.database() };
  const told = (args: readonly string[]) => plumb(['-C', folder, ...args], { env });
  expect(await told(['apply'])).toMatchObject({ code: 0 });
  expect(await told(['materialize'])).toMatchObject({ code: 0 });
  expect(await told(['plan'])).toMatchObject({ code: 0, stdout: expect.stringContaining('Nothing changes') });
  const shown = await told(['show', 'purchases', '--json']);
  expect(JSON.parse(shown.stdout)).toMatchObject({ runs: [{ state: 'complete' }] });
});
