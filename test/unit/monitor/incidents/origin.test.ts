/** The run of a mismatch is that of the row in which its cause was found. */
import { expect, test } from 'vitest';
import { PRESENT } from '../../../../contract/status.ts';
import { decide } from '../../../../monitor/causes/explain.ts';
import type { AskedRow, RowFacts, RunFacts } from '../../../../monitor/causes/facts.ts';
import { originOf } from '../../../../monitor/incidents/origin.ts';
import { at } from '../../../support/day-time.ts';

const HOUR = 3_600_000_000;
const STORE = 2;

function run(runId: string, finished: string, change: Partial<RunFacts> = {}): RunFacts {
  return { runId, kind: 'ordinary', state: 'complete', finishedUs: at(finished), ...change };
}

function missed(event: string, created: string, own: RunFacts | null): AskedRow {
  const times = { eventUs: at(event), createdUs: at(created), definitionId: 1, runId: own?.runId ?? null };
  return { times, run: own, failed: null };
}

/** Read and served at 11:30 from the store, with the row of 08:00, while the view was complete up to 10:00. */
function rowOf(oldest: AskedRow, replayed: AskedRow): RowFacts {
  return {
    view: {
      id: 'orders',
      kind: 'aggregated',
      hopUs: HOUR,
      delayUs: 0,
      ttlUs: null,
      freshnessUs: 2 * HOUR,
    },
    servedUs: at('11:30'),
    status: PRESENT,
    source: STORE,
    fetchedUs: at('11:30'),
    watermarkUs: at('10:00'),
    served: { eventUs: at('08:00'), createdUs: at('08:00'), definitionId: 1, writtenUs: at('08:05') },
    writer: null,
    fidelity: { answer: 'true', isDuplicated: false },
    alteration: null,
    replayed: replayed.times,
    replayedOutsideTtl: false,
    missed: oldest,
    missedReplayed: replayed,
    honest: null,
    ofServedDefinition: null,
    clocks: [],
    nextRun: null,
  };
}

/** @returns the cause and its run */
function found(row: RowFacts): (string | null)[] {
  const { cause } = decide({ row, alteration: null, earlier: null, isAnswerAltered: false });
  return [cause, originOf(row, cause, 'pod-1').run];
}

const unrecorded = missed('09:00', '11:40', null);
const onTime = missed('10:00', '10:05', run('r-10', '10:06'));
const lateOne = missed('09:00', '11:40', run('r-11', '11:41'));

test('of the replayed row, where the oldest proves nothing', () => {
  expect(found(rowOf(unrecorded, onTime))).toEqual(['missing online', 'r-10']);
});

test('of the oldest row, where that came late', () => {
  const newer = missed('10:00', '11:50', run('r-12', '11:51'));
  expect(found(rowOf(lateOne, newer))).toEqual(['late arrival', 'r-11']);
});

test('a lost row is of the run that brought it, though another had failed before; a late one of that', () => {
  const failed = run('r-9', '09:40', { state: 'failed' });
  const lost = { ...onTime, failed };
  expect(found(rowOf(lost, lost))).toEqual(['missing online', 'r-10']);
  const lag = { ...missed('11:00', '11:35', run('r-11', '11:41')), failed };
  expect(found(rowOf(lag, lag))).toEqual(['materialization lag', 'r-9']);
});
