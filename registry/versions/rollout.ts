/**
 * An apply that a share of the pods takes first: `apply --share 10%`, then `apply --promote` or `apply --rollback`.
 *
 *   apply 7 in force -> apply 8 staged --promote->  apply 8 in force
 *                                      --rollback-> apply 9 in force, with the definitions of apply 7
 *
 * Meanwhile no other apply is taken, and the materializer computes the views of both, which is why no view of both may
 * mean two things.
 */
import { randomBytes } from 'node:crypto';
import { registryError } from '../../contract/errors.ts';
import type { BundlePointer } from '../../contract/bundles/bundle-pointer.ts';
import type { Bundle } from '../../contract/model.ts';
import type { Caller } from '../../project/access/caller.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Rollout } from '../../project/database/rollout-table.ts';
import type { Project } from '../../project/project.ts';
import { callerWith, nameOf } from '../access/command-caller.ts';
import { checkTeams, touchedBy } from '../access/touched.ts';
import type { Allowance } from '../allowance.ts';
import { planDefinitions } from '../apply.ts';
import type { ApplyPlan } from '../apply.ts';
import { changesBetween } from '../changes.ts';
import { publishInForce } from '../bundles/publication.ts';
import { bundleAt } from './applies.ts';

const SALT_BYTES = 8;

/**
 * The plan as one that is staged. Where that apply is staged already, and nothing else changes, its share becomes this.
 *
 * @param text  `10%` or `0.1`
 * @throws REG_USAGE, REG_ROLLOUT
 */
export async function stagedPlan(
  plan: ApplyPlan,
  text: string,
  database: RegistryDatabase,
): Promise<ApplyPlan> {
  const share = shareOf(text);
  const underWay = await database.rollouts.underWay();
  if (underWay !== null && plan.changes.length === 0) {
    if (!(await database.rollouts.change(underWay.sequence, { share }))) throw notStaged();
    return { ...plan, staged: { share, salt: underWay.salt } };
  }
  if (underWay !== null) throw fault(`apply ${underWay.sequence} is staged already`);
  if (plan.changes.length === 0) throw fault('nothing changes, so there is nothing to stage');
  if (plan.sequence === 0)
    throw fault('nothing is in force that the other pods could serve: apply without --share');
  const changed = changedRowLogic(await bundleAt(database, plan.sequence), plan.next);
  if (changed.length > 0) {
    throw fault(
      `${changed.join(', ')}: rows would mean one thing to some pods and another to the rest`,
      'Make a new version of the view (version: 2) and let services move over, or apply without --share.',
    );
  }
  return { ...plan, staged: { share, salt: randomBytes(SALT_BYTES).toString('hex') } };
}

/**
 * Whoever widens or ends a roll-out answers for what it brings.
 *
 * @param what  is done, for the audit
 * @throws      REG_LOGIN, REG_ROLE or REG_TEAM where access is on and the caller may not
 */
export async function checkStaged(
  what: string,
  project: Project,
  database: RegistryDatabase,
): Promise<Caller> {
  const caller = await callerWith('apply', what, project, database);
  const underWay = await database.rollouts.underWay();
  if (underWay === null) return caller;
  const before = await bundleAt(database, underWay.sequence - 1);
  const next = await bundleAt(database, underWay.sequence);
  const touched = touchedBy(changesBetween(before, next), before, next);
  await checkTeams(caller, touched, { what, atUs: project.clock.nowUs() }, database);
  return caller;
}

/** Views of both whose rows, or outputs, mean something else. */
function changedRowLogic(before: Bundle, next: ApplyPlan['next']): string[] {
  const old = new Map([...before.views, ...before.onDemand].map(([id, view]) => [id, view.definitionId]));
  const now = [...next.views.values(), ...next.onDemand.values()];
  return now.flatMap(({ id, definitionId }) => ((old.get(id) ?? definitionId) === definitionId ? [] : [id]));
}

/**
 * What is staged becomes what is in force.
 *
 * @returns the pointer that was published
 * @throws  REG_ROLLOUT when nothing is staged; REG_PUBLISH
 */
export async function promoteStaged(project: Project, database: RegistryDatabase): Promise<BundlePointer> {
  const caller = await checkStaged('apply --promote', project, database);
  const underWay = await database.rollouts.underWay();
  if (underWay === null) throw notStaged();
  const { sequence } = underWay;
  const who = { who: nameOf(caller), via: caller.via };
  const entry = {
    atUs: project.clock.nowUs(),
    ...who,
    what: 'promoted',
    detail: `apply ${sequence}`,
  } as const;
  if (!(await database.promote(sequence, entry))) throw notStaged();
  return publishInForce(project, database);
}

/**
 * The plan of an apply that takes back what is staged. The schemas of its views stay known, so that a view which comes
 * again later is no stranger to its rows.
 *
 * @throws REG_ROLLOUT when nothing is staged
 */
export async function planTakingBack(
  project: Project,
  database: RegistryDatabase,
  engine?: string,
): Promise<ApplyPlan> {
  const underWay = await database.rollouts.underWay();
  if (underWay === null) throw notStaged();
  const before = await bundleAt(database, underWay.sequence - 1);
  const plan = await planDefinitions(
    project,
    database,
    before,
    engine === undefined ? undefined : { engine },
  );
  return { ...plan, takesBack: underWay.sequence };
}

/** Everything that is refused of an apply that takes one back: most pods serve what it goes back to. */
export function allOf({ changes, takesBack }: ApplyPlan, { reason, author }: Allowance): Allowance {
  const names = new Set(changes.flatMap(({ refusals }) => refusals.map(({ name }) => name)));
  const why = reason === '' ? `staged apply ${takesBack} is taken back` : reason;
  return { names: [...names], reason: why, author };
}

/** How it is in force, as a sentence. */
export function inForceText({ staged }: ApplyPlan, hash: string): string {
  if (staged === undefined) return `Bundle ${hash} is in force.`;
  return `Bundle ${hash} is staged: ${shareText(staged.share)} of the pods take it. End that with \`plumb apply --promote\` or --rollback.`;
}

/** What a plan is compared with while an apply is staged, as a paragraph. */
export function comparedText({ sequence, share }: Rollout): string {
  return (
    `Compared with apply ${sequence}, which is staged: ${shareText(share)} of the pods take it. Nothing else is applied ` +
    'before `plumb apply --promote` or --rollback.\n\n'
  );
}

/** `10 %` */
export function shareText(share: number): string {
  return `${Number((share * 100).toFixed(4))} %`;
}

function shareOf(text: string): number {
  const found = /^(\d+(?:\.\d+)?)(%?)$/.exec(text.trim());
  const share = found === null ? NaN : Number(found[1]) / (found[2] === '%' ? 100 : 1);
  if (share > 0 && share < 1) return share;
  const expected = 'expected a share of the pods above 0 and below 1, such as 10% or 0.1';
  throw registryError('REG_USAGE', `--share: ${expected}, got ${JSON.stringify(text)}`);
}

function notStaged(): Error {
  return fault('no apply is staged', '`plumb apply --share 10%` stages one.');
}

function fault(message: string, help?: string): Error {
  return registryError('REG_ROLLOUT', message, help === undefined ? {} : { help });
}
