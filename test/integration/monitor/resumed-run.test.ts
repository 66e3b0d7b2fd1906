/**
 * A run that was killed, and processes that share a day: the next run takes over the roles that were judged, where
 * nothing that they depend on has changed, and its verdict is byte for byte that of a run that nobody disturbed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { deserialize, serialize } from 'node:v8';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { FeatureService } from '../../../contract/model.ts';
import type { KeptRole } from '../../../monitor/kept/kept-role.ts';
import { JudgedVectors } from '../../../monitor/replay/judged-vectors.ts';
import { OnDemandRun } from '../../../monitor/on-demand/on-demand-run.ts';
import { parseRoleShard } from '../../../monitor/kept/role-shard.ts';
import { RoleRun } from '../../../monitor/role-run.ts';
import { runMonitor, runShard } from '../../../monitor/run.ts';
import { judgedRowsFile, snapshotFile } from '../../../monitor/verdict/snapshot-folder.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import type { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import { quotePaths } from '../../../project/engine/duckdb/file-sql.ts';
import { DAY, at } from '../../support/day-time.ts';
import {
  BASKET,
  MARKUP,
  basketService,
  doubledOf,
  onlineRow,
  ratioOf,
  serveBasket,
  spentRow,
} from '../../support/fixtures/basket-day.ts';
import { MonitoredDay, SERVICE, servedRow } from '../../support/fixtures/monitored-day.ts';
import { QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { until } from '../../support/until.ts';
import { IS_LONG_RUN, rounds } from '../../support/long-run.ts';

const PROGRAM = join(import.meta.dirname, '../../support/faults/killed-monitor.ts');
const SETTLED = '2026-01-10T00:00:00';
const CUSTOMERS = 60;

/** Takes the same as the tests' service: two services have four roles. */
const AGAIN = { ...SERVICE, name: 'again' };

/** A day with lag, zeros and rows of nobody, in the spool; each service has served all of it. */
async function wrongDay(services: readonly FeatureService[] = [SERVICE]): Promise<MonitoredDay> {
  const day = await MonitoredDay.make();
  day.publish(day.orders, services);
  onTestFinished(() => day.remove());
  const row = (i: number, hour: string) => {
    const time = `${hour}:00:00`;
    const values: [bigint, number] = [BigInt(i), i / 4];
    return { customer: `c-${i}`, event: time, created: time, run: `r-${hour}`, values };
  };
  const all = Array.from({ length: CUSTOMERS }, (_, i) => i);
  await day.appendOrders(all.flatMap((i) => [row(i, '05'), row(i, '08')]));
  for (const i of all) {
    const { event, created, values } = row(i, i % 3 === 0 ? '05' : '08');
    const served = i % 7 === 0 ? [values[0], 0] : values;
    const orders = { row: { event, created, values: served }, watermark: '08:00:00' };
    const drivers = {
      row: { event: '00:10:00', created: '00:15:00', values: [i % 5 === 0 ? 0.9 : 0.5, null, null] },
    };
    const time = '09:30:00';
    const keys = { customer_id: `c-${i}`, driver_id: '1' };
    const rows = [servedRow(day.orders, time, orders), servedRow(day.driverStats, time, drivers)];
    for (const { name } of services) day.append(time, keys, rows, 0, { service: name });
  }
  await day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  await day.closeLog();
  day.project.setClock(at(SETTLED));
  return day;
}

const { judge: judgeOnDemand } = OnDemandRun.prototype;

const keptFolder = ({ project }: MonitoredDay): string =>
  join(project.settings.monitor.scratch, 'plumb-monitor/kept');

/** What the verdict and the rows beside it are. */
async function writtenOf(
  { project: { settings } }: MonitoredDay,
  service = SERVICE.name,
): Promise<readonly [string, unknown]> {
  const duck = await DuckDb.open({ threads: 1 });
  try {
    const file = judgedRowsFile(settings.reports, service, DAY);
    const rows = await duck.rows(`SELECT * FROM read_parquet(${quotePaths([file])}) ORDER BY ALL`);
    return [readFileSync(snapshotFile(settings.reports, service, DAY), 'utf8'), rows];
  } finally {
    duck.close();
  }
}

const rolesKept = (day: MonitoredDay): number =>
  existsSync(keptFolder(day))
    ? readdirSync(keptFolder(day), { recursive: true }).filter((name) => String(name).endsWith('.roles'))
        .length
    : 0;

test('killed at any time, the run that ends writes what an undisturbed one does', async () => {
  const seed = Number(process.env['PLUMB_SEED'] ?? 20_261_121) || Date.now();
  const day = await wrongDay();
  const { folder, reports } = day.project.settings;
  /** @param killed  after how many roles, and how long after that; null: it is left alone */
  const run = async (killed: { readonly roles: number; readonly afterMs: number } | null): Promise<void> => {
    const child = spawn(process.execPath, [QUIET_NODE, PROGRAM, folder, SETTLED], { stdio: 'inherit' });
    const ended = once(child, 'exit');
    if (killed === null) return void (await ended);
    let hasEnded = false;
    void ended.then(() => (hasEnded = true));
    await until(() => hasEnded || rolesKept(day) >= killed.roles, 'it has judged so many roles');
    const timer = setTimeout(() => child.kill('SIGKILL'), killed.afterMs);
    await ended;
    clearTimeout(timer);
  };
  await run(null);
  const undisturbed = await writtenOf(day);
  let state = seed;
  const random = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
  let resumed = 0;
  for (let round = 0; round < rounds(1, 4); round++) {
    rmSync(reports, { recursive: true });
    for (let kill = 0; kill < 2 && !existsSync(snapshotFile(reports, 'churn', DAY)); kill++) {
      // The first is killed when a role is kept, so that one is gone on from in each run of this test.
      const roles = (round + kill + 1) % 2;
      await run({ roles, afterMs: random() * (roles === 0 ? 1_000 : 40) });
      resumed += rolesKept(day);
    }
    if (!existsSync(snapshotFile(reports, 'churn', DAY))) await run(null);
    expect(await writtenOf(day), `seed ${seed}, round ${round}`).toEqual(undisturbed);
  }
  console.log(`seed ${seed}: ${resumed} roles were kept over kills`);
  expect(resumed).toBeGreaterThan(0);
});

test('two that share a day judge half of it each, and the run that follows writes what one alone does', async () => {
  const day = await wrongDay();
  const { project } = day;
  await judge(day);
  const alone = await writtenOf(day);
  rmSync(project.settings.reports, { recursive: true });
  const shard = (text: string) => runShard(project, project.database, { date: DAY }, parseRoleShard(text));
  const half = { service: 'churn', roles: 2, judged: 1, keptBefore: 0 };
  expect(await shard('1/2')).toEqual([half]);
  expect(await shard('2/2')).toEqual([half]);
  expect(await shard('1/2')).toEqual([{ ...half, judged: 0, keptBefore: 1 }]);
  expect(rolesKept(day)).toBe(2);
  expect(existsSync(project.settings.reports)).toBe(false);
  const asked = vi.spyOn(RoleRun.prototype, 'judge');
  onTestFinished(() => void asked.mockRestore());
  await judge(day);
  expect(asked).not.toHaveBeenCalled();
  expect(await writtenOf(day)).toEqual(alone);
  expect(readdirSync(keptFolder(day))).toEqual([]);
  // A shard that cannot keep what it judged has done nothing.
  rmSync(keptFolder(day), { recursive: true });
  writeFileSync(keptFolder(day), 'no folder');
  await expect(shard('1/2')).rejects.toMatchObject({ code: 'MON_NOT_KEPT' });
  for (const text of ['0/2', '3/2', '1/0', '2', 'a/b'])
    expect(() => parseRoleShard(text)).toThrow(/expected i\/n with i from 1 to n/);
});

test.runIf(IS_LONG_RUN).each([2, 4])(
  '%i processes share a day of two services and one of them is killed: the same verdicts',
  async (count) => {
    const services = [SERVICE, AGAIN];
    const day = await wrongDay(services);
    const { folder, reports } = day.project.settings;
    const start = (...shard: readonly string[]) => {
      const args = [QUIET_NODE, PROGRAM, folder, SETTLED, ...shard];
      const child = spawn(process.execPath, args, { stdio: 'inherit' });
      return { child, ended: once(child, 'exit') };
    };
    const written = () => Promise.all(services.map(({ name }) => writtenOf(day, name)));
    expect(await start().ended).toEqual([0, null]);
    const alone = await written();
    rmSync(reports, { recursive: true });
    const shards = Array.from({ length: count }, (_, i) => start(`${i + 1}/${count}`));
    // Of two shards the first has two roles: it is killed between them. Of four it is killed before its one is kept.
    const [first, ...others] = shards;
    if (count === 2) await until(() => keptOf(day, SERVICE.name, 0), 'it has judged its first role');
    first!.child.kill('SIGKILL');
    expect(await first!.ended).toEqual([null, 'SIGKILL']);
    for (const { ended } of others) expect(await ended).toEqual([0, null]);
    const kept = rolesKept(day);
    console.log(`${count} processes, one killed: ${kept} of 4 roles were judged`);
    expect(kept).toBeGreaterThanOrEqual(3);
    expect(existsSync(reports)).toBe(false);
    expect(await start().ended).toEqual([0, null]);
    expect(await written()).toEqual(alone);
    expect(readdirSync(keptFolder(day))).toEqual([]);
  },
);

/** Whether a role of a service is kept. */
function keptOf(day: MonitoredDay, service: string, role: number): boolean {
  if (!existsSync(keptFolder(day))) return false;
  const names = readdirSync(keptFolder(day), { recursive: true, encoding: 'utf8' });
  return names.some((name) => name.startsWith(`${service} `) && name.endsWith(`-${role}.roles`));
}

/** Ends a run when it begins the second role, as a kill would: the first is kept. */
async function endedRun(day: MonitoredDay): Promise<void> {
  const { project } = day;
  let asked = 0;
  const database = new Proxy(project.database, {
    get(target, name) {
      const own: unknown = Reflect.get(target, name);
      if (name !== 'runs') return typeof own === 'function' ? own.bind(target) : own;
      // Once for each of the two views that the tie is made of, then once a role.
      return (of: Parameters<RegistryDatabase['runs']>[0]) => {
        if (++asked === 4) throw new Error('the machine is gone');
        return target.runs(of);
      };
    },
  });
  await expect(runMonitor(project, database, { date: DAY })).rejects.toThrow('the machine is gone');
}

const MARK = 987_654;

/** Marks what was kept, so that a verdict shows whether it was taken over. */
function markKept(day: MonitoredDay): void {
  const [service] = readdirSync(keptFolder(day)) as [string];
  const name = readdirSync(join(keptFolder(day), service)).find((one) => one.endsWith('-0.roles'))!;
  const file = join(keptFolder(day), service, name);
  const outcome = deserialize(readFileSync(file)) as KeptRole;
  writeFileSync(file, serialize({ ...outcome, counts: { ...outcome.counts, foreignEntities: MARK } }));
}

async function judge(day: MonitoredDay): Promise<Snapshot> {
  const [snapshot] = await runMonitor(day.project, day.project.database, { date: DAY });
  return snapshot!;
}

test('what was judged is not judged again, and a file that is damaged is, with a warning', async () => {
  const day = await wrongDay();
  const { vectors } = await judge(day);
  const [, rows] = await writtenOf(day);
  await endedRun(day);
  markKept(day);
  expect((await judge(day)).views[0]!.foreignEntities).toBe(MARK);
  expect(readdirSync(keptFolder(day))).toEqual([]);
  for (const end of ['.roles', '.rows', '.unjudged']) {
    await endedRun(day);
    markKept(day);
    const [service] = readdirSync(keptFolder(day)) as [string];
    for (const name of readdirSync(join(keptFolder(day), service))) {
      if (name.endsWith(end)) writeFileSync(join(keptFolder(day), service, name), 'damaged');
    }
    const again = await judge(day);
    expect(again.views[0]!.foreignEntities, end).not.toBe(MARK);
    expect(again.vectors, end).toEqual(vectors);
    expect((await writtenOf(day))[1], end).toEqual(rows);
    expect(day.project.said.join('\n')).toContain(
      'what a killed run had judged cannot be read, and is judged again',
    );
  }
});

test('what was computed on demand is not judged again either, and gives others what it gave', async () => {
  const day = await MonitoredDay.make();
  onTestFinished(() => day.remove());
  day.onDemand = [BASKET, MARKUP];
  day.publish(day.orders, basketService(['cart_ratio', 'cart_doubled']));
  const rows = Array.from({ length: CUSTOMERS }, (_, i) => spentRow(`c-${i}`, '05:00:00', '05:00:00', i / 4));
  await day.appendOrders(rows);
  for (const [i, { customer, ...own }] of rows.entries()) {
    // Some were served another row, and of some the function gives another value than the logged one.
    const spent = i % 5 === 0 ? 1 : i / 4;
    const row = { ...onlineRow({ customer, ...own }), values: [1n, spent] as [bigint, number] };
    const ratio = i % 7 === 0 ? 0.5 : ratioOf(i, null, spent);
    const computed = { cart: i, outputs: [ratio, doubledOf(i, ratio)], views: [BASKET, MARKUP] };
    serveBasket(day, '06:30:00', { customer, row, watermark: '06:00:00' }, computed);
  }
  await day.writeDrivers([{ driver: 9, event: '00:10:00', created: '00:15:00', convRate: 0.5 }]);
  await day.setWatermark('23:00:00');
  await day.closeLog();
  day.project.setClock(at(SETTLED));
  await judge(day);
  const undisturbed = await writtenOf(day);
  rmSync(day.project.settings.reports, { recursive: true });
  // The run ends when it begins the second view, as a kill would: the first is kept.
  const asked = vi.spyOn(OnDemandRun.prototype, 'judge');
  onTestFinished(() => void asked.mockRestore());
  asked.mockImplementationOnce(async function (this: OnDemandRun) {
    return await judgeOnDemand.call(this);
  });
  asked.mockImplementationOnce(() => Promise.reject(new Error('the machine is gone')));
  await expect(judge(day)).rejects.toThrow('the machine is gone');
  asked.mockClear();
  await judge(day);
  expect(asked.mock.calls).toHaveLength(1);
  expect(await writtenOf(day)).toEqual(undisturbed);
  expect(readdirSync(keptFolder(day))).toEqual([]);
});

test('where nothing can be kept, the day is judged all the same, with a warning', async () => {
  const day = await wrongDay();
  mkdirSync(dirname(keptFolder(day)), { recursive: true });
  writeFileSync(keptFolder(day), 'no folder');
  expect((await judge(day)).views).toHaveLength(2);
  expect(day.project.said.join('\n')).toContain(
    'what is judged cannot be kept for the case that this run is killed: ',
  );
});

test('a run of the same day that ends meanwhile takes nothing away', async () => {
  const day = await wrongDay();
  // What the other one does at its end, while this one writes.
  const keep = vi.spyOn(JudgedVectors.prototype, 'keep');
  onTestFinished(() => void keep.mockRestore());
  keep.mockImplementationOnce(async () => {
    for (const name of readdirSync(keptFolder(day))) rmSync(join(keptFolder(day), name), { recursive: true });
    throw new Error('No such file or directory');
  });
  expect((await judge(day)).views).toHaveLength(2);
  expect(keep.mock.calls.length).toBeGreaterThan(1);
  expect(day.project.said.filter((line) => line.includes('cannot be kept'))).toEqual([]);
  expect(readdirSync(keptFolder(day))).toEqual([]);
});

const CHANGES: readonly (readonly [what: string, change: (day: MonitoredDay) => unknown])[] = [
  [
    'the history',
    (day) =>
      day.appendOrders([
        { customer: 'c-1', event: '08:30:00', created: '08:30:00', run: 'r-1', values: [1n, 1] },
      ]),
  ],
  [
    'a source',
    (day) => day.writeDrivers([{ driver: 1, event: '00:10:00', created: '00:15:00', convRate: 0.6 }]),
  ],
  [
    'the log',
    async (day) => {
      await day.openLog();
      day.serve('10:00:00', 'c-1', {});
      await day.closeLog();
    },
  ],
  ['the runs', (day) => day.record(day.orders, { runId: 'r-new', finishedUs: at('10:00:00') })],
  ['the definitions', (day) => day.publish({ ...day.orders, description: 'another' })],
];

test.each(CHANGES)('where %s changed, nothing is taken over', async (_, change) => {
  const day = await wrongDay();
  await endedRun(day);
  markKept(day);
  await change(day);
  expect((await judge(day)).views[0]!.foreignEntities).not.toBe(MARK);
  expect(readdirSync(keptFolder(day))).toEqual([]);
});
