/** What an apply takes: the definition files, a plan in a file, what a staged apply takes back, an earlier apply. */
import { registryError } from '../../contract/errors.ts';
import type { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import { planDefinitions, planProject } from '../apply.ts';
import type { ApplyPlan } from '../apply.ts';
import { bundleAt } from './applies.ts';
import { readPlan } from './plan-file.ts';
import { planTakingBack } from './rollout.ts';

export type ApplySource =
  | { readonly kind: 'definitions' }
  | { readonly kind: 'plan'; readonly file: string }
  /** What is staged is taken back. */
  | { readonly kind: 'staged' }
  | { readonly kind: 'apply'; readonly sequence: number };

/** @throws REG_USAGE where there is nothing to go back to, and as each way to plan */
export async function planFrom(
  source: ApplySource,
  project: Project,
  database: RegistryDatabase,
): Promise<ApplyPlan> {
  if (source.kind === 'definitions') return planProject(project, database);
  if (source.kind === 'staged') return planTakingBack(project, database);
  const planOf = (definitions: Parameters<typeof planDefinitions>[2]): Promise<ApplyPlan> =>
    planDefinitions(project, database, definitions);
  if (source.kind === 'plan') return readPlan(source.file, database, planOf);
  return checkGoesBack(await planOf(await bundleAt(database, source.sequence)), source.sequence);
}

/** @throws REG_USAGE */
export function checkGoesBack(plan: ApplyPlan, sequence: number): ApplyPlan {
  if (plan.changes.length > 0) return plan;
  const message = `what is in force is what apply ${sequence} put in force: nothing to go back to`;
  throw registryError('REG_USAGE', message, { help: 'Run `plumb versions` for the numbers there are.' });
}
