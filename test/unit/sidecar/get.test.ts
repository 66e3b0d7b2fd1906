import { expect, test } from 'vitest';
import { renderVector } from '../../../sidecar/get.ts';

test('neither an id nor a value writes escape sequences to the terminal', () => {
  const feature = { status: 'PRESENT', eventTime: null, ageUs: null } as const;
  const text = renderVector({
    service: 's',
    serviceVersion: 1,
    bundle: '0123456789abcdef',
    deprecated: [{ what: 'service', name: 's', date: '2027-01-31', successor: 's2' }],
    entities: { id: '\u001b[2Jgone' },
    features: [{ ...feature, name: 'v__f', value: 'x', valueText: '"\u009b31m\u202e"' }],
  } as Parameters<typeof renderVector>[0]);
  for (const unseen of ['\u001b', '\u009b', '\u202e']) expect(text).not.toContain(unseen);
  expect(text).toContain('id=␛[2Jgone');
  expect(text).toContain('\nservice s is deprecated from 2027-01-31 on: use s2\n');
});
