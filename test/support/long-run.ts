/**
 * Whether this is `npm run test:long`. Only there times decide, against a control of the same run: `npm test` must pass
 * on a machine that does much else.
 */
export const IS_LONG_RUN = process.env['PLUMB_TEST_LONG'] === '1';

/** @returns all cases in a long run, else the first of them */
export const firstOf = <T>(count: number, cases: readonly T[]): readonly T[] =>
  IS_LONG_RUN ? cases : cases.slice(0, count);

/** @returns how often a property is tried, which is more in a long run */
export const rounds = (count: number, inLongRun: number): number => (IS_LONG_RUN ? inLongRun : count);
