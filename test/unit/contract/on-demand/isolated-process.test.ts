/** What the process of isolated functions costs when it dies: its row, and nothing else. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { onTestFinished, describe, expect, test } from 'vitest';
import { IsolatedFunctions } from '../../../../contract/on-demand/isolated-functions.ts';
import type { IsolatedOptions } from '../../../../contract/on-demand/isolated-functions.ts';
import { NO_VIEWS, onDemandView } from '../../../support/fixtures/on-demand-view.ts';
import { until } from '../../../support/until.ts';

const view = (name: string, script: string) => onDemandView(name, script, { x: 'float64' }, { y: 'float64' });

const DOUBLE = view('double', '({ x }) => { while (x === 13) {} return { y: 2 * x } }');
/** Past 64 MiB in one step. */
const SPREAD = view(
  'spread',
  `({ x }) => { let a = 'ab'; for (let k = 0; k < x; k++) a = a + a; return { y: [...a].length } }`,
);
const MAP = view(
  'map',
  '({ x }) => { const all = new Map(); for (let k = 0; k < x; k++) all.set(k, k); return { y: all.size } }',
);

async function isolated(more: Partial<IsolatedOptions> = {}, views = [DOUBLE, SPREAD, MAP]) {
  const told: string[] = [];
  const functions = new IsolatedFunctions(views, NO_VIEWS, {
    callMs: 60_000,
    onEnd: (of, reason) => told.push(`${of} ${reason}`),
    onLost: (by, ran) => told.push([by, ...ran].join(' ')),
    ...more,
  });
  onTestFinished(() => functions.close());
  await functions.start();
  return { functions, told };
}

const rowsOf = (...xs: number[]) => xs.map((x) => [x]);

/** Processes of isolated functions whose parent is that one. */
function processesOf(parent: number | undefined): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
        const [state, ppid] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        const isOurs = readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('isolated-process');
        return state !== 'Z' && Number(ppid) === parent && isOurs;
      } catch {
        return false;
      }
    });
}

/** Hundredths of a second of processor time; a start takes under 40 of them. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}

/**
 * A program of its own that isolates `loop`, which never ends for 13.
 *
 * @param before  of a shell
 * @param open    a descriptor that it has as number 40
 */
function starting(program: string, before = '', open: number | null = null) {
  const root = new URL('../../../../', import.meta.url).href;
  const script = '({ x }) => { while (x === 13) {} return { y: x } }';
  const all = `
    import { IsolatedFunctions } from '${root}contract/on-demand/isolated-functions.ts';
    import { NO_VIEWS, onDemandView } from '${root}test/support/fixtures/on-demand-view.ts';
    const loop = onDemandView('loop', '${script}', { x: 'float64' }, { y: 'float64' });
    ${program}`;
  return spawn('sh', ['-c', `${before} exec "$0" "$@"`, process.execPath, '--input-type=module', '-e', all], {
    stdio: ['ignore', 'pipe', 'ignore', ...Array.from({ length: 37 }, () => null), open],
  });
}

/** @returns what it said, and its exit code */
async function endOf(program: ReturnType<typeof starting>): Promise<[string, unknown]> {
  let said = '';
  program.stdout!.on('data', (part) => (said += part));
  const code = await new Promise((resolve) => program.once('close', resolve));
  return [said.trim(), code];
}

function isGone(pid: number): boolean {
  try {
    return /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

describe('the process of isolated functions', () => {
  // A table: one line a way to pass its memory that no bound of a length sees.
  test.each([
    ['a text that is spread', 'spread', 24],
    ['a Map that grows', 'map', 16_000_000],
  ])('%s ends it alone, and costs its row', async (_, of, x) => {
    const { functions, told } = await isolated({ spare: true });
    const [own, others] = await Promise.all([
      functions.rows(of, rowsOf(3, x, 4)),
      functions.rows('double', rowsOf(1, 2)),
    ]);
    expect(own[1]).toMatchObject({
      reason: 'memory',
      message: expect.stringContaining(`${of}.ts: a call took`),
    });
    expect([own[0], own[2]]).not.toContainEqual(expect.objectContaining({ reason: 'memory' }));
    expect(others).toEqual([[2], [4]]);
    // A crash ends first the whole job, then its row alone; while it ends it may give no sign.
    expect(told.at(-1)).toBe(`${of} memory`);
    expect(told.filter((one) => !one.includes('no sign')).length).toBeLessThanOrEqual(2);
    expect(await functions.rows('double', rowsOf(5))).toEqual([[10]]);
  });

  test('typed arrays that grow, which its heap does not count, end it as well', async () => {
    const grow = view(
      'grow',
      '({ x }) => { const all = []; while (x > 2) all.push(new Uint8Array(1e6).fill(x)); return { y: x } }',
    );
    const { functions, told } = await isolated({}, [grow]);
    const outcomes = await functions.rows('grow', rowsOf(1, 3, 2));
    expect([outcomes[0], outcomes[2]]).toEqual([[1], [2]]);
    expect(outcomes[1]).toMatchObject({ reason: 'memory' });
    expect(told).toEqual(['grow memory']);
  });

  test('rows whose outcomes are too much together are computed one by one', async () => {
    const long = onDemandView('long', '({ x }) => ({ y: x.repeat(3) })', { x: 'string' }, { y: 'string' });
    const { functions, told } = await isolated({}, [long, DOUBLE]);
    const text = 'a'.repeat(20_000);
    const [own, others] = await Promise.all([
      functions.rows(
        'long',
        Array.from({ length: 4_000 }, (_, i) => [`${i} ${text}`]),
      ),
      functions.rows('double', rowsOf(1, 2)),
    ]);
    expect(own.map((one) => (Array.isArray(one) ? (one[0] as string).split(' ')[0] : one))).toEqual(
      own.map((_, i) => `${i}`),
    );
    expect(others).toEqual([[2], [4]]);
    expect(told).toHaveLength(1);
  });

  test('twelve views that loop at once end no process, and what waits behind them is computed', async () => {
    const script = '({ x }) => { while (x === 13) {} return { y: 2 * x } }';
    const loops = Array.from({ length: 12 }, (_, i) => view(`loop${i}`, script));
    const { functions, told } = await isolated({ callMs: 20 }, [...loops, DOUBLE]);
    const before = processesOf(process.pid);
    const asked = loops.map(({ id }) => functions.rows(id, rowsOf(1, 13, 2)));
    const double = await functions.rows('double', rowsOf(3));
    for (const outcomes of await Promise.all(asked))
      expect(outcomes).toEqual([[2], expect.objectContaining({ reason: 'deadline' }), [4]]);
    expect([double, processesOf(process.pid)]).toEqual([[[6]], before]);
    expect(told).toEqual(loops.map(({ id }) => `${id} deadline`));
  });

  test('of many views that loop at once one that was answered before waits for one', async () => {
    const script = '({ x }) => { while (x === 13) {} return { y: 2 * x } }';
    const loops = Array.from({ length: 6 }, (_, i) => view(`loop${i}`, script));
    const order: string[] = [];
    const onEnd = (of: string): unknown => order.push(of);
    const { functions } = await isolated({ callMs: 40, onEnd }, [...loops, DOUBLE]);
    await functions.rows('double', rowsOf(1, 2, 3));
    const asked = loops.map(({ id }) => functions.rows(id, rowsOf(13)));
    // They are sent, and the first one loops.
    for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
    await functions.rows('double', rowsOf(4));
    order.push('double');
    await Promise.all(asked);
    expect(order.indexOf('double')).toBe(1);
    expect(order).toHaveLength(7);
  });

  test('jobs that were sent before the end of a call is known come back, and are computed', async () => {
    const { functions, told } = await isolated({ callMs: 100 });
    const looping = functions.rows('double', rowsOf(13, 1));
    const others: (typeof looping)[] = [];
    for (let x = 2; x < 6; x++) {
      await new Promise((resolve) => setImmediate(resolve));
      others.push(functions.rows('double', rowsOf(x)));
    }
    expect(await looping).toEqual([expect.objectContaining({ reason: 'deadline' }), [2]]);
    expect(await Promise.all(others)).toEqual([[[4]], [[6]], [[8]], [[10]]]);
    expect(told).toEqual(['double deadline']);
  });

  test('a native method that takes too long is ended with its process, also where calls were ended before', async () => {
    const search = `({ x }) => ({ y: 'a'.repeat(x * 3).indexOf('a'.repeat(x) + 'b' + 'a'.repeat(x)) })`;
    const { functions, told } = await isolated({ callMs: 40, spare: true }, [view('search', search), DOUBLE]);
    await functions.rows('double', rowsOf(13));
    const before = processesOf(process.pid);
    const [own, others] = await Promise.all([
      functions.rows('search', rowsOf(2, 300_000, 1)),
      functions.rows('double', rowsOf(1)),
    ]);
    expect(own).toEqual([[-1], expect.objectContaining({ reason: 'deadline' }), [-1]]);
    expect([others, told]).toEqual([[[2]], ['double deadline', 'search deadline']]);
    expect(processesOf(process.pid)).not.toContain(before[0]);
  });

  test('killed from outside while it waits, another one answers', async () => {
    const { functions, told } = await isolated();
    expect(await functions.rows('double', rowsOf(1))).toEqual([[2]]);
    expect(await functions.rows('map', rowsOf(1, 2))).toEqual([[1], [2]]);
    const [pid] = processesOf(process.pid);
    process.kill(pid!, 'SIGKILL');
    await until(() => told.length > 0, 'its end is told');
    expect(told).toEqual(['SIGKILL map double']);
    expect(await functions.rows('double', rowsOf(2))).toEqual([[4]]);
  });

  test('killed from outside in a call, the call is made again; the third time it is blamed', async () => {
    const { functions, told } = await isolated();
    const waiting = functions.rows('double', rowsOf(1, 13, 2));
    for (let kills = 1; kills <= 3; kills++) {
      const looping = (): number | undefined => processesOf(process.pid).find((pid) => cpuTicks(pid) > 80);
      await until(() => looping() !== undefined, 'a process is in the call');
      process.kill(looping()!, 'SIGKILL');
      await until(() => told.length === kills, 'its end is told');
    }
    const outcomes = await waiting;
    expect([outcomes[0], outcomes[2]]).toEqual([[2], [4]]);
    expect(outcomes[1]).toMatchObject({ reason: 'memory' });
    expect(told).toEqual(['SIGKILL double', 'SIGKILL double', 'double memory']);
  });

  test('killed at random times, every row of many has its own outcome', async () => {
    const { functions } = await isolated({ spare: true });
    for (let n = 0; n < 8; n++) {
      await until(() => processesOf(process.pid).length > 0, 'one is there');
      const all = processesOf(process.pid);
      const killed = new Promise<void>((resolve) => {
        setTimeout(() => {
          const pid = all[n % all.length]!;
          if (!isGone(pid)) process.kill(pid, 'SIGKILL');
          resolve();
        }, Math.random() * 10);
      });
      for (let batch = 0; batch < 20; batch++) {
        const rows = Array.from({ length: 50 }, (_, i) => [100 * n + batch + i + 14]);
        expect(await functions.rows('double', rows)).toEqual(rows.map(([x]) => [2 * x!]));
      }
      await killed;
    }
  });

  test('stopped by a signal it is ended, and another one answers', async () => {
    const { functions, told } = await isolated({ callMs: 20, startMs: 8_000 });
    const [pid] = processesOf(process.pid);
    process.kill(pid!, 'SIGSTOP');
    expect(await functions.rows('double', rowsOf(1, 2))).toEqual([[2], [4]]);
    expect(told).toEqual(['SIGKILL double']);
    expect(isGone(pid!)).toBe(true);
  });

  test('stopped while a spare one is ready, that one answers at once', async () => {
    const { functions, told } = await isolated({ callMs: 20, spare: true });
    const [pid] = processesOf(process.pid);
    await functions.rows('double', rowsOf(1));
    await until(() => functions.processes === 2, 'the spare one is ready');
    process.kill(pid!, 'SIGSTOP');
    expect(await functions.rows('double', rowsOf(1, 2))).toEqual([[2], [4]]);
    expect(told).toEqual(['SIGKILL, since it gave no sign double']);
  });

  test('a call that the system holds up is not to blame for that', async () => {
    const spin = view(
      'spin',
      '({ x }) => { let n = 0; for (let k = 0; k < x; k++) n += k % 7; return { y: n } }',
    );
    const { functions, told } = await isolated({ callMs: 2_000 }, [spin]);
    const [pid] = processesOf(process.pid);
    const before = cpuTicks(pid!);
    const waiting = functions.rows('spin', rowsOf(150_000_000));
    await until(() => cpuTicks(pid!) - before > 4, 'it is in the call');
    process.kill(pid!, 'SIGSTOP');
    const beganMs = performance.now();
    await until(() => performance.now() - beganMs > 2_500, 'the clock goes on');
    process.kill(pid!, 'SIGCONT');
    expect(await waiting).toEqual([[449_999_994]]);
    expect(told).toEqual([]);
  });

  test('it has no environment and no descriptors but its own', async () => {
    await isolated();
    const [pid] = processesOf(process.pid);
    expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
    const open = readdirSync(`/proc/${pid}/fd`).map((fd) => readlinkSync(`/proc/${pid}/fd/${fd}`));
    // The rest is what the event loops of Node have open for themselves.
    const others = open.filter((path) => !/^(anon_inode:|pipe:|\/dev\/null)/.test(path));
    expect(others).toEqual([expect.stringMatching(/^socket:/), expect.stringMatching(/^socket:/)]);
  });

  test('signals to all processes of a group do not end it', async () => {
    const { functions, told } = await isolated();
    const [pid] = processesOf(process.pid);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.kill(pid!, signal);
    expect(await functions.rows('double', rowsOf(2))).toEqual([[4]]);
    expect([told, processesOf(process.pid)]).toEqual([[], [pid]]);
  });

  test('SIGINT at any time, in calls and between them, costs no row and no process', async () => {
    const spin = view(
      'spin',
      '({ x }) => { let n = 0; for (let k = 0; k < 1e5; k++) n += x; return { y: n } }',
    );
    const { functions, told } = await isolated({}, [spin]);
    const [pid] = processesOf(process.pid);
    for (let n = 0; n < 100; n++) {
      const asked = functions.rows('spin', rowsOf(...Array.from({ length: n % 7 }, (_, i) => n + i)));
      for (let turn = 0; turn < n % 11; turn++) await new Promise((resolve) => setImmediate(resolve));
      process.kill(pid!, 'SIGINT');
      expect(await asked).toEqual(Array.from({ length: n % 7 }, (_, i) => [1e5 * (n + i)]));
    }
    expect([told, processesOf(process.pid)]).toEqual([[], [pid]]);
  });

  test('nothing of it is left after close, whatever it is in', async () => {
    const { functions } = await isolated({ spare: true });
    const waiting = functions.rows('double', rowsOf(13));
    await until(() => processesOf(process.pid).length === 2, 'both are there');
    const pids = processesOf(process.pid);
    await functions.close();
    expect(pids.map(isGone)).toEqual([true, true]);
    expect((await waiting)[0]).toMatchObject({ message: 'plumb is ending' });
  });

  test('none is started after close, whatever waited', async () => {
    const { functions } = await isolated();
    const waiting = functions.rows('double', rowsOf(1));
    await functions.close();
    await functions.start();
    expect((await waiting)[0]).toMatchObject({ message: 'plumb is ending' });
    expect(processesOf(process.pid)).toEqual([]);
  });

  test('it ends with whoever started it, even killed, and even in a call that never ends', async () => {
    const starter = starting(`
      const functions = new IsolatedFunctions([loop], NO_VIEWS, { callMs: 60000, spare: true });
      await functions.start();
      void functions.rows('loop', [[13]]);
      setTimeout(() => console.log('looping'), 300);`);
    await new Promise((resolve) => starter.stdout!.once('data', resolve));
    const pids = processesOf(starter.pid);
    expect(pids).toHaveLength(2);
    starter.kill('SIGKILL');
    await until(() => pids.every(isGone), 'both are gone');
  });

  test('whoever is done with it need not close it: it keeps no process awake', async () => {
    const [said, code] = await endOf(
      starting(`
        const functions = new IsolatedFunctions([loop], NO_VIEWS, { callMs: 60000 });
        console.log(JSON.stringify(await functions.rows('loop', [[12]])));`),
    );
    expect([said, code]).toEqual(['[[12]]', 0]);
  });

  test('what whoever started it left open for all is closed', async () => {
    // Node itself closes the first ones.
    const license = openSync('LICENSE', 'r');
    onTestFinished(() => closeSync(license));
    const [said] = await endOf(
      starting(
        `
        import { readdirSync, readlinkSync } from 'node:fs';
        import { execFileSync } from 'node:child_process';
        const functions = new IsolatedFunctions([loop], NO_VIEWS, { callMs: 60000 });
        await functions.start();
        const pids = execFileSync('pgrep', ['-P', process.pid]).toString().trim().split('\\n');
        const open = (pid) => readdirSync('/proc/' + pid + '/fd').flatMap((fd) => {
          try { return [readlinkSync('/proc/' + pid + '/fd/' + fd)]; } catch { return []; }
        });
        const has = (pid) => open(pid).some((path) => path.endsWith('LICENSE'));
        console.log([has(process.pid), pids.some(has)].join());
        await functions.close();`,
        '',
        license,
      ),
    );
    expect(said).toBe('true,false');
  });

  test('where the system has no descriptor left for it, rows get a fault, and values once it has', async () => {
    const [said, code] = await endOf(
      starting(
        `
        import { closeSync, openSync } from 'node:fs';
        const functions = new IsolatedFunctions([loop], NO_VIEWS, { callMs: 60000 });
        const held = [];
        const POLL_MS = 20;
        try { for (;;) held.push(openSync('/dev/null')); } catch {}
        const told = new Set();
        // From none left to enough of them: the sockets, and what the system itself takes for a start.
        for (;;) {
          const [outcome] = await functions.rows('loop', [[12]]);
          if (Array.isArray(outcome)) break;
          told.add(outcome.message.replace(/:.*/, ''));
          closeSync(held.pop());
          // It is tried again after a pause.
          await new Promise((resolve) => setTimeout(resolve, POLL_MS));
        }
        console.log([...told].join());`,
        'ulimit -n 128;',
      ),
    );
    expect([said, code]).toEqual(['the process of isolated functions does not start', 0]);
  });
});
