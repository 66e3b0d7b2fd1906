/** Values as evidence shows them: what is cut says so, and a time is a time. */
import { expect, test } from 'vitest';
import { shownValue } from '../../../../monitor/causes/evidence-text.ts';

const TEXT = { kind: 'string' } as const;

test('a text that is cut says how long it is', () => {
  expect(shownValue('a'.repeat(60), TEXT)).toBe(`"${'a'.repeat(60)}"`);
  expect(shownValue(`${'a'.repeat(60)}b`, TEXT)).toBe(`"${'a'.repeat(60)}…" (61 characters)`);
  // No character is cut in two.
  expect(shownValue('😀'.repeat(1_061), TEXT)).toBe(`"${'😀'.repeat(60)}…" (1,061 characters)`);
  const hmac = `hmac:${'0'.repeat(64)}`;
  expect(shownValue(hmac, TEXT)).toBe(hmac);
});

test('a time is shown as RFC 3339, a number as it is', () => {
  const us = BigInt(Date.UTC(2026, 10, 20, 11, 42)) * 1_000n;
  expect(shownValue(us, { kind: 'timestamp' })).toBe('2026-11-20T11:42:00.000000Z');
  expect(shownValue(us, { kind: 'int64' })).toBe(String(us));
  expect(shownValue(-0, { kind: 'float64' })).toBe('-0');
  expect(shownValue(null, { kind: 'timestamp' })).toBe('null');
});
