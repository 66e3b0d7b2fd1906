/**
 * Alerts of what only a process of its own can run out of, and of functions computed on demand: each fault is made
 * to a real sidecar, and its alerts were silent before. The times of the rules are shortened to seconds.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../project/clock.ts';
import { mountSmallVolume } from '../support/faults/disk-faults.ts';
import { bare, onDemandContent, onDemandView, trip } from '../support/fixtures/on-demand-bundle.ts';
import {
  PROFILE_VALUES,
  ServingFixture,
  bundleContent,
  profile,
  spend,
} from '../support/fixtures/serving-fixture.ts';
import { parsePrometheus } from '../support/http/prometheus-text.ts';
import { QUIET_NODE, serve } from '../support/processes/plumb-process.ts';
import { ObservedRules } from '../support/prometheus/observed-rules.ts';
import { freePort } from '../support/redis/redis.ts';
import { until } from '../support/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const STALL = pathToFileURL(join(ROOT, 'test/support/faults/stall-on-signal.ts')).href;
const LIMIT_MS = 900_000;
const DAY_US = 86_400_000_000;
const BETWEEN_MS = 5;
const DESCRIPTORS = 256;
const HEAP_MIB = 96;
const NAME_WORDS = 4_000;
const CUSTOMERS = 4_000;
const HOT = Array.from({ length: 20 }, (_, i) => i + 1);

type Ask = (body: object) => Promise<void>;

/** @returns what asks a sidecar once; whether it answers is the alerts' matter */
function asker(url: string): Ask {
  return async (body) => {
    const sent = { method: 'POST', body: JSON.stringify(body) };
    await fetch(`${url}/feature-service/get-online-features`, sent).then(
      (answer) => answer.arrayBuffer(),
      () => {},
    );
  };
}

/** Does it again and again, one at a time, while something is waited for. */
async function meanwhile(again: () => unknown, waited: Promise<void>): Promise<void> {
  const over = new AbortController();
  const doing = (async () => {
    for (; !over.signal.aborted; await sleep(BETWEEN_MS)) await again();
  })();
  await waited.finally(() => over.abort());
  await doing;
}

/** Of a sidecar's isolated functions. */
function childrenOf(pid: number): number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** How often a loop goes round in 3 ms here and now: three times what a call may take, as the machine is. */
function roundsInThreeMs(): number {
  const startMs = performance.now();
  let rounds = 0;
  for (let n = 0; performance.now() - startMs < 300; rounds += 10_000)
    for (let k = 0; k < 10_000; k++) n = (n * 31 + k) % 1_000_003;
  return Math.ceil(rounds / 100);
}

test(
  'a store and origins that are behind, and functions computed on demand',
  { timeout: LIMIT_MS },
  async () => {
    const slow = onDemandView(
      'bare',
      `({ x }) => { let n = 0; for (let k = 0; k < ${roundsInThreeMs()}; k++) n = (n * 31 + k) % 1000003; return { sum: x + n, wrong: 1 }; }`,
      { inputs: bare.inputs, features: bare.features },
    );
    const content = onDemandContent();
    const changed = [slow, { ...trip, engine: 'V8 1.0 none' }].map((view) => [view.id, view] as const);
    const fixture = new ServingFixture(
      systemClock(),
      {},
      {
        ...content,
        onDemand: new Map([...content.onDemand, ...changed]),
      },
    );
    onTestFinished(() => fixture.close());
    const nowUs = Date.now() * 1_000;
    fixture.put(spend, 1n, [20, 2n], { eventUs: nowUs - DAY_US, writtenMs: nowUs / 1_000 });
    fixture.mark(spend.id, nowUs);
    const origin = `http://127.0.0.1:${await freePort()}`;
    appendFileSync(
      join(fixture.folder, 'plumbline.yaml'),
      `bundles: { from: ["${origin}"], unsigned: true }\n`,
    );
    const sidecar = await serve(fixture.folder);
    const rules = await ObservedRules.start({ functions: { targets: [new URL(sidecar.adminUrl).host] } });
    const ask = asker(sidecar.url);
    const looping = (cart: number) => ({
      feature_service: 'looping',
      entities: { customer_id: [1] },
      context: { cart, big: 1 },
    });

    await rules.expectFiring('PlumblineBundleOriginsDown', 'PlumblineOtherEngine', 'PlumblineMonitorUnseen');
    await rules.expectSilent('PlumblineServedViewStale');
    fixture.mark(spend.id, nowUs - DAY_US);
    await meanwhile(() => ask(looping(3)), rules.expectFiring('PlumblineServedViewStale'));

    await rules.expectSilent(
      'PlumblineFunctionsLost',
      'PlumblineOnDemandRests',
      'PlumblineOnDemandSwitchedOff',
    );
    for (const child of childrenOf(sidecar.pid)) process.kill(child, 'SIGKILL');
    await rules.expectFiring('PlumblineFunctionsLost');
    await rules.expectSilent('PlumblineOnDemandRests', 'PlumblineOnDemandSwitchedOff');
    await meanwhile(() => ask(looping(13)), rules.expectFiring('PlumblineOnDemandRests'));
    const costly = { feature_service: 'bare_only', entities: {}, context: { x: Array(100).fill(1), y: [1] } };
    await meanwhile(() => ask(costly), rules.expectFiring('PlumblineOnDemandSwitchedOff'));
  },
);

/** Rows of 8 to 20 KB, of which the cache holds two texts each. */
function putLongRows(fixture: ServingFixture, customers: number): void {
  const nowUs = Date.now() * 1_000;
  const [, ...rest] = PROFILE_VALUES;
  fixture.store.exec('BEGIN');
  for (let id = 1; id <= customers; id++)
    fixture.put(profile, BigInt(id), [`${id} `.repeat(NAME_WORDS), ...rest], { eventUs: nowUs });
  fixture.store.exec('COMMIT');
  fixture.mark(profile.id, nowUs);
}

const HOT_ONES = { feature_service: 'profile_only', entities: { customer_id: HOT } };

test('a spool that is full and refuses', { timeout: LIMIT_MS }, async () => {
  const fixture = new ServingFixture(systemClock());
  onTestFinished(() => fixture.close());
  putLongRows(fixture, HOT.length);
  appendFileSync(join(fixture.folder, 'plumbline.yaml'), 'log: { onFull: reject, maxBytes: 8MiB }\n');
  const sidecar = await serve(fixture.folder);
  const rules = await ObservedRules.start({ full: { targets: [new URL(sidecar.adminUrl).host] } });
  const ask = asker(sidecar.url);
  await ask(HOT_ONES);
  await rules.expectSilent('PlumblineSpoolFillsUp', 'PlumblineNothingAnswered');
  await meanwhile(
    () => ask(HOT_ONES),
    rules.expectFiring('PlumblineSpoolFillsUp', 'PlumblineNothingAnswered'),
  );
});

/** A sidecar with little of everything, whose disk stands still at SIGUSR2. */
async function startPoor(folder: string, settings: readonly string[]) {
  const limited = `ulimit -n ${DESCRIPTORS}; exec "$0" "$@"`;
  const node = [QUIET_NODE, `--max-old-space-size=${HEAP_MIB}`, '--max-semi-space-size=1', '--import', STALL];
  const sets = settings.flatMap((one) => ['--set', one]);
  const plumb = [join(ROOT, 'plumb.ts'), '-C', folder, ...sets, 'serve', '--port', '0', '--admin-port', '0'];
  const child = spawn('bash', ['-c', limited, process.execPath, ...node, ...plumb], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'close');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  let said = '';
  const address = /serves on (http:\/\/[^\s,]+).* admin on (http:\/\/[^\s,]+)/;
  child.stderr.setEncoding('utf8').on('data', (part: string) => (said += part));
  await until(() => child.exitCode !== null || address.test(said), 'the sidecar serves');
  expect(child.exitCode, said).toBeNull();
  const [, url, adminUrl] = address.exec(said)!;
  return { child, url: url!, adminUrl: adminUrl! };
}

/** @returns the value of a metric without labels */
async function metric(adminUrl: string, name: string): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  return parsePrometheus(text).get(name)!.samples.get(name)!;
}

test('descriptors, lines, disk and heap run short', { timeout: LIMIT_MS }, async ({ skip }) => {
  const volume = mountSmallVolume() ?? skip('a small volume needs the right to mount a tmpfs');
  onTestFinished(() => volume.unmount());
  const fixture = new ServingFixture(systemClock(), {}, bundleContent());
  onTestFinished(() => fixture.close());
  putLongRows(fixture, CUSTOMERS);
  const { child, url, adminUrl } = await startPoor(fixture.folder, [
    `log.spool=${join(volume.folder, 'spool')}`,
    'log.maxBytes=128MiB',
    'serve.transport=uws',
    'serve.cacheBytes=256MiB',
  ]);
  const rules = await ObservedRules.start({ poor: { targets: [new URL(adminUrl).host] } }, [
    ['0.3 * plumbline_spool_max_bytes', '0.03 * plumbline_spool_max_bytes'],
  ]);
  const ask = asker(url);
  let next = 0;
  const some = (count: number) => ({
    feature_service: 'profile_only',
    entities: { customer_id: Array.from({ length: count }, () => 1 + (next++ % CUSTOMERS)) },
  });
  const few = () => ask(HOT_ONES);
  await few();

  await rules.expectSilent('PlumblineDescriptorsShort', 'PlumblineLinesLost');
  const sockets = new Set<Socket>();
  const connectAll = (): void => {
    while (sockets.size < DESCRIPTORS - 90) {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {});
      sockets.add(socket.once('close', () => sockets.delete(socket)));
    }
  };
  await meanwhile(connectAll, rules.expectFiring('PlumblineDescriptorsShort'));
  for (const socket of sockets) socket.destroy();

  // Nobody reads what it says of a file that is wrong in another way each time.
  child.stderr.pause();
  let wrong = 0;
  const spoil = (): void => {
    writeFileSync(join(fixture.folder, 'plumbline.yaml'), `wrong_${wrong++}_${'g'.repeat(60)}: 1\n`);
    child.kill('SIGHUP');
  };
  await meanwhile(spoil, rules.expectFiring('PlumblineLinesLost'));
  child.stderr.resume();

  // The disk stands still, then goes on and is full.
  await rules.expectSilent('PlumblineRingFillsUp', 'PlumblineLogShed', 'PlumblineSpoolFailing');
  child.kill('SIGUSR2');
  await meanwhile(few, rules.expectFiring('PlumblineSlowDisk', 'PlumblineRingFillsUp'));
  child.kill('SIGUSR2');
  await meanwhile(
    few,
    rules.expectFiring('PlumblineSpoolFullSoon', 'PlumblineSpoolFailing', 'PlumblineLogShed'),
  );

  await rules.expectSilent('PlumblineHeapNearlyFull');
  const isTight = async (): Promise<boolean> => {
    const used = await metric(adminUrl, 'nodejs_heap_size_used_bytes');
    return used > 0.87 * (await metric(adminUrl, 'nodejs_heap_size_limit_bytes'));
  };
  while (!(await isTight())) await ask(some(40));
  await rules.expectFiring('PlumblineHeapNearlyFull');
});
