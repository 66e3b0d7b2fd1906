/**
 * How much drift counts. A test is flagged where its q is at most 0.01 (the difference is hardly chance, also among
 * hundreds of features) and its distance at least 0.03 (it is not small); from a distance of 0.1 on it is an alarm. A
 * level is shown; it moves neither the verdict nor an exit code.
 */
import { LIMITS } from '../limits.ts';
import { falseDiscoveryRates } from './false-discoveries.ts';

const FLAGGED_RATE = 0.01;
const FLAGGED_DISTANCE = 0.03;

export type DriftLevel = 'none' | 'flagged' | 'alarm';

/** One test of one feature. */
export interface DriftTest {
  readonly p: number;
  /** D, L-infinity, the difference of two shares or the shift of ranks: what the p is of. */
  readonly distance: number;
  /** The highest level that it can give; default: alarm. */
  readonly most?: 'flagged';
}

export interface DriftJudgement {
  /**
   * The share of false alarms to expect among the tests with this q or a smaller one (Benjamini and Hochberg, over all
   * tests); the smallest of the feature's own; null: it has none.
   */
  readonly q: number | null;
  readonly level: DriftLevel;
}

/**
 * @param tests  of each feature
 * @returns      one for each feature, in the same order
 */
export function driftLevels(tests: readonly (readonly DriftTest[])[]): DriftJudgement[] {
  const rates = falseDiscoveryRates(tests.flat().map(({ p }) => p));
  let at = 0;
  return tests.map((own) => {
    const judged = own.map(({ distance, most }) => {
      const q = rates[at++]!;
      return { q, level: levelOf(q, distance, most) };
    });
    return {
      q: judged.length === 0 ? null : Math.min(...judged.map(({ q }) => q)),
      level: worstLevel(judged.map(({ level }) => level)),
    };
  });
}

function levelOf(q: number, distance: number, most: DriftTest['most']): DriftLevel {
  if (q > FLAGGED_RATE || distance < FLAGGED_DISTANCE) return 'none';
  return most === undefined && distance >= LIMITS.distanceAlarm ? 'alarm' : 'flagged';
}

function worstLevel(levels: readonly DriftLevel[]): DriftLevel {
  return levels.includes('alarm') ? 'alarm' : levels.includes('flagged') ? 'flagged' : 'none';
}
