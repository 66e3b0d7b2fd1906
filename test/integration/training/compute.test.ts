/** `plumb compute` as a process: what it writes, how it ends, also when the other end of a pipe is gone. */
import { spawn } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Value } from '../../../contract/value-type.ts';
import type { ArrowColumn } from '../../../training/arrow/arrow-field.ts';
import { publishBundle } from '../../../contract/definitions/bundle-folder.ts';
import { rowsOf, streamOf } from '../../support/fixtures/arrow-stream.ts';
import { bundleOf, driverStats, makeProject } from '../../support/fixtures/materialized-project.ts';
import type { TestProject } from '../../support/fixtures/materialized-project.ts';
import { onDemandView } from '../../support/fixtures/on-demand-view.ts';
import { PLUMB, QUIET_NODE, plumb } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';

const double = onDemandView(
  'double',
  "({ x, word }) => { if (x === 13) throw new Error('thirteen'); return { twice: x * 2, word }; }",
  { x: 'float64', word: 'string' },
  { twice: 'float64', word: 'string' },
);
const GIVES: readonly ArrowColumn[] = double.features;

let project: TestProject;
let folder: string;
beforeAll(async () => {
  project = await makeProject();
  ({ folder } = project.settings);
  publishBundle(project.settings.bundles, {
    ...bundleOf(driverStats()),
    onDemand: new Map([['double', double]]),
  });
});
afterAll(() => project.remove());

function start(): ChildProcessWithoutNullStreams {
  const child = spawn(process.execPath, [QUIET_NODE, PLUMB, '-C', folder, 'compute', '--view', 'double']);
  child.stdin.on('error', () => {});
  return child;
}

interface Ended extends Omit<Finished, 'stdout'> {
  readonly bytes: Buffer;
}

function ended(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  const parts: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (part: Buffer) => parts.push(part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  return new Promise((resolve) =>
    child.once('close', (code) => resolve({ code, stderr, bytes: Buffer.concat(parts) })),
  );
}

async function run(input: Uint8Array): Promise<Ended> {
  const child = start();
  child.stdin.end(input);
  return await ended(child);
}

const rows = (count: number): Value[][] => Array.from({ length: count }, (_, x) => [x, 'é'.repeat(100)]);

test('rows go through, and calls that gave nothing are told on stderr', async () => {
  const { code, stderr, bytes } = await run(streamOf(double.inputs, [rows(5_000), rows(10)]));
  expect(code).toBe(0);
  expect(stderr).toContain('1 row has no double: double.ts:1: Error: thirteen (row 14).');
  const batches = await rowsOf(bytes, GIVES);
  expect(batches.map((batch) => batch.length)).toEqual([5_000, 10]);
  expect(batches[0]![4_999]).toEqual([9_998, 'é'.repeat(100)]);
  expect(batches[0]![13]).toEqual([null, null]);
});

test('--describe says what it takes and gives', async () => {
  const told = await plumb(['-C', folder, 'compute', '--view', 'double', '--describe', '--json']);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(told.stdout)).toEqual({
    view: 'double',
    takes: [
      { name: 'x', type: 'float64', optional: true },
      { name: 'word', type: 'string', optional: true },
    ],
    gives: [
      { name: 'double__twice', type: 'float64' },
      { name: 'double__word', type: 'string' },
    ],
  });
  const table = await plumb(['-C', folder, 'compute', '--view', 'double', '--describe']);
  expect(table.stdout).toContain('double__twice  float64');
});

test.each([
  ['an empty stdin', Buffer.alloc(0), 4, 'the Arrow stream on stdin: nothing came'],
  ['what is no Arrow stream', Buffer.from('x,word\n1,a\n'), 4, 'no message of Arrow begins where one is due'],
  ['columns that it does not take', streamOf(GIVES, []), 2, 'double takes no twice'],
])('%s ends it with a sentence and nothing on stdout', async (_, input, code, sentence) => {
  const ran = await run(input);
  expect(ran).toMatchObject({ code, stderr: expect.stringContaining(sentence) as string });
  expect(ran.bytes).toHaveLength(0);
});

test('a writer that dies leaves a stream without an end', async () => {
  const whole = streamOf(double.inputs, [rows(10), rows(10)]);
  const { code, stderr, bytes } = await run(whole.subarray(0, whole.length - 100));
  expect({ code, stderr }).toEqual({
    code: 4,
    stderr: expect.stringContaining('it ends within a message') as string,
  });
  await expect(rowsOf(bytes, GIVES)).rejects.toThrow('it has no end');
});

test('a reader that goes away ends it without an error', async () => {
  const child = start();
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (part: string) => (stderr += part));
  const stream = streamOf(
    double.inputs,
    Array.from({ length: 30 }, () => rows(5_000)),
  );
  child.stdin.write(stream.subarray(0, -8));
  child.stdout.once('data', () => child.stdout.destroy());
  expect(await closed).toBe(0);
  expect(stderr).not.toContain('error');
});

test('a view that was applied on another engine is computed where that is taken', async () => {
  const other = await makeProject();
  const of = { ...double, engine: 'V8 1.2.3 z80' };
  publishBundle(other.settings.bundles, { ...bundleOf(driverStats()), onDemand: new Map([['double', of]]) });
  const args = ['-C', other.settings.folder, 'compute', '--view', 'double'];
  const refused = await plumb(args);
  expect(refused).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('applied on V8 1.2.3 z80') as string,
  });
  const taken = await plumb([...args, '--other-engine']);
  await other.remove();
  expect(taken.stderr).toContain('nothing came');
});

test('a view that is none, and a project without a bundle, are told as everywhere', async () => {
  const unknown = await plumb(['-C', folder, 'compute', '--view', 'duoble']);
  expect(unknown.code).toBe(2);
  expect(unknown.stderr).toContain('there is no on-demand view duoble, did you mean "double"?');
  const none = await makeProject();
  writeFileSync(join(none.settings.folder, 'plumbline.yaml'), 'project: none\n');
  const told = await plumb(['-C', none.settings.folder, 'compute', '--view', 'double']);
  await none.remove();
  expect(told).toMatchObject({ code: 2, stderr: expect.stringContaining('REG_NOT_APPLIED') as string });
});
