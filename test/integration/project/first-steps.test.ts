/** What a newcomer does first: a project in a folder of choice, a look at it, and where the hints of slips lead. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { plumb, run } from '../../support/processes/plumb-process.ts';
import { PLUMB, QUIET_NODE } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

test('a project named after -C lies within it, and shows a feature by each of its names with its runs', async () => {
  const root = scratchFolder();
  // A checkout says more: the package is not there to be installed.
  const program = join(import.meta.dirname, '../../../plumb.ts');
  const made = await plumb(['-C', 'home', '--json', 'init', 'my shop'], { cwd: root, program });
  const folder = join(root, 'home/my shop');
  expect(JSON.parse(made.stdout)).toMatchObject({ folder: 'home/my shop' });
  expect(made.stdout).toContain(`'${folder}'`);
  expect(existsSync(join(folder, 'plumbline.yaml'))).toBe(true);
  expect(readFileSync(join(folder, 'README.md'), 'utf8')).toContain('npx plumb apply');
  expect((await plumb(['-C', folder, 'apply'])).code).toBe(0);
  expect((await plumb(['-C', folder, 'materialize'])).code).toBe(0);
  for (const name of [
    'driver_hourly_stats',
    'driver_hourly_stats:conv_rate',
    'driver_hourly_stats__conv_rate',
  ]) {
    const shown = await plumb(['-C', folder, 'show', name]);
    expect(shown.stdout).toContain('view driver_hourly_stats (stored');
    expect(shown.stdout).toContain('complete, up to');
  }
  const { runs } = JSON.parse(
    (await plumb(['-C', folder, '--json', 'show', 'driver_hourly_stats:conv_rate'])).stdout,
  ) as { runs: unknown[] };
  expect(runs).toHaveLength(1);
  expect((await plumb(['-C', folder, 'show'])).stdout).toContain('`plumb show VIEW` lists the features');
});

test('a mistake on the command line leads to the help of its command; a folder that is gone is named', async () => {
  const helps = [
    [['get'], 'plumb get --help` for its options'],
    [['-C', 'get', 'log', 'cut'], 'plumb log --help` for its commands'],
    [['monitor', 'run', '--dat', 'x'], 'plumb monitor run --help` for its options'],
    [['aply'], 'plumb --help` for all commands'],
  ] as const;
  for (const [args, help] of helps) expect((await plumb(args)).stderr).toContain(help);
  const root = scratchFolder();
  mkdirSync(join(root, 'gone'));
  const script = `cd gone && rmdir ../gone && exec ${process.execPath} ${QUIET_NODE} ${PLUMB} show`;
  const lost = await run('bash', ['-c', script], { cwd: root });
  expect([lost.code, lost.stderr]).toEqual([2, expect.stringContaining('the current folder is gone')]);
});
