/** Objects are named by the same rules as files: what a pattern finds in a folder, it finds among names. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { matchesParts } from '../../../../../../project/engine/duckdb/sources/object-listing.ts';
import { listSourceFiles } from '../../../../../../project/engine/duckdb/sources/source-listing.ts';
import { scratchFolder } from '../../../../../support/scratch.ts';

test('patterns find objects as they find files, hidden ones left out', () => {
  const names = ['a', 'ab', 'b.parquet', '_h', '.i', '[x]'];
  const folders = ['', 'd/', 'd/e/', '_t/', '_p=1/', '.s/', 'd/_u/'];
  const files = folders.flatMap((folder) => names.map((name) => `${folder}${name}`));
  const root = scratchFolder(Object.fromEntries(files.map((file) => [file, ''])));
  const piece = fc.constantFrom('*', '?', 'a', 'b', '.parquet', '[ab]', '[!a]', '_', '.', 'd', 'e', '_p=1');
  const part = fc.oneof(
    fc.constant('**'),
    fc.array(piece, { minLength: 1, maxLength: 3 }).map((pieces) => pieces.join('').replace(/\*\*+/g, '*')),
  );
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 3 }), (parts) => {
      fc.pre(parts.some((one) => /[*?[]/.test(one)) && !parts.some((one) => /^\.+$/.test(one)));
      const found = listSourceFiles(root, parts.join('/')).map((file) => file.slice(root.length + 1));
      expect(files.filter((file) => matchesParts(file.split('/'), parts)).toSorted()).toEqual(found);
    }),
    { numRuns: 500 },
  );
});
