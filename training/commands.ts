/** The command of training sets: `train`. It needs no online store. */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { printResult, projectOf } from '../project/command.ts';
import { countText } from '../contract/std/count-text.ts';
import { renderTable } from '../contract/std/text-table.ts';
import type { TrainOptions, TrainResult } from './train.ts';

/** Writes a training set; one line a feature says what the labels got. */
export async function train(context: CommandContext, flags: TrainOptions): Promise<ExitCode> {
  const { runTrain } = await import('./train.ts');
  const result = await runTrain(projectOf(context), flags);
  await printResult(context, result, () => renderTraining(result));
  return 0;
}

function renderTraining(result: TrainResult): string {
  const counts = result.features.map((f) => [
    f.name,
    ...[f.present, f.nulls, f.missing, f.outsideTtl, f.unjudged, f.notFull].map(String),
  ]);
  const head = ['feature', 'present', 'null', 'missing', 'outside TTL', 'unjudged', 'not full'];
  const table = renderTable(head, counts, ['left', ...head.slice(1).map(() => 'right' as const)]);
  return [table, ...result.notes, `${countText(result.rows, 'row')} in ${result.out}`].join('\n\n');
}
