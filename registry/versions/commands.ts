/** The commands over what was applied before: `versions`, `diff`, `rollback`. */
import { registryError } from '../../contract/errors.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { KeptApply } from '../../project/database/registry-database.ts';
import { renderChanges } from '../change-text.ts';
import { changesBetween, changeToJson } from '../changes.ts';
import type { Change } from '../changes.ts';
import { applyNow } from '../commands.ts';
import type { ApplyOptions } from '../commands.ts';
import { planDefinitions } from '../apply.ts';
import { bundleAt, sequenceOf } from './applies.ts';

/** How many changes of an apply are named in its line. */
const NAMED_CHANGES = 3;

/** Lists every apply, the newest first. */
export async function versions(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const applies = await RegistryDatabase.using(project.settings.registry, (database) => database.applies());
  const kept = applies.toReversed().map((apply) => ({ ...apply, changes: changesOf(apply) }));
  const data = kept.map(({ appliedUs, changes, ...apply }) => {
    return { ...apply, appliedAt: formatTimestamp(appliedUs), changes: changes.map(changeToJson) };
  });
  const render = (): string =>
    kept.length === 0
      ? 'Nothing was applied yet.'
      : renderTable(
          ['apply', 'when', 'by', 'bundle', 'what', 'why'],
          kept.map(({ sequence, appliedUs, author, hash, changes, reason }) => [
            String(sequence),
            formatTimestamp(appliedUs).slice(0, 16).replace('T', ' '),
            author,
            hash,
            changesText(changes),
            reason,
          ]),
          ['right'],
        );
  await printResult(context, { applies: data }, render);
  return 0;
}

function changesOf({ changes }: KeptApply): Change[] {
  return JSON.parse(changes) as Change[];
}

/** `view purchases (logic), service churn_v1 (additive), 3 more` */
function changesText(changes: readonly Change[]): string {
  const named = changes.slice(0, NAMED_CHANGES).map(({ what, name, kind }) => `${what} ${name} (${kind})`);
  const more = changes.length - named.length;
  return [...named, ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** Shows what differs between what two applies put in force; without the second up to what is in force. */
export async function diff(context: CommandContext, from: string, to: string | undefined): Promise<ExitCode> {
  const project = projectOf(context);
  const changes = await RegistryDatabase.using(project.settings.registry, async (database) => {
    const before = await bundleAt(database, sequenceOf(from));
    const last = (await database.lastApplied())!.sequence;
    const after = await bundleAt(database, to === undefined ? last : sequenceOf(to));
    // Whom it would break is a question of an apply.
    return changesBetween(before, after).map((change) => ({ ...change, refusals: [], unguarded: [] }));
  });
  const render = (): string => (changes.length === 0 ? 'Nothing differs.' : renderChanges(changes));
  await printResult(context, { changes: changes.map(changeToJson) }, render);
  return 0;
}

/** Applies the definitions of an earlier apply again, guarded as any other; definition files stay as they are. */
export async function rollback(
  context: CommandContext,
  sequence: string,
  options: ApplyOptions,
): Promise<ExitCode> {
  const wanted = sequenceOf(sequence);
  const reason = options.reason ?? `back to apply ${wanted}`;
  const code = await applyNow(context, { ...options, reason }, async (project, database) => {
    const plan = await planDefinitions(project, database, await bundleAt(database, wanted));
    if (plan.changes.length > 0) return plan;
    throw registryError(
      'REG_USAGE',
      `what is in force is what apply ${wanted} put in force: nothing to go back to`,
      {
        help: 'Run `plumb versions` for the numbers there are.',
      },
    );
  });
  context.logger.info('The definition files still say what was: `plumb plan` shows the difference.');
  return code;
}
