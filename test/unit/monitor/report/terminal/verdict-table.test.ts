import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { renderVerdict } from '../../../../../monitor/report/terminal/verdict-table.ts';
import { incidentDay } from '../../../../support/fixtures/incident-day.ts';
import { emptyDay, goodDay, largeDay } from '../../../../support/fixtures/sample-snapshot.ts';

const isCommand = (line: string): boolean => line.trim().startsWith('plumb ');

describe('the verdict on a terminal', () => {
  test.each([80, 120])('fits %d columns, commands whole', (columns) => {
    for (const day of [incidentDay(), goodDay(), emptyDay(), largeDay(200)]) {
      const lines = renderVerdict(day, { columns }).split('\n');
      expect(lines.filter((line) => [...line].length > columns && !isCommand(line))).toEqual([]);
      for (const { command } of day.incidents.slice(0, 3))
        expect(lines.map((line) => line.trim())).toContain(command);
    }
  });

  test('says the sentence, then each incident with its command, then the features that are not clean', () => {
    const text = renderVerdict(incidentDay(), { columns: 120 }).replaceAll(/\s+/g, ' ');
    const order = [
      'basket 2026-11-20 ALARM, provisional until 2026-11-23 00:00 UTC',
      'is 0 where it should be null for 1,317 of 7,900 values present since 09:20',
      '8412 vectors read, 8405 judged',
      '3 incidents beyond the promise',
      '1 null or default substituted in customer_features, 09:20 to 23:51',
      '1317 values of 1 feature, 402 rows; nearly all in pod basket-7f9c4; models basket-value, churn',
      'plumb explain --request',
      '2 materialization lag in customer_features, 10:02 to 12:04 912 values of ',
      '1 within the promise: see the report',
      '54 more features of 2 views without a mismatch',
      'odd_features was available in 97.36 %',
    ];
    const places = order.map((words) => text.indexOf(words));
    expect(places).toEqual(places.toSorted((a, b) => a - b));
    expect(places[0]).toBe(0);
    expect(text).not.toContain('session_features__clicks');
  });

  test('has colours only where they are asked for, and the same words with them', () => {
    const day = incidentDay();
    const plain = renderVerdict(day);
    const coloured = renderVerdict(day, { color: true });
    expect(stripVTControlCharacters(plain)).toBe(plain);
    expect(coloured).not.toBe(plain);
    expect(stripVTControlCharacters(coloured)).toBe(plain);
  });

  test('a day without features, and one whose name is longer than the terminal', () => {
    expect(renderVerdict(emptyDay())).toContain('NOT-ENOUGH-DATA');
    const [feature] = incidentDay().features;
    const name = `view__${'long_'.repeat(50)}`;
    const text = renderVerdict({ ...goodDay(), features: [{ ...feature!, name }] }, { columns: 80 });
    expect(text).toMatch(/view__long_\S*…\S*long_ /);
  });
});
