/** `plumb search TEXT`: definitions by what people call them. */
import { registryError } from '../../contract/errors.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import { deprecationText } from '../../project/overview/deprecation-text.ts';
import { SearchIndex } from '../../project/overview/search-index.ts';
import { bundleInForce } from '../remote/using-registry.ts';

/** Lists what fits, the best first; the exit code is 3 when nothing does. */
export async function search(
  context: CommandContext,
  words: readonly string[],
  { most }: { readonly most: string },
): Promise<ExitCode> {
  const limit = Number(most);
  if (!Number.isInteger(limit) || limit < 1)
    throw registryError('REG_USAGE', `--most: expected a whole number from 1 on, got ${most}`, {
      field: 'most',
    });
  const found = new SearchIndex(await bundleInForce(projectOf(context))).find(words.join(' '), limit);
  const render = (): string =>
    found.length === 0
      ? `Nothing fits ${JSON.stringify(words.join(' '))}. \`plumb show\` lists all there is.`
      : renderTable(
          ['what', 'name', 'is', 'description', 'owner'],
          found.map(({ kind, name, note, description, owner, deprecated }) => [
            kind,
            name,
            note ?? '',
            [deprecated === null ? null : deprecationText(deprecated), description]
              .filter((part) => part !== null)
              .join('; '),
            owner ?? '',
          ]),
        );
  await printResult(context, { found }, render);
  return found.length === 0 ? 3 : 0;
}
