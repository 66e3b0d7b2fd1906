import { expect, test } from 'vitest';
import { CHEAP_CONSTRUCTORS, CHEAP_FUNCTIONS } from '../../../registry/code/cost/cheap-functions.ts';
import { KINDRED } from '../../../registry/code/cost/kindred.ts';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

const named = (names: Iterable<string>): string => [...names].map((name) => `\`${name}\``).join(', ');

test('docs/on-demand.md has the list of cheap calls', () => {
  const spaces = Map.groupBy(CHEAP_FUNCTIONS.keys(), (name) =>
    name.includes('.') ? name.split('.')[0]! : '',
  );
  const rows = [
    ...[...spaces].map(([space, names]) => [space === '' ? 'functions' : `of \`${space}\``, named(names)]),
    ['`new`', named(CHEAP_CONSTRUCTORS.keys())],
    ...[...KINDRED].flatMap(([kind, { methods }]) =>
      methods.size === 0 ? [] : [[`of a ${kind}`, named(methods.keys())]],
    ),
  ];
  expectGeneratedPart('docs/on-demand.md', 'registry/code/cost', markdownTable(['called', 'cheap'], rows));
  expect(rows.length).toBeGreaterThan(10);
});
