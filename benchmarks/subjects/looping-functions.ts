/** What twelve functions that loop for ever cost the requests beside them, in turns with and without. */
import type { BenchContext } from '../harness/bench-context.ts';
import { loopingTurns } from '../harness/looping-load.ts';
import { median } from '../harness/median.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';

export async function loopingFunctions({ rounds }: BenchContext): Promise<Target[]> {
  const { looping, endedCalls, refused, ...others } = await loopingTurns(2 * rounds);
  print('\nFunctions that loop: twelve isolated views at once, beside 100 requests a second of each kind');
  print(
    `  ${looping.length} calls looped, ${endedCalls} were ended, ${refused.length} requests were refused`,
  );
  return (['plain', 'doubling'] as const).flatMap((kind): Target[] => {
    const p99s = (withLoops: boolean): number[] =>
      others[kind].filter((one) => one.withLoops === withLoops).map(({ p99 }) => p99);
    const shown = (ms: readonly number[]): string => ms.map((one) => one.toFixed(1)).join(' ');
    print(`  ${kind}: p99 ms of turns without ${shown(p99s(false))}, with ${shown(p99s(true))}`);
    const lacking = others[kind]
      .filter(({ withLoops }) => withLoops)
      .reduce((sum, one) => sum + one.lacking, 0);
    const of = { doubling: 'of another isolated function', plain: 'that compute nothing' }[kind];
    const lost = median(p99s(true)) - median(p99s(false));
    return [
      { what: `loops: p99 lost by requests ${of}`, reached: lost, wanted: 10, unit: 'ms', atMost: true },
      { what: `loops: requests ${of} without a value`, reached: lacking, wanted: 0, unit: '', atMost: true },
    ];
  });
}
