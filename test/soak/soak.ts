/**
 * `npm run test:soak [-- MINUTES] [--seed N] [--per-second N] [--fault NAME ...] [--dir FOLDER]`: an hour unless given.
 * Prints what happened and what held; `soak.txt` and `soak.json` in the folder keep it. Exit code 1 where something
 * that must hold does not.
 */
import { existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { makeFolder } from '../../contract/std/files/folder.ts';
import { terminalLogger } from '../../contract/std/logger.ts';
import { FAULTS } from './faults/faults.ts';
import { renderSoak, soakChecks, soakJson } from './soak-report.ts';
import { runSoak } from './soak-run.ts';

const MINUTES = 60;
/** With two vectors a request an hour has 860,000: a million is the most that one verdict was measured on. */
const PER_SECOND = 120;

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    'per-second': { type: 'string', default: String(PER_SECOND) },
    fault: { type: 'string', multiple: true, default: [] },
    dir: { type: 'string' },
  },
});
const minutes = Number(positionals[0] ?? MINUTES);
const seed = Number(flags.seed ?? Math.floor(Math.random() * 2 ** 31));
const faults = flags.fault.length === 0 ? FAULTS : FAULTS.filter(({ name }) => flags.fault.includes(name));
if (!(minutes > 0) || !Number.isInteger(seed) || faults.length === 0) {
  console.error(
    `MINUTES above 0, a whole --seed, and for --fault one of: ${FAULTS.map((f) => f.name).join('; ')}`,
  );
  process.exit(2);
}
const folder = resolve(flags.dir ?? `.plumb/soak-${seed}`);
if (existsSync(folder)) {
  console.error(`${folder} is there already: remove it, or name another one with --dir`);
  process.exit(2);
}
makeFolder(folder);
console.error(`Soak of ${minutes} minutes in ${folder}; --seed ${seed} draws the same faults again`);
const perSecond = Number(flags['per-second']);
const result = await runSoak({
  folder,
  minutes,
  seed,
  perSecond,
  faults,
  logger: terminalLogger(process.stderr),
});
const text = renderSoak(result);
writeFileSync(join(folder, 'soak.txt'), `${text}\n`);
writeFileSync(join(folder, 'soak.json'), soakJson(result));
console.log(
  `${text}\n\n  ${join(folder, 'soak.txt')}, soak.json, and the report of the day in .plumb/reports`,
);
process.exitCode = soakChecks(result).every(({ holds }) => holds) ? 0 : 1;
