/** Plan and apply: compare the project's definitions with what is in force, record them, publish the bundle. */
import { canonicalJson } from './std/canonical-json.ts';
import type { Json } from './std/canonical-json.ts';
import { publishBundle } from './bundle-folder.ts';
import { changesBetween, servedOf } from './changes.ts';
import type { Change } from './changes.ts';
import { bundleFromJson, bundleToJson, rowSchemaOf } from './definition-json.ts';
import { compileProject } from './definitions/compile.ts';
import { registryError } from './errors.ts';
import type { Bundle, Definitions, FeatureService, FeatureView, RowSchema } from './model.ts';
import type { Project } from './project.ts';
import { RegistryDatabase } from './registry-database.ts';

export interface Plan {
  readonly changes: readonly Change[];
  /** What would be published. */
  readonly next: Omit<Bundle, 'hash'>;
  /** Number of the last apply; the next one must follow it. */
  readonly sequence: number;
}

/** @throws REG_DEFINITIONS with every mistake in the definitions */
export async function planProject(project: Project, database: RegistryDatabase): Promise<Plan> {
  const definitions = await compileProject(project.settings);
  const last = await database.lastApplied();
  const applied = last === null ? null : bundleFromJson(JSON.parse(last.bundle) as Json);
  const changes = changesBetween(applied, definitions);
  return {
    changes,
    next: nextBundle(project.settings.project, applied, definitions),
    sequence: last?.sequence ?? 0,
  };
}

/**
 * Applies a plan: the registry records it, then the bundle is published. When only the second step fails, applying
 * again mends it, since publishing is idempotent.
 *
 * @throws REG_REFUSED when a change would break a model
 */
export async function applyPlan(project: Project, database: RegistryDatabase, plan: Plan): Promise<Bundle> {
  refuseBreaking(plan.changes);
  const text = canonicalJson(bundleToJson(plan.next));
  if (plan.changes.length > 0 || plan.sequence === 0) {
    await database.recordApplied({
      sequence: plan.sequence + 1,
      hash: bundleFromJson(JSON.parse(text) as Json).hash,
      appliedUs: project.clock.nowUs(),
      bundle: text,
      changes: canonicalJson(plan.changes as unknown as Json),
    });
  }
  return publishBundle(project.settings.bundles, plan.next);
}

function refuseBreaking(changes: readonly Change[]): void {
  const refused = changes.filter((change) => change.refusals.length > 0);
  if (refused.length === 0) return;
  const lines = refused.flatMap((change) => [
    `${change.kind} change of ${change.what} ${change.name}: ${change.details.join('; ')}`,
    ...change.refusals.map((refusal) => `  ${refusal}`),
  ]);
  throw registryError('REG_REFUSED', lines.join('\n'));
}

function nextBundle(project: string, applied: Bundle | null, next: Definitions): Omit<Bundle, 'hash'> {
  const services = [...next.services.values()].map((service) =>
    withVersion(service, applied?.services.get(service.name)),
  );
  const schemas = new Map(applied?.schemas);
  for (const view of next.views.values())
    schemas.set(view.id, schemaHistory(schemas.get(view.id) ?? [], view));
  return {
    project,
    entities: next.entities,
    views: next.views,
    services: new Map(services.map((service) => [service.name, service])),
    schemas,
  };
}

function withVersion(service: FeatureService, before: FeatureService | undefined): FeatureService {
  if (before === undefined) return { ...service, version: 1 };
  return {
    ...service,
    version: servedOf(before) === servedOf(service) ? before.version : before.version + 1,
  };
}

/** The last schema is the current one; a definition that comes back stands last again. */
function schemaHistory(before: readonly RowSchema[], view: FeatureView): RowSchema[] {
  return [...before.filter((schema) => schema.definitionId !== view.definitionId), rowSchemaOf(view)];
}
