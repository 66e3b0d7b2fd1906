/** What `plumb explain` is asked, by the options of its command line: what is missing is named. */
import { expect, test } from 'vitest';
import { askedBy } from '../../../../monitor/explain/explain-options.ts';

test.each([
  [{}, 'it is not said what to explain'],
  [{ feature: 'revenue_30d', row: '0' }, 'it is not said what to explain'],
  [{ pod: 'a' }, 'missing: --epoch, --sequence'],
  [{ pod: 'a', epoch: 'b' }, 'missing: --sequence'],
  [{ service: 's', entity: ['id=1'] }, 'missing: --at'],
  [{ at: '2026-11-21T11:42:00Z' }, 'missing: --service'],
  [{ entity: ['id=1'] }, 'missing: --service, --at'],
])('%j: %s', (options, sentence) => {
  expect(() => askedBy(options)).toThrow(sentence);
});
