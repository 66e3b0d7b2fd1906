import { expect, test } from 'vitest';
import { SETTING_GUIDE } from '../../../project/settings/setting-guide.ts';
import { defaultSettings } from '../../../project/settings/settings.ts';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

/** As it is written in plumbline.yaml; empty where there is none. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return value.map(shown).join(', ');
  return value === null || value === undefined || value === '' || typeof value === 'object'
    ? ''
    : `\`${value}\``;
}

test('every setting has a line in the guide, and the guide names no other', () => {
  expect(Object.keys(SETTING_GUIDE).toSorted()).toEqual([...defaultSettings().keys()].toSorted());
});

test('docs/settings.md has the table of all settings with their defaults', () => {
  const defaults = defaultSettings();
  const rows = Object.entries(SETTING_GUIDE).map(([path, { takes, means }]) => [
    `\`${path}\``,
    takes,
    shown(defaults.get(path)),
    means,
  ]);
  const table = markdownTable(['setting', 'takes', 'default', 'means'], rows);
  expectGeneratedPart('docs/settings.md', 'project/settings/setting-guide.ts', table);
});
