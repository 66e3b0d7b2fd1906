/** `plumb schema definitions` and `plumb schema settings`: what an editor completes and checks by. */
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { definitionSchema, settingsSchema } from './definition-schema.ts';

/** Prints it as JSON; no project is needed. */
export async function schema(context: CommandContext, of: 'definitions' | 'settings'): Promise<ExitCode> {
  const made = of === 'definitions' ? definitionSchema() : settingsSchema();
  await context.print(JSON.stringify(made, null, 2));
  return 0;
}
