/** Cached: fifty customers with 50 features each, as Feast's JSON and as a binary tensor. */
import { spreadEvenly } from '../harness/spread-evenly.ts';
import { explain, feastRequest, firstAnswer } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { NO_HURRY, sidecarContender } from '../harness/contender.ts';
import { BENCH_KEY, BENCH_SERVICE } from '../harness/project.ts';
import { print, printMeasured, timesTargets } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import { alternate } from '../harness/rounds.ts';

const CUSTOMERS = Array.from({ length: 50 }, (_, i) => 1_701 + i);

export async function fiftyRows(context: BenchContext): Promise<Target[]> {
  const json = feastRequest(CUSTOMERS);
  const tensor = {
    path: `/v2/models/${BENCH_SERVICE}/infer`,
    body: JSON.stringify({
      inputs: [{ name: BENCH_KEY, datatype: 'INT64', shape: [CUSTOMERS.length], data: CUSTOMERS }],
      parameters: { binary_data_output: true },
    }),
  };
  // Records of 50 rows are 40 KB: the usual 2 GiB would be full within seconds, and then nothing is logged.
  const sidecar = sidecarContender('sidecar', context.project, {
    settings: [...NO_HURRY, 'log.maxBytes=16GiB'],
  });
  const off = sidecarContender('sidecar', context.project, { settings: [...NO_HURRY, 'log.enabled=false'] });
  const [jsonAnswer, tensorAnswer] = [
    await firstAnswer(sidecar, json.path, json.body),
    await firstAnswer(sidecar, tensor.path, tensor.body),
  ];
  print(
    `\nCached: 50 rows x 50 features, JSON ${jsonAnswer.length} bytes, tensor ${tensorAnswer.length} bytes`,
  );
  const driveJson = context.drive({ ...json, ...context });
  const driveTensor = context.drive({ ...tensor, ...context });
  const measured = await alternate(
    [
      { contender: { ...sidecar, name: "sidecar, log on, Feast's JSON" }, drive: driveJson },
      { contender: { ...sidecar, name: 'sidecar, log on, binary tensor' }, drive: driveTensor },
      { contender: { ...off, name: "sidecar, log off, Feast's JSON" }, drive: driveJson },
      { contender: { ...off, name: 'sidecar, log off, binary tensor' }, drive: driveTensor },
      ...(context.feast === null ? [] : [{ contender: context.feast, drive: driveJson }]),
    ],
    context.rounds,
  );
  for (const one of measured) printMeasured(one);
  // Without the log: it would have vectors of all of them at 200 MB a second, and measure the disk.
  await spreadEvenly(context, [
    { sidecar: { ...off, name: 'sidecar, log off' }, surface: 'feast', rows: CUSTOMERS.length },
    { sidecar: { ...off, name: 'sidecar, log off' }, surface: 'tensor', rows: CUSTOMERS.length },
  ]);
  const [ofJson, ofTensor, offJson, offTensor, feast] = measured;
  if (feast === undefined) return [];
  const targets = [
    ...timesTargets("50 rows, JSON, log on, against Feast's server", ofJson!, feast, 80),
    ...timesTargets("50 rows, JSON, log off, against Feast's server", offJson!, feast, 80),
    ...timesTargets("50 rows, tensor, log on, against Feast's server", ofTensor!, feast, 250),
    ...timesTargets("50 rows, tensor, log off, against Feast's server", offTensor!, feast, 250),
  ];
  await explain(context, targets, driveJson);
  return targets;
}
