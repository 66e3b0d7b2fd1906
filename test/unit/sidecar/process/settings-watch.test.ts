import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openProject } from '../../../../project/project.ts';
import type { CacheLayers } from '../../../../project/settings/serve-settings.ts';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { watchSettings } from '../../../../sidecar/process/settings-watch.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const ALL_ON = { fresh: true, readAhead: true, absent: true, stale: true, singleFlight: true, hotKeys: true };

function watched(flags: Record<string, string> = {}) {
  const folder = scratchFolder({ 'plumbline.yaml': '' });
  const file = join(folder, 'plumbline.yaml');
  const said: string[] = [];
  const warned: string[] = [];
  const logger = { ...silentLogger, info: (l: string) => said.push(l), warn: (l: string) => warned.push(l) };
  const taken: CacheLayers[] = [];
  const levels: string[] = [];
  const watch = watchSettings(
    openProject(folder, logger as never, {}, flags),
    (layers) => taken.push(layers),
    (level) => levels.push(level),
  );
  // The timer would look in between; the tests look themselves.
  watch.stop();
  const look = (times = 2): void => {
    for (let i = 0; i < times; i++) watch.look();
  };
  return { file, said, warned, taken, levels, look, write: (text: string) => writeFileSync(file, text) };
}

test('layers switched in plumbline.yaml are taken, each change said once', () => {
  const { write, look, taken, said, warned } = watched();
  look(5);
  write('serve: { cacheLayers: { stale: false, readAhead: false } }\n');
  look(5);
  write('# a remark\nserve: { cacheLayers: { readAhead: false } }\n');
  look(5);
  expect(taken).toEqual([
    { ...ALL_ON, stale: false, readAhead: false },
    { ...ALL_ON, readAhead: false },
  ]);
  expect(said).toEqual(['cache layers: readAhead off, stale off', 'cache layers: stale on']);
  expect(warned).toEqual([]);
});

test('a level of log lines is taken, and said while lines of level info are written', () => {
  const { write, look, levels, said, warned } = watched();
  for (const level of ['warn', 'error', 'info']) {
    write(`serve: { logLevel: ${level} }\n`);
    look(3);
  }
  expect(levels).toEqual(['warn', 'error', 'info']);
  expect(said[0]).toBe('log lines from level warn on');
  expect(said.at(-1)).toBe('log lines from level info on');
  expect(warned).toEqual([]);
});

test('a file that is being written, and so still changes, is not taken', () => {
  const { write, look, taken } = watched();
  write('serve: { cacheLayers: { stale: false } }\n');
  look(1);
  write('');
  look(1);
  write('serve: { cacheLayers: { fresh: false } }\n');
  look(1);
  expect(taken).toEqual([]);
  look(1);
  expect(taken).toEqual([{ ...ALL_ON, fresh: false }]);
});

test('a mistake, or no file at all, keeps the layers as they are and is said once', () => {
  const { file, write, look, taken, warned } = watched();
  write('serve: { cacheLayers: { fresh: false } }\n');
  look();
  for (const bad of [
    'serve: { cacheLayers: { frsh: false } }\n',
    'serve: { cacheLayers: { fresh: 7 } }\n',
    '[',
  ]) {
    write(bad);
    look(5);
  }
  rmSync(file);
  look(5);
  expect(taken).toHaveLength(1);
  const refused = 'plumbline.yaml is refused, what is in force stays as it is: ';
  expect(warned).toEqual([
    expect.stringContaining(`${refused}the settings`),
    expect.stringContaining('serve.cacheLayers.fresh'),
    expect.stringContaining('cannot be read'),
    expect.stringContaining('there is no plumbline.yaml'),
  ]);
  write('serve: { cacheLayers: { fresh: true } }\n');
  look();
  expect(taken.at(-1)).toEqual(ALL_ON);
});

test('what a flag sets stays, and other settings wait for the next start', () => {
  const { write, look, taken, warned } = watched({ 'serve.cacheLayers.hotKeys': 'false' });
  write('serve: { port: 7000, cacheLayers: { hotKeys: true, stale: false } }\n');
  look();
  expect(taken).toEqual([{ ...ALL_ON, hotKeys: false, stale: false }]);
  expect(warned).toEqual([
    'plumbline.yaml: only serve.cacheLayers and serve.logLevel are taken now, other changes at the next start',
  ]);
});
