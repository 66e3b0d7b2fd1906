import { expect, test } from 'vitest';
import { likenessOfIncident, likenessText } from '../../../../monitor/report/likeness-text.ts';
import { renderReport } from '../../../../monitor/report/html/report.ts';
import { renderVerdict } from '../../../../monitor/report/terminal/verdict-table.ts';
import type { Snapshot } from '../../../../monitor/verdict/snapshot.ts';
import { incidentDay } from '../../../support/fixtures/incident-day.ts';

const SHAPE = { shape: 'the value one hop earlier', share: 0.94, rows: 120, shuffled: 0.03 };
const SENTENCE =
  'Looks like the value one hop earlier in 94.00 % of 120 rows (3.00 % of the same rows shuffled). This is no proof.';

test('a shape with its share beside that of the same rows shuffled; nothing where none is shown', () => {
  expect(likenessText([SHAPE])).toBe(SENTENCE);
  expect(likenessText([])).toBe(null);
  expect(likenessText(undefined)).toBe(null);
});

test('stands on the page and on the terminal with the incident that nothing explains, and with no other', () => {
  const day = incidentDay();
  const first = day.incidents[0]!;
  const name = first.features[0]!;
  const looks = (cause: 'unexplained' | 'cache age'): Snapshot => ({
    ...day,
    features: day.features.map((one) => (one.name === name ? { ...one, looksLike: [SHAPE] } : one)),
    incidents: [{ ...first, cause, features: [name] }, ...day.incidents.slice(1)],
  });
  expect(likenessOfIncident(looks('cache age'), { cause: 'cache age', features: [name] })).toBe(null);
  const plain = (text: string): string => text.replaceAll(/\s+/g, ' ');
  expect(plain(renderVerdict(looks('unexplained')))).toContain(SENTENCE);
  expect(plain(renderVerdict(looks('cache age')))).not.toContain('Looks like');
  // With the incident and with the feature.
  expect(plain(renderReport(looks('unexplained'))).split('Looks like')).toHaveLength(3);
  expect(plain(renderReport(looks('cache age'))).split('Looks like')).toHaveLength(2);
});
