/** The command line without a start of Node and without its front door, which `plumb-process.ts` has. */
import { commandLine } from '../../../command-line.ts';
import type { SettingFlags } from '../../../project/settings/setting-sources.ts';
import { commandContext } from './command-context.ts';

/**
 * Runs `plumb ARGS` in this process.
 *
 * @returns what it printed to stdout, and its exit code
 * @throws  what the front door would tell: mistakes of the command line as commander has them
 */
export async function plumbHere(
  args: readonly string[],
): Promise<{ readonly code: number; readonly stdout: string }> {
  let code = 0;
  let stdout = '';
  const program = commandLine(async (action) => {
    const { C, json, set } = program.opts<{ C: string; json?: boolean; set?: SettingFlags }>();
    const context = commandContext(C, json === true, set ?? {});
    code = await action(context);
    stdout = context.said();
  });
  await program.parseAsync(args, { from: 'user' });
  return { code, stdout };
}
