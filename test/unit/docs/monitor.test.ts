import { test } from 'vitest';
import { CAUSES } from '../../../contract/cause.ts';
import { CAUSE_GUIDE } from '../../../project/page/cause-guide.ts';
import { WORDS } from '../../../monitor/report/html/glossary.ts';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';

test('docs/monitor.md has every cause in the order of evidence, with what to do about it', () => {
  const rows = CAUSES.map((cause) => [cause, CAUSE_GUIDE[cause].means, CAUSE_GUIDE[cause].next]);
  const table = markdownTable(['cause', 'means', 'what to do'], rows);
  expectGeneratedPart('docs/monitor.md', 'project/page/cause-guide.ts', table);
});

test('docs/glossary.md has the words of the report as its page has them', () => {
  const rows = Object.values(WORDS).map(({ word, means }) => [word, means]);
  expectGeneratedPart(
    'docs/glossary.md',
    'monitor/report/html/glossary.ts',
    markdownTable(['word', 'meaning'], rows),
  );
});
