/**
 * What the rules find, counted against what was planted (test/oracle/planted-causes.ts): every cause of fidelity and of
 * currency alone and in pairs, over stored and aggregated views, with and without created times, all entities at the
 * same times, and sources that were loaded again. Prints a table of what was planted and what was found.
 */
import { expect, test } from 'vitest';
import { asOf } from '../../../../contract/as-of.ts';
import { PRESENT, ROW_SOURCES } from '../../../../contract/status.ts';
import type { ValueType } from '../../../../contract/value-type.ts';
import { alterationsOf } from '../../../../monitor/causes/altered-row.ts';
import { decide } from '../../../../monitor/causes/explain.ts';
import type { AskedRow, ReplayedTimes, RowFacts, ValueFacts } from '../../../../monitor/causes/facts.ts';
import { fidelity } from '../../../../monitor/causes/fidelity.ts';
import type { FidelityFacts } from '../../../../monitor/causes/fidelity.ts';
import { oldestMissed } from '../../../../monitor/causes/missed-row.ts';
import { isAfter } from '../../../../monitor/causes/row-order.ts';
import { isSame } from '../../../../monitor/causes/value-equality.ts';
import {
  FALLBACK,
  PLANTED_CURRENCY,
  PLANTED_FIDELITY,
  plant,
  randomOf,
} from '../../../oracle/planted-causes.ts';
import type { PlantedCase, PlantedRow } from '../../../oracle/planted-causes.ts';

const TYPES: readonly ValueType[] = [{ kind: 'int64' }, { kind: 'float64' }];
const FALLBACKS = [null, FALLBACK] as const;
const HOUR = 3_600_000_000;
const SEED = 20_261_121;
const ROUNDS = 12;

/** What the rules say of a planted row: its answer, and of each value that differs from the replay what they decide. */
function judge(planted: PlantedCase) {
  const { kind, served, servedUs, delayUs, ttlUs } = planted;
  const facts: FidelityFacts = {
    kind,
    features: TYPES.map((type, i) => ({ type, fallback: FALLBACKS[i]! })),
    served,
    own: planted.own,
    isKnown: planted.own.length > 0,
    others: planted.others,
    keptFromUs: Math.min(served.eventUs, ...planted.others.map(({ eventUs }) => eventUs)),
  };
  const answer = fidelity(facts);
  const commit = { version: 1, atUs: 0, until: { version: 2, atUs: 1 } };
  const removed = planted.earlier.map((row) => ({ ...row, commit }));
  const altered = alterationsOf(facts, answer, removed);
  const rule = { delayUs, ttlUs };
  const rows = planted.own.filter(({ isEarlier }) => isEarlier !== true);
  const earlier = planted.own.filter(({ isEarlier }) => isEarlier === true);
  const trained = asOf(rows, servedUs, { mode: 'trained', ...rule }, TYPES);
  const times = answer.answer === 'restamped' ? answer.row : served;
  const asked = (row: PlantedRow | null): AskedRow | null => {
    if (row === null) return null;
    const known = kind === 'aggregated' ? row.eventUs : Math.max(row.eventUs, row.createdUs ?? row.eventUs);
    const complete = planted.runs
      .filter(({ state }) => state === 'complete')
      .toSorted((a, b) => a.finishedUs - b.finishedUs);
    const run =
      kind === 'aggregated'
        ? planted.runs.find(({ runId }) => runId === row.run)
        : complete.find(({ toUs }) => toUs >= known);
    return { times: timesOf(row), run: run ?? null, failed: null };
  };
  const replayed = trained?.row ?? null;
  const had = rows.filter(
    ({ eventUs, createdUs }) => createdUs !== null && Math.max(eventUs, createdUs) <= planted.fetchedUs,
  );
  const row: RowFacts = {
    view: { id: 'v', kind, hopUs: HOUR, delayUs, ttlUs, freshnessUs: 3 * HOUR },
    servedUs,
    status: PRESENT,
    source: ROW_SOURCES.indexOf(planted.source),
    fetchedUs: planted.fetchedUs,
    watermarkUs: planted.watermarkUs,
    served: { ...timesOf(served), writtenUs: served.eventUs },
    writer: null,
    fidelity: answer,
    alteration: altered.alteration,
    replayed: replayed === null ? null : timesOf(replayed),
    replayedOutsideTtl: trained?.outsideTtl ?? false,
    missed: asked(oldestMissed(rows, times, servedUs, rule)),
    missedReplayed: replayed !== null && isAfter(replayed, times) ? asked(replayed) : null,
    honest: asked(had.reduce<PlantedRow | null>((a, b) => (a === null || isAfter(b, a) ? b : a), null)),
    ofServedDefinition:
      kind === 'stored'
        ? replayed
        : (asOf(earlier, servedUs, { mode: 'trained', ...rule }, TYPES)?.row ?? null),
    clocks:
      planted.clockUs === 0
        ? []
        : [
            {
              correctionUs: planted.clockUs,
              stands: 'before',
              row: asOf(rows, servedUs + planted.clockUs, { mode: 'trained', ...rule }, TYPES)?.row ?? null,
            },
          ],
    nextRun: null,
  };
  const isInside = trained !== null && !trained.outsideTtl;
  const values = TYPES.map((type, i): ValueFacts => {
    const isAnswerAltered = i === 1 && planted.answered !== undefined;
    return {
      row,
      feature: `f${i}`,
      type,
      fallback: FALLBACKS[i]!,
      served: isAnswerAltered ? planted.answered! : served.values[i]!,
      replayed: isInside ? trained.row.values[i]! : FALLBACKS[i]!,
      servedState: 'value',
      replayedState: isInside ? 'value' : 'outside TTL',
      available: undefined,
      alteration: altered.alterations[i]!,
      earlier: altered.earlier[i]!,
      isAnswerAltered,
    };
  });
  const differing = values.filter((value) => !isSame(value.type, value.served, value.replayed));
  return { answer: answer.answer, decisions: differing.map((value) => ({ value, ...decide(value) })) };
}

function timesOf({ eventUs, createdUs, run, isEarlier }: PlantedRow): ReplayedTimes {
  return { eventUs, createdUs, runId: run, definitionId: isEarlier === true ? 1 : 2 };
}

/** @returns what is wrong with the rules' finding; null: nothing */
function faultOf(planted: PlantedCase, { answer, decisions }: ReturnType<typeof judge>): string | null {
  const { fidelity: wrong, currency: late, wrongValue } = planted;
  const named = new Set(decisions.flatMap(({ cause, also }) => [cause, ...also]));
  const isTrue = answer === 'true' || answer === 'restamped';
  const breaksRow = wrong !== null && wrong !== 'answer altered';
  if (isTrue === breaksRow) return `the row is ${answer}`;
  if (wrong === null && late === null) return decisions.length === 0 ? null : 'a clean value differs';
  if (wrong !== null) {
    const own = decisions.filter(({ value }) => wrongValue === null || value.feature === `f${wrongValue}`);
    // A right value in a wrong row is counted under what is wrong with the row, too.
    const beside = breaksRow ? decisions : own;
    if (beside.some(({ cause }) => cause !== wrong))
      return `a value of the wrong row is ${beside.map(({ cause }) => cause).join()}`;
    if (beside.some(({ withinPromise }) => withinPromise)) return 'within the promise';
  } else if (decisions.some(({ cause }) => cause !== late)) return `it is ${[...named].join()}`;
  if (decisions.length === 0) return 'nothing differs';
  return late === null || named.has(late) ? null : `${late} is not named beside ${[...named].join()}`;
}

test('what was planted is found, alone and in pairs', () => {
  const random = randomOf(SEED);
  const table = new Map<string, Map<string, number>>();
  const faults: string[] = [];
  let cases = 0;
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['stored', 'aggregated'] as const) {
      for (const hasCreatedTimes of [true, false]) {
        for (const isReloaded of [false, true]) {
          for (const isShared of [false, true]) {
            for (const wrong of [null, ...PLANTED_FIDELITY]) {
              for (const late of [null, ...PLANTED_CURRENCY]) {
                const shape = {
                  kind,
                  hasCreatedTimes,
                  fidelity: wrong,
                  currency: late,
                  isReloaded,
                  isShared,
                };
                const planted = plant(shape, random);
                if (planted === null) continue;
                cases += 1;
                const found = judge(planted);
                const fault = faultOf(planted, found);
                if (fault !== null) faults.push(`${JSON.stringify(shape)}: ${fault}`);
                const name = [wrong, late].filter((cause) => cause !== null).join(' + ') || 'clean';
                const first = found.decisions.map(({ cause, also }) => [cause, ...also].join(' + '));
                const row = table.get(name) ?? new Map<string, number>();
                for (const told of first.length === 0 ? [`no mismatch, ${found.answer}`] : new Set(first)) {
                  row.set(told, (row.get(told) ?? 0) + 1);
                }
                table.set(name, row);
              }
            }
          }
        }
      }
    }
  }
  const lines = [...table].map(([name, row]) => {
    const told = [...row].toSorted((a, b) => b[1] - a[1]).map(([what, n]) => `${what} (${n})`);
    return `${name.padEnd(50)} ${told.join(', ')}`;
  });
  console.log(
    `${cases} cases of seed ${SEED}, ${faults.length} wrong; planted and found:\n${lines.join('\n')}`,
  );
  expect(faults.slice(0, 20)).toEqual([]);
  expect(cases).toBeGreaterThan(2_000);
});
