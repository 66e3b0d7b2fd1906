/** The command `plumb monitor stats`, which needs no project and loads nothing of one. */
import { resolve } from 'node:path';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { compareFiles } from './compare-files.ts';
import { renderComparison } from './comparison-table.ts';

/** Compares the columns that two Parquet files share; reports the differences and gives no verdict. */
export async function stats(context: CommandContext, options: { a: string; b: string }): Promise<ExitCode> {
  const result = await compareFiles(resolve(context.folder, options.a), resolve(context.folder, options.b));
  await printResult(context, result, () => renderComparison(result, { color: context.color }));
  return 0;
}
