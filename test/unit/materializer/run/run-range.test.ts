import { describe, expect, test } from 'vitest';
import { dueUpTo, movesBookmark, planRange } from '../../../../materializer/run/run-range.ts';
import type { RangeOptions } from '../../../../materializer/run/run-range.ts';
import type { RunRecord } from '../../../../contract/run-record.ts';
import { driverStats, HOUR_US, orders, START_US } from '../../../support/fixtures/materialized-project.ts';

const at = (hours: number): number => START_US + hours * HOUR_US;
const asked = (change: Partial<RangeOptions> = {}): RangeOptions => ({
  fromUs: null,
  toUs: null,
  full: false,
  kind: null,
  features: null,
  shard: null,
  replace: false,
  ...change,
});
const stored = driverStats();
const aggregated = orders({ delayUs: HOUR_US / 2 });

const previous: RunRecord = {
  runId: 'r1',
  view: stored.id,
  kind: 'ordinary',
  definitionId: stored.definitionId,
  fromUs: null,
  toUs: at(10),
  watermarkUs: at(10),
  historyRows: 0,
  written: 0,
  older: 0,
  equal: 0,
  conflict: 0,
  superseded: 0,
  rejected: 0,
  lateEvents: 0,
  latenessNeededUs: null,
  rejectReasons: {},
  engine: 'duckdb',
  bundle: '',
  horizonUs: null,
  latenessUs: 0,
  ttlUs: null,
  newestEventUs: null,
  newestCreatedUs: null,
  read: 0,
  counted: 0,
  excluded: 0,
  waiting: 0,
  startedUs: at(10),
  finishedUs: at(10),
  state: 'complete',
  error: null,
};

describe('what is due', () => {
  test('an edge is due once its hop has ended, to the microsecond; a delay holds nothing back', () => {
    expect(dueUpTo(aggregated, at(3))).toBe(at(3));
    expect(dueUpTo(aggregated, at(3) - 1)).toBe(at(2));
  });

  test('a stored row at any time', () => {
    expect(dueUpTo(stored, at(3) + 7)).toBe(at(3) + 7);
  });
});

describe('an ordinary run', () => {
  test('the first is full, up to now', () => {
    expect(planRange(stored, asked(), null, at(12))).toEqual({
      kind: 'ordinary',
      full: true,
      fromUs: null,
      cutoffUs: at(12),
      dueUs: at(12),
      watermarkUs: at(12),
      recordToUs: at(12),
      moves: true,
      previous: null,
    });
  });

  test('the next takes the news only, unless the definition changed or all is asked for', () => {
    expect(planRange(stored, asked(), previous, at(12))).toMatchObject({ full: false, previous });
    for (const full of [
      planRange(stored, asked({ full: true }), previous, at(12)),
      planRange(stored, asked({ replace: true }), previous, at(12)),
      planRange(stored, asked({ kind: 'backfill' }), previous, at(12)),
      planRange(stored, asked(), { ...previous, definitionId: 1 }, at(12)),
    ])
      expect(full).toMatchObject({ full: true, moves: true });
  });

  test('the watermark of an aggregated view is the edge that is due', () => {
    expect(planRange(aggregated, asked(), null, at(12.25))).toMatchObject({
      cutoffUs: at(12.25),
      dueUs: at(12),
      watermarkUs: at(12),
      recordToUs: at(12.25),
    });
  });

  test('never goes back behind the one before, except to replace', () => {
    expect(planRange(stored, asked({ toUs: at(8) }), previous, at(12))).toMatchObject({ cutoffUs: at(10) });
    expect(planRange(stored, asked({ toUs: at(8), replace: true }), previous, at(12))).toMatchObject({
      cutoffUs: at(8),
      watermarkUs: at(8),
    });
  });

  test('the first with --from begins there', () => {
    expect(planRange(stored, asked({ fromUs: at(5) }), null, at(12))).toMatchObject({
      kind: 'ordinary',
      fromUs: at(5),
      moves: true,
    });
  });
});

describe('a partial backfill', () => {
  test('ends at the bookmark and moves nothing', () => {
    expect(planRange(stored, asked({ fromUs: at(5) }), previous, at(12))).toMatchObject({
      kind: 'backfill',
      full: true,
      cutoffUs: at(10),
      dueUs: at(10),
      watermarkUs: at(10),
      recordToUs: at(10),
      moves: false,
    });
    expect(planRange(stored, asked({ fromUs: at(5), toUs: at(7) }), previous, at(12))).toMatchObject({
      cutoffUs: at(10),
      dueUs: at(7),
      recordToUs: at(7),
    });
  });

  test('only a whole run is one to go on from', () => {
    expect(movesBookmark({ kind: 'ordinary', fromUs: at(1) })).toBe(true);
    expect(movesBookmark({ kind: 'backfill', fromUs: null })).toBe(true);
    expect(movesBookmark({ kind: 'backfill', fromUs: at(1) })).toBe(false);
    expect(movesBookmark({ kind: 'stream', fromUs: null })).toBe(false);
  });
});

test.each([
  [asked({ toUs: at(13) }), '--to 2026-01-01T13:00:00.000000Z lies in the future'],
  [asked({ fromUs: at(12) }), '--from 2026-01-01T12:00:00.000000Z is not before the end of the range'],
  [asked({ fromUs: at(11) }), '--from 2026-01-01T11:00:00.000000Z lies past the last complete run'],
])('a range that does not fit is refused', (options, message) => {
  expect(() => planRange(stored, options, previous, at(12))).toThrow(message);
});
