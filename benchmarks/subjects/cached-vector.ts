/** Cached: one customer with 50 features, Feast's JSON, against a bare server that returns the same bytes. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { spreadEvenly } from '../harness/spread-evenly.ts';
import { bareContender, explain, feastRequest, firstAnswer } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { NO_HURRY, sidecarContender } from '../harness/contender.ts';
import { print, printMeasured, ratios, timesTargets } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate } from '../harness/rounds.ts';
import type { Measured } from '../harness/rounds.ts';

export const CACHED_CUSTOMER = 1_785;

export async function cachedVector(context: BenchContext): Promise<Target[]> {
  const { path, body } = feastRequest([CACHED_CUSTOMER]);
  const off = sidecarContender('sidecar, log off', context.project, {
    settings: [...NO_HURRY, 'log.enabled=false'],
  });
  const on = sidecarContender('sidecar, log on', context.project, {
    settings: [...NO_HURRY, 'log.maxBytes=16GiB'],
  });
  const answerFile = join(context.folder, 'cached-answer.json');
  const answer = await firstAnswer(off, path, body);
  writeFileSync(answerFile, answer);
  print(
    `\nCached: 1 row x 50 features, Feast's JSON, ${answer.length} bytes, ${context.connections} connections`,
  );
  const drive = context.drive({ path, body, ...context });
  const contenders = [bareContender(answerFile), off, on, ...(context.feast === null ? [] : [context.feast])];
  const measured = await alternate(
    contenders.map((contender) => ({ contender, drive })),
    context.rounds,
  );
  for (const one of measured) printMeasured(one);
  await spreadEvenly(
    context,
    [off, on].map((sidecar) => ({ sidecar, surface: 'feast', rows: 1 })),
  );
  const [bare, withoutLog, withLog, feast] = measured as [Measured, Measured, Measured, Measured?];
  const targets: Target[] = [
    ...shares('cached, log off, of the bare server', withoutLog, bare, 65),
    ...shares('cached, log on, of the bare server', withLog, bare, 55),
    ...shares('cached, log on, of log off', withLog, withoutLog, 85),
  ];
  if (feast !== undefined)
    targets.push(...timesTargets("cached, against Feast's server", withLog, feast, 120));
  await explain(context, targets, drive);
  return targets;
}

function shares(what: string, of: Measured, to: Measured, wanted: number): Target[] {
  const { rate, cpu } = ratios(of, to);
  const plain = { wanted, unit: '%', atMost: false } as const;
  const byRate: Target = { what: `${what}, by rate`, reached: rate * 100, ...plain };
  return cpu === null ? [byRate] : [byRate, { what: `${what}, by CPU`, reached: cpu * 100, ...plain }];
}
