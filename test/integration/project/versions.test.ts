/** What was applied before, by the commands: listed, compared, shown, kept as a plan, and brought back. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { silentLogger } from '../../../contract/std/logger.ts';
import { servedFolder } from '../../../project/archive/archive-place.ts';
import { IngestLedger } from '../../../project/archive/ledger.ts';
import { openProject } from '../../../project/project.ts';
import type { Change } from '../../../registry/changes.ts';
import { plumb } from '../../support/processes/plumb-process.ts';

const DEFINITIONS = (ttl: string, owner: string): string => `
entity: customer
joinKeys: { customer_id: int64 }
---
featureView: lines
entity: customer
owner: ${owner}
source: { parquet: 'data/*.parquet', eventTime: at, createdTime: loaded }
ttl: ${ttl}
features: { total: float64 }
---
featureService: churn_v1
features: [lines]
consumers: [{ model: churn, owner: team-crm }]
`;

let folder: string;
const define = (ttl: string, owner: string): void =>
  writeFileSync(join(folder, 'definitions/shop.yaml'), DEFINITIONS(ttl, owner));
const told = (...args: string[]) => plumb(['-C', folder, ...args]);
async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await told(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

/** Apply 1: a TTL of 1d, owner one. Apply 2: owner two. Apply 3: a TTL of 2d, taken knowingly. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
  mkdirSync(join(folder, 'definitions'));
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\n');
  define('1d', 'one');
  expect(await told('apply', '--author', 'ada', '--reason', 'the first')).toMatchObject({ code: 0 });
  define('1d', 'two');
  expect(await told('apply')).toMatchObject({ code: 0 });
  define('2d', 'two');
  expect(await told('apply', '--allow', 'lines.ttl', '--reason', 'agreed')).toMatchObject({ code: 0 });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('every apply is listed: when, by whom, what and why', async () => {
  const { applies } = await json<{ applies: object[] }>('versions');
  expect(applies).toMatchObject([
    { sequence: 3, reason: 'agreed', changes: [{ kind: 'logic', name: 'lines' }] },
    { sequence: 2, reason: '', author: expect.stringMatching(/.+@.+/) as string },
    {
      sequence: 1,
      reason: 'the first',
      author: 'ada',
      appliedAt: expect.stringMatching(/^20.*Z$/) as string,
    },
  ]);
  const { stdout } = await told('versions');
  expect(stdout).toMatch(/^ +1 {2}20\d\d-.* ada .*entity customer \(created\), .*the first$/m);
});

test('two are compared, and one with what is in force', async () => {
  const differing = async (...args: string[]): Promise<string[]> => {
    const { changes } = await json<{ changes: Change[] }>('diff', ...args);
    expect(changes.map(({ name, refusals }) => [name, refusals])).toEqual([['lines', []]]);
    return changes[0]!.details.map(
      ({ option, before, after }) => `${option} ${String(before)} ${String(after)}`,
    );
  };
  expect(await differing('1', '3')).toEqual(expect.arrayContaining(['ttl 1d 2d', 'owner one two']));
  expect(await differing('#2')).toContain('ttl 1d 2d');
  expect(await differing('#2')).not.toContain('owner one two');
  expect(await differing('3', '2')).toContain('ttl 2d 1d');
  expect(await told('diff', '3', '3')).toMatchObject({ code: 0, stdout: 'Nothing differs.\n' });
});

test('a definition is shown as it was', async () => {
  expect(await json('show', 'lines', '--at', '1')).toMatchObject({ owner: 'one' });
  expect(await json('show', 'lines')).toMatchObject({ owner: 'two' });
  expect((await told('show', '--at', '1')).stdout).toContain('churn_v1');
});

test.each([
  [['diff', '9'], 'REG_UNKNOWN', 'there is no apply 9; the last one is 3'],
  [['diff', 'last'], 'REG_USAGE', 'expected the number of an apply, such as 3, got "last"'],
  [['show', 'lines', '--at', '0'], 'REG_USAGE', 'expected the number of an apply'],
  [['rollback', '3'], 'REG_USAGE', 'what is in force is what apply 3 put in force'],
  [['apply', 'definitions/shop.yaml'], 'REG_PLAN', 'cannot be read as a plan'],
  [['apply', 'missing.plan'], 'REG_PLAN', 'missing.plan'],
])('%s says what is wrong', async (args, code, sentence) => {
  const { stderr, code: exit } = await plumb(['-C', folder, ...args], { cwd: folder });
  expect(exit).toBeGreaterThan(0);
  expect(stderr).toContain(code);
  expect(stderr).toContain(sentence);
});

test('a rollback is guarded, then a new apply of the old definitions; a plan that it overtook is refused', async () => {
  define('3d', 'three');
  const plan = join(folder, 'next.plan');
  const { stderr } = await told('plan', '--out', plan);
  expect(stderr).toContain(`plumb apply ${plan}`);
  expect(await told('rollback', '1')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('REG_REFUSED'),
  });
  expect(await told('rollback', '1', '--allow', 'lines.ttl', '--reason', 'too many MISSING')).toMatchObject({
    code: 0,
    stderr: expect.stringContaining('`plumb plan` shows the difference'),
  });
  expect(await told('diff', '1', '4')).toMatchObject({ code: 0, stdout: 'Nothing differs.\n' });
  expect(await json('show', 'lines')).toMatchObject({ owner: 'one' });
  const late = await told('apply', plan, '--allow', 'lines.ttl', '--reason', 'so');
  expect(late).toMatchObject({
    code: 4,
    stderr: expect.stringContaining('another apply came since: apply 4'),
  });
  // Planned anew it is taken, without the files that it came from.
  await told('plan', '--out', plan);
  rmSync(join(folder, 'definitions'), { recursive: true });
  expect(await told('apply', plan, '--allow', 'lines.ttl', '--reason', 'so')).toMatchObject({ code: 0 });
  expect(await told('apply', plan)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('this plan was applied as apply 5'),
  });
  expect(await json('show', 'lines')).toMatchObject({ owner: 'three' });
});

test('a plan that was edited, or is of another registry, is refused', async () => {
  mkdirSync(join(folder, 'definitions'), { recursive: true });
  define('4d', 'four');
  const plan = join(folder, 'edited.plan');
  await told('plan', '--out', plan);
  const text = readFileSync(plan, 'utf8');
  const refused = async (edited: string): Promise<string> => {
    writeFileSync(plan, edited);
    const { code, stderr } = await told('apply', plan, '--allow', 'lines.ttl', '--reason', 'so');
    expect(code).toBe(4);
    return stderr;
  };
  expect(await refused(text.replace(/"registry":"[^"]*"/, '"registry":"other"'))).toContain(
    'another registry',
  );
  expect(await refused(text.replace(/"definitionId":\d+/, '"definitionId":1'))).toContain('it was edited');
  expect(await refused(text.replace('"format":1,', '"format":7,'))).toContain('a plan of format 7');
  expect(await refused('{}')).toContain('is no plan');
});

/** As `plumb monitor ingest` keeps what heartbeats said. */
async function ingestHeartbeats(heard: readonly (readonly [pod: string, bundle: string, atUs: number])[]) {
  const served = openProject(folder, silentLogger, {}).settings;
  const ledger = await IngestLedger.read(servedFolder(served));
  for (const [i, [pod, bundle, atUs]] of heard.entries()) {
    const epoch = String(i).padStart(16, '0');
    ledger.take({ pod, epoch, sequence: 1 }, atUs, true);
    const counts = { highestSequence: 1, served: 0, shed: 0, ranges: [], clockOffsetUs: 0 };
    ledger.hear(pod, epoch, { atUs, ...counts, bundle, version: '1', engine: '' }, false);
  }
  mkdirSync(join(folder, '.plumb/served'), { recursive: true });
  writeFileSync(join(folder, '.plumb/served/ingest.json'), ledger.text());
}

test('a share of the pods takes an apply first; the list says which pods serve what', async () => {
  mkdirSync(join(folder, 'definitions'), { recursive: true });
  define('3d', 'five');
  const { bundle } = await json<{ bundle: string }>('apply');
  define('3d', 'six');
  const { stdout } = await told('apply', '--share', '25%');
  expect(stdout).toContain('is staged: 25 % of the pods take it');
  define('3d', 'seven');
  expect((await told('plan')).stdout).toMatch(/^Compared with apply \d, which is staged: 25 % of the pods/);
  expect(await told('apply')).toMatchObject({ code: 2, stderr: expect.stringContaining('REG_ROLLOUT') });
  const [staged, inForce] = (await json<{ applies: { hash: string }[] }>('versions')).applies;
  expect(inForce!.hash).toBe(bundle);
  const minute = 60_000_000;
  await ingestHeartbeats([
    ['a', bundle, 100 * minute],
    ['b', staged!.hash, 100 * minute],
    ['c', bundle, 100 * minute - 10],
    // Silent since.
    ['d', staged!.hash, 90 * minute],
  ]);
  const listed = await json<{ applies: object[]; podsAsOf: string }>('versions');
  expect(listed.podsAsOf).toBe('1970-01-01T01:40:00.000000Z');
  expect(listed.applies.slice(0, 2)).toMatchObject([
    { state: 'staged for 25 %', pods: ['b'] },
    { state: 'in force', pods: ['a', 'c'] },
  ]);
  expect((await told('versions')).stdout).toMatch(/ {2}staged for 25 % +1 {2}.*\n.* in force +2 {2}/);
  expect(await told('apply', '--rollback')).toMatchObject({ code: 0 });
  expect(await told('apply', '--promote')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no apply is staged'),
  });
  const { applies } = await json<{ applies: object[] }>('versions');
  expect(applies.slice(0, 3)).toMatchObject([
    { state: 'in force', reason: expect.stringMatching(/^staged apply \d is taken back$/) as string },
    { state: 'taken back' },
    { state: '' },
  ]);
});
