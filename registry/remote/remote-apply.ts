/**
 * Plans and applies on the server of a registry: definition files are read, compiled and tried here, where the sources
 * and the code are; what is in force, guarded, numbered, recorded and published is the server's.
 */
import { registryError } from '../../contract/errors.ts';
import { bundleFromJson } from '../../contract/definitions/definition-json.ts';
import type { Definitions } from '../../contract/model.ts';
import { ENGINE } from '../../contract/on-demand/engine.ts';
import type { Project } from '../../project/project.ts';
import { allowedOf } from '../allowance.ts';
import type { Allowance } from '../allowance.ts';
import { compileAgainst, readInForce, withStreams } from '../apply.ts';
import type { ApplyPlan } from '../apply.ts';
import { tryOnDemand } from '../trial/try-on-demand.ts';
import { bundleAt } from '../versions/applies.ts';
import { checkGoesBack } from '../versions/apply-source.ts';
import type { ApplySource } from '../versions/apply-source.ts';
import { readPlan } from '../versions/plan-file.ts';
import { allOf } from '../versions/rollout.ts';
import { definitionsToJson } from './posted-plan.ts';
import type { AppliedJson, PlanJson } from './posted-plan.ts';
import type { RemoteRegistry } from './remote-registry.ts';

/** @throws REG_DEFINITIONS, as planProject; REG_REMOTE, REG_LOGIN, REG_ROLE */
export async function planThere(project: Project, registry: RemoteRegistry): Promise<ApplyPlan> {
  const { applied } = await readInForce(project, registry);
  const definitions = await compileAgainst(applied, project);
  return withStreams(await planGiven(definitions, project, registry), project);
}

/** What was applied there. */
interface AppliedThere {
  readonly made: ApplyPlan;
  readonly hash: string;
  readonly allowance: Allowance;
}

/**
 * @param share  of the pods that takes it first, as it was given
 * @throws       REG_PLAN where another apply came since the plan; as applyPlan, as the server says it
 */
export async function applyThere(
  source: ApplySource,
  project: Project,
  registry: RemoteRegistry,
  { allowance, share }: { readonly allowance: Allowance; readonly share: string | undefined },
): Promise<AppliedThere> {
  const made = await planFromThere(source, project, registry);
  const takesBack = source.kind === 'staged';
  const given = takesBack ? allOf({ ...made, takesBack: made.sequence }, allowance) : allowance;
  allowedOf(made.changes, given);
  const { folder, project: name } = project.settings;
  await tryOnDemand(made.untried, made.next, { folder, logger: project.logger });
  const done = await registry.post<AppliedJson>('apply', {
    definitions: definitionsToJson(name, made.next),
    engine: ENGINE,
    compared: made.sequence,
    takesBack,
    share: share ?? null,
    allow: given.names,
    reason: given.reason,
  });
  return {
    made: done.staged === null || done.staged === undefined ? made : { ...made, staged: done.staged },
    hash: done.hash,
    allowance: { names: done.allowed, reason: done.reason, author: null },
  };
}

async function planFromThere(
  source: ApplySource,
  project: Project,
  registry: RemoteRegistry,
): Promise<ApplyPlan> {
  if (source.kind === 'definitions') return planThere(project, registry);
  const planOf = (definitions: Definitions): Promise<ApplyPlan> => planGiven(definitions, project, registry);
  if (source.kind === 'plan') return readPlan(source.file, registry, planOf);
  if (source.kind === 'apply')
    return checkGoesBack(await planOf(await bundleAt(registry, source.sequence)), source.sequence);
  const staged = await registry.rollouts.underWay();
  if (staged === null)
    throw registryError('REG_ROLLOUT', 'no apply is staged', {
      help: '`plumb apply --share 10%` stages one.',
    });
  return planOf(await bundleAt(registry, staged.sequence - 1));
}

async function planGiven(
  definitions: Definitions,
  { settings }: Project,
  registry: RemoteRegistry,
): Promise<ApplyPlan> {
  const posted = { definitions: definitionsToJson(settings.project, definitions), engine: ENGINE };
  const answer = await registry.post<PlanJson>('plan', posted);
  const next = bundleFromJson(answer.next);
  // Samples stay out of bundles: those of the files are tried.
  const untried = answer.untried.map((id) => {
    return { ...next.onDemand.get(id)!, samples: definitions.onDemand.get(id)?.samples ?? [] };
  });
  return { ...answer, next, untried, streams: [] };
}
