/** `plumb ui`: the catalogue, until SIGINT or SIGTERM. */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import type { Project } from '../project/project.ts';
import type { ServedRoute } from '../project/served/served-route.ts';
import { openCatalogue } from './serving.ts';

/** @param routesOf  what else is served beside the pages */
export async function ui(
  context: CommandContext,
  { port }: { readonly port?: string },
  routesOf: (project: Project) => readonly ServedRoute[] = () => [],
): Promise<ExitCode> {
  const project = projectOf(context, port === undefined ? {} : { 'ui.port': port });
  const catalogue = await openCatalogue(project, routesOf(project));
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
