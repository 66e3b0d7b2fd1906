/** `plumb ui`: the catalogue, until SIGINT or SIGTERM. */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import { openCatalogue } from './serving.ts';

export async function ui(context: CommandContext, { port }: { readonly port?: string }): Promise<ExitCode> {
  const project = projectOf(context, port === undefined ? {} : { 'ui.port': port });
  const catalogue = await openCatalogue(project);
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
  });
  await context.print(
    context.json ? JSON.stringify({ url: catalogue.url }) : `The catalogue: ${catalogue.url}`,
  );
  await asked;
  await catalogue.close();
  return 0;
}
