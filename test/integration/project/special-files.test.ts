/** What is no regular file, wherever a user may have put it, is named at once: whoever opens a FIFO waits for ever. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { QUIET_NODE, PLUMB, plumb, run } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

const LIMIT_S = '200';
/** A mistake of the user's, and what cannot be read. */
const REFUSED: readonly (number | null)[] = [2, 4];

/** Runs `plumb ARGS`; one that waits is killed, and has no code then. */
function bounded(folder: string, ...args: readonly string[]): Promise<Finished> {
  return run('timeout', ['-s', 'KILL', LIMIT_S, process.execPath, QUIET_NODE, PLUMB, '-C', folder, ...args]);
}

async function quickstart(): Promise<string> {
  const folder = join(scratchFolder(), 'project');
  expect((await plumb(['init', folder])).code).toBe(0);
  expect((await plumb(['-C', folder, 'apply'])).code).toBe(0);
  expect((await plumb(['-C', folder, 'materialize'])).code).toBe(0);
  writeFileSync(join(folder, 'labels.csv'), 'driver_id,event_timestamp\n1001,2025-06-01T00:00:00Z\n');
  return folder;
}

const fifo = (file: string): void => void execFileSync('mkfifo', [file]);

test('a FIFO or a device in a source, and a folder whose name is no UTF-8', async () => {
  const folder = await quickstart();
  const data = join(folder, 'data');
  const definitions = join(folder, 'definitions/drivers.yaml');
  execFileSync('sed', ['-i', 's:data/driver_stats.parquet:data:', definitions]);
  expect((await bounded(folder, 'apply')).code).toBe(0);
  const train = ['train', '--service', 'rank_v1', '--labels', join(folder, 'labels.csv')];
  const commands = [['plan'], ['materialize'], [...train, '--out', join(folder, 'out.csv')]];
  fifo(join(data, 'z.parquet'));
  for (const args of commands) {
    const { code, stderr } = await bounded(folder, ...args);
    expect(stderr).toContain(`expected a regular file, got a FIFO, open '${join(data, 'z.parquet')}'`);
    expect(REFUSED, args[0]).toContain(code);
  }
  rmSync(join(data, 'z.parquet'));
  symlinkSync('/dev/zero', join(data, 'z.parquet'));
  expect((await bounded(folder, 'materialize')).stderr).toContain('got a device');
  rmSync(join(data, 'z.parquet'));
  const lost = Buffer.concat([Buffer.from(`${data}/z`), Buffer.of(0xff)]);
  mkdirSync(lost);
  const { code, stderr } = await bounded(folder, 'materialize');
  expect(stderr).toContain(`expected a name in UTF-8, got "${data}/z\ufffd"`);
  expect(REFUSED).toContain(code);
});

test('a FIFO as labels, definitions, settings, bundle, key, password, or file to compare', async () => {
  const folder = await quickstart();
  const path = join(folder, 'fifo');
  fifo(path);
  for (const name of ['labels.csv', 'labels.parquet', 'y.yaml', 'x.ts']) fifo(join(folder, `fifo-${name}`));
  const got = async (...args: readonly string[]): Promise<[boolean, string]> => {
    const { code, stderr } = await bounded(folder, ...args);
    return [REFUSED.includes(code), stderr];
  };
  const refused = [true, expect.stringContaining('expected a regular file, got a FIFO')];
  const out = ['--service', 'rank_v1', '--out', join(folder, 'out.csv')];
  for (const name of ['labels.csv', 'labels.parquet'])
    expect(await got('train', '--labels', join(folder, `fifo-${name}`), ...out), name).toEqual(refused);
  expect(
    await got('monitor', 'stats', '--a', path, '--b', join(folder, 'data/driver_stats.parquet')),
  ).toEqual(refused);
  const sets = ['online.passwordFile', 'log.hmacKey.file', 'clock.control'].map((name) => `${name}=${path}`);
  expect(await got('--set', sets[1]!, '--set', 'log.hmacKey.id=k1', 'serve', '--port', '0')).toEqual(refused);
  expect(await got('--set', sets[2]!, 'materialize')).toEqual(refused);
  for (const name of ['y.yaml', 'x.ts']) {
    const file = join(folder, 'definitions', name);
    fifo(file);
    expect(await got('plan'), name).toEqual(refused);
    rmSync(file);
  }
  const get = ['get', '--service', 'rank_v1', '--entity', 'driver_id=1001'];
  expect(await got('--set', `online.url=sqlite:${path}`, ...get)).toEqual(refused);
  for (const file of [join(folder, '.plumb/bundles/current'), join(folder, 'plumbline.yaml')]) {
    cpSync(file, `${file}.kept`);
    rmSync(file);
    fifo(file);
    expect(await got(...get), file).toEqual(refused);
    rmSync(file);
    cpSync(`${file}.kept`, file);
  }
  const redis = ['--set', 'online.url=redis://127.0.0.1:1', '--set', sets[0]!];
  const [isRefused, stderr] = await got(...redis, 'materialize');
  expect(stderr).toContain('got a FIFO');
  expect(isRefused).toBe(true);
});

test('definitions below a folder whose name is no UTF-8 are not left out in silence', async () => {
  const folder = join(scratchFolder(), 'project');
  expect((await plumb(['init', folder])).code).toBe(0);
  writeFileSync(join(folder, 'plumbline.yaml'), "project: p\ndefinitions: ['definitions/**/*.yaml']\n");
  expect((await bounded(folder, 'plan')).code).toBe(0);
  const lost = Buffer.concat([Buffer.from(`${folder}/definitions/z`), Buffer.of(0xff)]);
  mkdirSync(lost);
  const { code, stderr } = await bounded(folder, 'plan');
  expect(stderr).toContain(`expected a name in UTF-8, got "${folder}/definitions/z\ufffd"`);
  expect(REFUSED).toContain(code);
});
