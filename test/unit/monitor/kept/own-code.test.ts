import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeHash, ownCode } from '../../../../monitor/kept/own-code.ts';
import { scratchFolder } from '../../../support/scratch.ts';

test('two builds of one version are told apart by their code, and by what they depend on', () => {
  const root = scratchFolder({ 'package.json': '{}', 'monitor/kept/one.js': 'a' });
  const hash = (): string => codeHash([join(root, 'monitor')], join(root, 'package.json'));
  const hashWith = (name: string, text: string): string => {
    writeFileSync(join(root, name), text);
    return hash();
  };
  const first = hash();
  expect(hash()).toBe(first);
  expect(hashWith('monitor/notes.txt', 'no code')).toBe(first);
  const others = [
    hashWith('monitor/kept/one.js', 'b'),
    hashWith('monitor/two.ts', 'a'),
    hashWith('package.json', '{"version":"0.1.1"}'),
  ];
  expect(new Set([first, ...others]).size).toBe(4);
  expect(ownCode()).toMatch(/^[0-9a-f]{16}$/);
});
