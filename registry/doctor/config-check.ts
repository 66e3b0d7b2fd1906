/** `plumb config check`. Loads nothing that the image of a sidecar lacks: DuckDB, the compiler. */
import { countText } from '../../contract/std/count-text.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { renderFindings } from './finding.ts';
import type { SetupFinding } from './finding.ts';
import { settingFindings } from './setting-findings.ts';

/** `plumb config check`: the settings alone, without reaching anything. */
export async function configCheck(context: CommandContext): Promise<ExitCode> {
  return tellFindings(context, settingFindings(context.folder, process.env, context.flags));
}

/** Prints findings; the exit code is 1 when something is wrong. */
export async function tellFindings(
  context: CommandContext,
  findings: readonly SetupFinding[],
): Promise<ExitCode> {
  const count = findings.filter(({ state }) => state === 'wrong').length;
  const data = { ok: count === 0, findings };
  const sum = count === 0 ? 'Nothing is wrong.' : `${countText(count, 'thing')} to mend.`;
  await printResult(context, data, () => `${renderFindings(findings, context.color)}\n\n${sum}`);
  return count === 0 ? 0 : 1;
}
