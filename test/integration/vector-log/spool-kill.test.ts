/** A killed process loses no vector that it answered: kill -9 in the middle of load, on one spool again and again. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { killWriters } from '../../support/faults/killed-writers.ts';

const ROUNDS = 5;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('kill -9', () => {
  test(`in the middle of load loses no answered request, ${ROUNDS} times over`, async () => {
    const { answered, lost, twice, state } = await killWriters(folder, ROUNDS);
    expect(answered).toBeGreaterThan(ROUNDS * 10);
    expect(lost.length, lost[0]).toBe(0);
    expect(twice).toBe(0);
    expect(state.gaps).toEqual([]);
    expect(state.epochs.map(({ closed }) => closed)).toEqual(Array.from({ length: ROUNDS }, () => false));
  });
});
