/** What the sidecar says on stderr, and that whoever reads it cannot stop it. Real processes, real pipes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FullPipe } from '../../support/faults/full-pipe.ts';
import { PLUMB, QUIET_NODE, run } from '../../support/processes/plumb-process.ts';
import { ServingFixture, manualClock } from '../../support/fixtures/serving-fixture.ts';
import { until } from '../../support/until.ts';

let fixture: ServingFixture;
beforeEach(() => {
  fixture = new ServingFixture(manualClock());
});
afterEach(() => fixture.close());

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

interface Line {
  readonly level: string;
  readonly msg: string;
  readonly code?: string;
}

const linesOf = (text: string): Line[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

describe('a collector that stops reading', () => {
  test('stops neither the start, nor serving, nor the end; what it reads later is whole', async () => {
    const pipe = new FullPipe();
    const writer = pipe.openWriter();
    const port = await freePort();
    const args = ['-C', fixture.folder, '--set', `serve.adminPort=${port}`, 'serve'];
    const child = spawn(process.execPath, [QUIET_NODE, PLUMB, ...args], {
      stdio: ['ignore', 'ignore', writer],
    });
    closeSync(writer);
    const ended = once(child, 'close');
    const alive = async (): Promise<boolean> => {
      const answer = await fetch(`http://127.0.0.1:${port}/livez`).catch(() => null);
      return answer?.status === 200;
    };
    await until(alive, 'the sidecar serves');
    let text = '';
    await until(() => {
      text += pipe.drain();
      return text.includes('\n');
    }, 'the first line');
    expect(linesOf(text)[0]).toMatchObject({ level: 'info', program: 'plumb serve' });
    const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    expect(metrics).toContain('plumbline_stderr_lines_dropped_total 0');
    child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
    expect(linesOf(text + pipe.drain()).at(-1)!.msg).toContain('SIGTERM');
  });

  test('does not keep a process from ending', async () => {
    const pipe = new FullPipe();
    const writer = pipe.openWriter();
    const args = ['-C', fixture.folder, '--set', 'serve.transport=none', 'serve'];
    const child = spawn(process.execPath, [QUIET_NODE, PLUMB, ...args], {
      stdio: ['ignore', 'ignore', writer],
    });
    closeSync(writer);
    expect((await once(child, 'close'))[0]).toBe(2);
  });
});

describe('an error that ends the start', () => {
  /** On a port that another program has; without native modules a warning comes first. */
  async function fail(nodeFlags: readonly string[], flags: readonly string[] = []) {
    const blocker = createServer().listen(0, '127.0.0.1');
    await once(blocker, 'listening');
    const { port } = blocker.address() as AddressInfo;
    const settings = ['--set', `serve.port=${port}`, ...flags.flatMap((flag) => ['--set', flag])];
    const args = [QUIET_NODE, ...nodeFlags, PLUMB, '-C', fixture.folder, ...settings, 'serve'];
    const ended = await run(process.execPath, args);
    blocker.close();
    expect(ended.code).toBe(4);
    return ended.stderr;
  }

  test('among JSON lines is one of them, with its code', async () => {
    const lines = linesOf(await fail(['--no-addons']));
    expect(lines.map(({ level, code }) => [level, code])).toEqual([
      ['warn', undefined],
      ['error', 'SRV_PORT'],
    ]);
  });

  test('is a sentence where no line stands before it, as one that serve.logLevel leaves out does not', async () => {
    expect(await fail([])).toMatch(/^error: .*\[SRV_PORT\]\n$/s);
    expect(await fail(['--no-addons'], ['serve.logLevel=error'])).toMatch(/^error: \S/);
  });
});
