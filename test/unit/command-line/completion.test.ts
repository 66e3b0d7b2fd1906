/** Completion as a real bash asks for it; of the other shells that are here, that the script is one. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandLine } from '../../../command-line.ts';
import { completionScript } from '../../../command-line/completion.ts';
import { scratchFolder } from '../../support/scratch.ts';

const program = commandLine(async () => {});
const bash = completionScript('bash', program);

/** @returns what bash offers where the cursor stands behind the last word */
function offered(...words: readonly string[]): string[] {
  const asked = words.map((word) => `'${word}'`).join(' ');
  const script = `${bash}\nCOMP_WORDS=(plumb ${asked}); COMP_CWORD=${words.length}; _plumb; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, stderr } = spawnSync('bash', ['--norc'], { input: script, encoding: 'utf8' });
  expect(stderr).toBe('');
  return stdout.split('\n').filter((line) => line !== '');
}

test('bash: commands, commands of a group, options, choices, and files where any value goes', () => {
  expect(offered('')).toEqual(expect.arrayContaining(['init', 'plan', 'apply', 'log', 'monitor', 'doctor']));
  expect(offered('mon')).toEqual(['monitor']);
  expect(offered('log', '')).toEqual(['cat', 'status', 'verify', 'ship']);
  expect(offered('monitor', 'r')).toEqual(['run', 'report']);
  expect(offered('-C', 'log', 'monitor', 'run', '--da')).toEqual(['--date']);
  expect(offered('train', '--as', '')).toEqual(['trained', 'available']);
  expect(offered('schema', '')).toEqual(['definitions', 'settings']);
  expect(offered('train', '--labels', '')).toEqual([]);
  expect(offered('materialize', 'w')).toEqual(['wait', 'warm']);
  expect(offered('--set', 'serve.port=1', 'get', '--js')).toEqual(['--json']);
});

test('bash knows every command and every option of the table', () => {
  for (const command of program.commands) {
    expect(offered(command.name())).toContain(command.name());
    const options = offered(command.name(), '--');
    for (const { long } of command.options) expect(options, command.name()).toContain(long);
  }
});

test.each(['zsh', 'fish'] as const)('%s: where it is here, it reads the script', (shell) => {
  const script = completionScript(shell, program);
  expect(script).toContain('judge a day');
  const file = join(scratchFolder(), 'script');
  writeFileSync(file, script);
  const { error, status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
  // Most machines have one shell.
  if (error === undefined) expect([status, stderr]).toEqual([0, '']);
});
