/** The unix socket of a sidecar: who takes it, who may call it, and what is left of it, on both transports. */
import { existsSync, lstatSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../../project/clock.ts';
import { runServe } from '../../../sidecar/main.ts';
import type { RunningSidecar } from '../../../sidecar/main.ts';
import { ServingFixture } from '../../support/fixtures/serving-fixture.ts';

const BODY = JSON.stringify({ feature_service: 'profile_only', entities: { customer_id: [1] } });
const GROUP = process.getgid!();

let fixture: ServingFixture;
let running: RunningSidecar[] = [];
beforeEach(() => {
  fixture = new ServingFixture(systemClock());
});
afterEach(async () => {
  for (const served of running) await served.stop();
  running = [];
  fixture.close();
});

describe.each(['uws', 'node'])('on %s', (transport) => {
  const path = (): string => join(fixture.folder, 'run.sock');
  const serve = async (settings: Record<string, string> = {}, spool = 'spool'): Promise<RunningSidecar> => {
    const served = await runServe(
      fixture.project({
        'serve.host': `unix:${path()}`,
        'serve.transport': transport,
        'log.spool': join(fixture.folder, spool),
        ...settings,
      }),
    );
    running.push(served);
    return served;
  };

  test('is served on, and gone with the sidecar', async () => {
    const served = await serve();
    expect(await ask(path())).toBe(200);
    await served.stop();
    expect(existsSync(path())).toBe(false);
  });

  test('is not taken from a sidecar that serves there, which serves on', async () => {
    await serve();
    await expect(serve({}, 'other')).rejects.toMatchObject({
      code: 'SRV_PORT',
      message: expect.stringContaining('another process serves there'),
    });
    expect(await ask(path())).toBe(200);
  });

  test('of two that start at once one gets it', async () => {
    const both = await Promise.allSettled([serve({}, 'a'), serve({}, 'b')]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(await ask(path())).toBe(200);
  });

  test('left behind by a process that was killed is taken, and nothing else is left', async () => {
    const script = `require('node:net').createServer().listen(${JSON.stringify(path())}, () => console.log('up'))`;
    const killed = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(killed.stdout, 'data');
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    expect(lstatSync(path()).isSocket()).toBe(true);
    await serve();
    expect(await ask(path())).toBe(200);
    expect(readdirSync(fixture.folder).filter((name) => /^\.[0-9a-f]{8}$/.test(name))).toEqual([]);
  });

  test('a file, or a folder, at the path is refused and left as it is', async () => {
    writeFileSync(path(), 'precious');
    await expect(serve()).rejects.toMatchObject({
      code: 'SRV_PORT',
      message: expect.stringContaining('something else than a socket'),
    });
    expect(readFileSync(path(), 'utf8')).toBe('precious');
  });

  test('has the mode and the group of the settings, and its owner only may call unless they say so', async () => {
    const plain = await serve();
    expect(lstatSync(path()).mode & 0o777).toBe(0o600);
    await plain.stop();
    await serve({ 'serve.socketMode': '0660', 'serve.socketGroup': String(GROUP) });
    expect([lstatSync(path()).mode & 0o777, lstatSync(path()).gid]).toEqual([0o660, GROUP]);
  });

  test('one that took the place of ours is not removed at our end', async () => {
    const served = await serve();
    rmSync(path());
    writeFileSync(path(), 'of another');
    await served.stop();
    expect(readFileSync(path(), 'utf8')).toBe('of another');
  });

  test.each([
    [
      'a group that is not there',
      { 'serve.socketGroup': 'no-such-group-here' },
      /no group no-such-group-here/,
    ],
    ['a path that ends in a folder', { 'serve.host': 'unix:/tmp/.' }, /something else than a socket/],
    ['a folder that is not there', { 'serve.host': 'unix:/nowhere/at/all.sock' }, /\/nowhere\/at\/all.sock/],
    ['a path that is too long', { 'serve.host': `unix:/tmp/${'x'.repeat(120)}` }, /at most 107 fit/],
  ])('%s is a sentence', async (_, settings, says) => {
    await expect(serve(settings)).rejects.toMatchObject({
      code: 'SRV_PORT',
      message: expect.stringMatching(says),
    });
  });
});

test.each(['unix:', 'unix:features.sock', 'unix:./features.sock', 'unix:/', 'unix:/run/', 'unix:~/x.sock'])(
  'the path of %s is a mistake of the settings',
  (host) => {
    expect(() => fixture.project({ 'serve.host': host })).toThrow(
      /serve\.host: expected unix: and the absolute path of a socket, .*, got "unix:/,
    );
  },
);

test.each(['432', '0o660', 'rw-rw----', '888', '1777'])(
  'the mode %s is a mistake of the settings',
  (mode) => {
    expect(() => fixture.project({ 'serve.socketMode': mode })).toThrow(
      /serve\.socketMode: expected .*'0660'/,
    );
  },
);

function ask(socketPath: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const path = '/feature-service/get-online-features';
    const headers = { host: 'localhost' };
    const request = httpRequest({ socketPath, path, method: 'POST', headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    request.on('error', reject);
    request.end(BODY);
  });
}
