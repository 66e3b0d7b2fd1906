/** Which run brought a row: what explain marks beside it. */
import { describe, expect, test } from 'vitest';
import { writersOf } from '../../../../monitor/explain/runs-around.ts';
import type { AskedRow, RowFacts, RunFacts } from '../../../../monitor/causes/facts.ts';

const STORED = { id: 'v', kind: 'stored', hopUs: 0, delayUs: 0, ttlUs: null, freshnessUs: 1 } as const;

function runOf(runId: string): RunFacts {
  return { runId, kind: 'ordinary', state: 'complete', finishedUs: 0 };
}

type Facts = Pick<RowFacts, 'view' | 'served' | 'writer' | 'missedReplayed' | 'replayed'>;

/** A row of event 1 was served that run `writer` wrote; the row of event 2 is the replayed one, and was missed. */
function factsOf(createdUs: (eventUs: number) => number | null, change: Partial<Facts> = {}): Facts {
  const times = { eventUs: 2, createdUs: createdUs(2), definitionId: 0, runId: null };
  const missed: AskedRow = { times, run: runOf('first to read up to there'), failed: null };
  const served = { eventUs: 1, createdUs: createdUs(1), definitionId: 0, writtenUs: 50 };
  return {
    view: STORED,
    served,
    writer: runOf('writer'),
    missedReplayed: missed,
    replayed: times,
    ...change,
  };
}

describe('the run that brought the served row', () => {
  test('is the one at work when it was written, whatever the history says', () => {
    const rows = [{ eventUs: 1, createdUs: 1, runId: 'another' }];
    expect(
      writersOf(
        rows,
        factsOf((us) => us),
      ),
    ).toMatchObject({ served: 'writer' });
    expect(
      writersOf(
        rows,
        factsOf((us) => us, { writer: null }),
      ),
    ).toMatchObject({ served: 'another' });
  });

  test('brought the row as trained, too, where that is the same', () => {
    const replayed = { eventUs: 1, createdUs: null, definitionId: 0, runId: null };
    const facts = factsOf(() => null, { replayed, missedReplayed: null });
    expect(writersOf([], facts)).toEqual({ served: 'writer', trained: 'writer' });
  });
});

describe('the run that brought the row as trained', () => {
  test('of a stored view is known by created times', () => {
    expect(
      writersOf(
        [],
        factsOf((us) => us),
      ),
    ).toMatchObject({ trained: 'first to read up to there' });
  });
  test('and without them is not known: its file may have landed after any run', () => {
    expect(
      writersOf(
        [],
        factsOf(() => null),
      ),
    ).toMatchObject({ trained: null });
  });
  test('of an aggregated view is named by the history', () => {
    const facts = factsOf((us) => us, { view: { ...STORED, kind: 'aggregated' }, missedReplayed: null });
    const replayed = { eventUs: 3, createdUs: 3, definitionId: 0, runId: 'r-3' };
    expect(writersOf([], { ...facts, replayed })).toMatchObject({ trained: 'r-3' });
  });
});
