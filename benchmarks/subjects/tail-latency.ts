/**
 * The p99 at half the saturated rate, by the open loop: cached against the bare server at the same rate, and all miss.
 * Says little where the bare server's own p99 is above half a millisecond: then the machine was busy with others.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bareContender, feastRequest, firstAnswer, jobOf } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { CACHED_CUSTOMER } from './cached-vector.ts';
import { sidecarContender } from '../harness/contender.ts';
import type { Contender } from '../harness/contender.ts';
import { print, printMeasured } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { median } from '../harness/median.ts';
import { alternate, manyRequests } from '../harness/rounds.ts';
import type { Round } from '../harness/rounds.ts';

const VALID_MS = 0.5;
const COLD_MS = 3;

export async function tailLatency(context: BenchContext): Promise<Target[]> {
  const { path, body } = feastRequest([CACHED_CUSTOMER]);
  const sidecar = sidecarContender('sidecar, log on', context.project);
  const answerFile = join(context.folder, 'tail-answer.json');
  writeFileSync(answerFile, await firstAnswer(sidecar, path, body));
  const cached = {
    profile: 'cached',
    surface: 'feast',
    keys: `${CACHED_CUSTOMER}..${CACHED_CUSTOMER}`,
  } as const;
  const cold = { profile: 'cold', surface: 'feast', keys: `1..${context.customers}` } as const;
  const [cachedRate, coldRate] = [
    await halfOfSaturated(context, sidecar, cached),
    await halfOfSaturated(context, sidecar, cold),
  ];
  print(`\nTail: open loop at half the saturated rate, cached ${cachedRate}/s, all miss ${coldRate}/s`);
  const drive = manyRequests(jobOf(context, { ...cached, perSecond: cachedRate }));
  const measured = await alternate(
    [
      { contender: bareContender(answerFile), drive },
      { contender: { ...sidecar, name: 'sidecar, log on, cached' }, drive },
      {
        contender: { ...sidecar, name: 'sidecar, log on, all miss' },
        drive: manyRequests(jobOf(context, { ...cold, perSecond: coldRate })),
      },
    ],
    context.rounds,
  );
  for (const one of measured) printMeasured(one);
  const [bare, warm, misses] = measured;
  return validTargets(bare!.rounds, warm!.rounds, misses!.rounds);
}

/** A round counts where the bare server's own p99 in it was under half a millisecond. */
function validTargets(bare: readonly Round[], warm: readonly Round[], misses: readonly Round[]): Target[] {
  const valid = bare.flatMap(({ p99Ms }, i) => (p99Ms < VALID_MS ? [i] : []));
  print(
    `\n  ${valid.length} of ${bare.length} rounds are valid: the bare server's p99 was under ${VALID_MS} ms`,
  );
  if (valid.length === 0) {
    print('  no valid round: the machine is too busy for this measurement; run it again with less beside it');
    return [];
  }
  const ratio = median(valid.map((i) => warm[i]!.p99Ms / bare[i]!.p99Ms));
  const coldMs = median(valid.map((i) => misses[i]!.p99Ms));
  return [
    { what: "p99 cached, times the bare server's", reached: ratio, wanted: 2, unit: 'x', atMost: true },
    { what: 'p99 all miss', reached: coldMs, wanted: COLD_MS, unit: 'ms', atMost: true },
  ];
}

async function halfOfSaturated(
  context: BenchContext,
  contender: Contender,
  what: Pick<Parameters<typeof jobOf>[1], 'profile' | 'surface' | 'keys'>,
): Promise<number> {
  const drive = manyRequests(jobOf(context, { ...what, perSecond: null }));
  const [saturated] = await alternate([{ contender, drive }], 1);
  return Math.round(saturated!.median.perSecond / 2);
}
