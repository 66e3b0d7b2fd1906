/** Definition files in TypeScript are code: whatever one does, a command ends, and says what was wrong. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { plumb } from '../../support/processes/plumb-process.ts';
import type { Finished } from '../../support/processes/plumb-process.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** A project whose definitions are those of the template and, beside them, the file that a case writes. */
let template: string;
beforeAll(async () => {
  template = join(mkdtempSync(join(tmpdir(), 'plumb-')), 'own');
  expect((await plumb(['init', template])).code).toBe(0);
  writeFileSync(join(template, 'plumbline.yaml'), "project: own\ndefinitions: ['definitions/*']\n");
});
afterAll(() => rmSync(join(template, '..'), { recursive: true, force: true }));

/** @param text  of definitions/own.ts */
async function commandWith(text: string, ...args: string[]): Promise<Finished> {
  const folder = join(scratchFolder(), 'own');
  cpSync(template, folder, { recursive: true });
  writeFileSync(join(folder, 'definitions/own.ts'), text);
  return plumb(['-C', folder, ...args]);
}

describe('a definition file that leaves something open does not keep a command from ending', () => {
  test.each([
    ['a timer', 'setInterval(() => {}, 1000);'],
    ['a server', "import { createServer } from 'node:net';\ncreateServer().listen(0);"],
    ['standard input', 'process.stdin.resume();'],
    [
      'a thread',
      "import { Worker } from 'node:worker_threads';\nnew Worker('setInterval(() => {}, 1e3)', { eval: true });",
    ],
    [
      'a child process',
      "import { spawn } from 'node:child_process';\nspawn('sleep', ['20'], { stdio: 'ignore' });",
    ],
  ])('%s', async (_, text) => {
    const { code, stdout, stderr } = await commandWith(`${text}\n`, 'plan');
    expect(stderr).toBe('');
    expect(stdout).toContain('created  entity driver');
    expect(code).toBe(0);
  });

  test('and the exit code is that of the command', async () => {
    const text =
      "process.exitCode = 0;\nprocess.on('exit', () => (process.exitCode = 0));\nsetInterval(() => {}, 1000);\n";
    expect(await commandWith(text, 'plan', '--exit-code')).toMatchObject({ code: 1 });
    expect(await commandWith(text, 'get', '--service', 'nobody', '--entity', 'x=1')).toMatchObject({
      code: 2,
    });
  });
});

describe('what a definition file does behind the back of its reader is a mistake with its place', () => {
  test.each([
    ['a promise that nobody awaits', "\nPromise.reject(new Error('late'));", 'own.ts:2  Error: late'],
    ['one that throws what is no error', "Promise.reject('late');", 'late'],
    [
      'a timer',
      "\n\nsetTimeout(() => { throw new Error('later'); }, 0);\nawait new Promise((end) => setTimeout(end, 500));",
      'own.ts:3  Error: later',
    ],
    ['process.reallyExit', '\nprocess.reallyExit(0);', 'own.ts:2  Error: process.reallyExit was called'],
    ['process.abort', 'process.abort();', 'own.ts:1  Error: process.abort was called'],
    [
      'process.kill of plumb',
      "process.kill(process.pid, 'SIGTERM');",
      'own.ts:1  Error: process.kill was called',
    ],
    [
      'exit by its name',
      "import { exit } from 'node:process';\nexit(0);",
      'own.ts:2  Error: process.exit was called',
    ],
    [
      'a name for every object',
      '\nObject.prototype.extra = 1;\nArray.prototype.last = function () { return this.at(-1); };',
      'own.ts:2  it adds "extra" to Object.prototype',
    ],
  ])('%s', async (_, text, says) => {
    const { code, stdout, stderr } = await commandWith(`${text}\n`, 'plan');
    expect(stderr).toContain(says);
    expect(stderr).toContain('[REG_DEFINITIONS]');
    expect(stderr).not.toContain('node:internal');
    expect([code, stdout]).toEqual([2, '']);
  });
});

test('what a definition file prints is no part of the result, and cannot write to the terminal raw', async () => {
  const text = [
    "console.log('left in \\u001b[31m');",
    "process.stdout.write('bare\\n');",
    "setTimeout(() => console.log('later'), 0);",
    "process.emitWarning('warned \\u001b]0;x\\u0007');",
    '',
  ].join('\n');
  const { code, stdout, stderr } = await commandWith(text, 'plan', '--json');
  expect(code).toBe(0);
  expect(Object.keys(JSON.parse(stdout) as object)).toContain('changes');
  for (const said of ['left in ␛[31m', 'bare', 'later', 'warned ␛]0;x']) expect(stderr).toContain(said);
  expect(stderr).not.toContain('\u001b');
});

test('an error of a promise that nobody awaits cannot write to the terminal raw', async () => {
  const { code, stderr } = await commandWith("Promise.reject(new Error('\\u001b]0;x\\u0007'));\n", 'apply');
  expect(code).toBe(2);
  expect(stderr).not.toContain('\u001b');
});
