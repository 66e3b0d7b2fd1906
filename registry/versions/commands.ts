/** The commands over what was applied before: `versions`, `diff`, `rollback`. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import type { KeptApply } from '../../project/database/registry-database.ts';
import type { Rollout } from '../../project/database/rollout-table.ts';
import { renderChanges } from '../change-text.ts';
import { changesBetween, changeToJson } from '../changes.ts';
import type { Change } from '../changes.ts';
import { applyNow } from '../commands.ts';
import type { ApplyOptions } from '../commands.ts';
import { usingRegistry } from '../remote/using-registry.ts';
import { bundleAt, sequenceOf } from './applies.ts';
import { shareText } from './rollout.ts';
import { servingPods } from './serving-pods.ts';
import type { ServingPods } from './serving-pods.ts';

/** How many changes of an apply are named in its line. */
const NAMED_CHANGES = 3;

/** Lists every apply, the newest first. */
export async function versions(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const { applies, rollouts } = await usingRegistry(project, async (registry) => ({
    applies: await registry.applies(),
    rollouts: await registry.rollouts.all(),
  }));
  const pods = await servingPods(project.settings).catch((error: Error) => {
    context.logger.warn(`which pods serve which bundle is not known: ${error.message}`);
    return null;
  });
  const listed = listedApplies(applies, rollouts, pods);
  const data = listed.map(({ appliedUs, changes, ...apply }) => {
    return { ...apply, appliedAt: formatTimestamp(appliedUs), changes: changes.map(changeToJson) };
  });
  const podsAsOf = pods === null ? null : formatTimestamp(pods.asOfUs);
  await printResult(context, { applies: data, podsAsOf }, () => versionsText(listed, podsAsOf));
  return 0;
}

interface ListedApply extends Omit<KeptApply, 'changes'> {
  readonly changes: readonly Change[];
  /** `in force`, `staged for 10 %`, `promoted`, `taken back`; empty: it was in force. */
  readonly state: string;
  /** Those that serve its bundle; of several applies with one bundle only at the newest. Null: nobody told. */
  readonly pods: readonly string[] | null;
}

/** The newest first. */
function listedApplies(
  applies: readonly KeptApply[],
  rollouts: readonly Rollout[],
  pods: ServingPods | null,
): ListedApply[] {
  const staged = rollouts.find(({ state }) => state === 'staged');
  const inForce = (applies.at(-1)?.sequence ?? 0) - (staged === undefined ? 0 : 1);
  const told = new Set<string>();
  return applies.toReversed().map((apply) => {
    const { sequence, hash } = apply;
    const rollout = rollouts.find((one) => one.sequence === sequence);
    const isTold = told.size === told.add(hash).size;
    const serving = pods === null || isTold ? null : (pods.byBundle.get(hash) ?? []);
    const state = sequence === inForce ? 'in force' : rollout === undefined ? '' : stateText(rollout);
    return { ...apply, changes: changesOf(apply), state, pods: serving };
  });
}

function stateText({ state, share }: Rollout): string {
  return state === 'staged' ? `staged for ${shareText(share)}` : state;
}

function versionsText(applies: readonly ListedApply[], podsAsOf: string | null): string {
  if (applies.length === 0) return 'Nothing was applied yet.';
  const table = renderTable(
    ['apply', 'when', 'by', 'bundle', 'state', 'pods', 'what', 'why'],
    applies.map(({ sequence, appliedUs, author, hash, state, pods, changes, reason }) => [
      String(sequence),
      formatTimestamp(appliedUs).slice(0, 16).replace('T', ' '),
      author,
      hash,
      state,
      pods === null ? '' : String(pods.length),
      changesText(changes),
      reason,
    ]),
    ['right', 'left', 'left', 'left', 'left', 'right'],
  );
  return podsAsOf === null ? table : `${table}\n\nPods as their heartbeats told until ${podsAsOf}.`;
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
  const changes = await usingRegistry(project, async (registry) => {
    const before = await bundleAt(registry, sequenceOf(from));
    const last = (await registry.lastApplied())!.sequence;
    const after = await bundleAt(registry, to === undefined ? last : sequenceOf(to));
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
  const code = await applyNow(context, { ...options, reason }, { kind: 'apply', sequence: wanted });
  context.logger.info('The definition files still say what was: `plumb plan` shows the difference.');
  return code;
}
