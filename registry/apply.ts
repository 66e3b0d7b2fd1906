/** Plan and apply: compare the project's definitions with those in force, record them, publish the bundle. */
import { registryError } from '../contract/errors.ts';
import type { CodedError } from '../contract/std/coded-error.ts';
import { canonicalJson } from '../contract/std/canonical-json.ts';
import type { Json } from '../contract/std/canonical-json.ts';
import { callerWith, nameOf } from './access/command-caller.ts';
import { checkTeams, touchedBy } from './access/touched.ts';
import type { TouchedDefinition } from './access/touched.ts';
import { publishInForce } from './bundles/publication.ts';
import { allowedOf, NO_ALLOWANCE } from './allowance.ts';
import type { Allowance } from './allowance.ts';
import { changesBetween } from './changes.ts';
import type { Change } from './changes.ts';
import {
  appliedDefinitionId,
  bundleFromJson,
  bundleToJson,
  isOfThisFormat,
  rowSchemaOf,
} from '../contract/definitions/definition-json.ts';
import { compileProject } from './definitions/compile.ts';
import { pastDeprecations } from './definitions/deprecations.ts';
import { consumersRemoved, REMOVED_CONSUMER_US } from './guard.ts';
import type { Bundle, Definitions, OnDemandView, RowSchema } from '../contract/model.ts';
import { ENGINE } from '../contract/on-demand/engine.ts';
import type { Project } from '../project/project.ts';
import type { RegistryDatabase } from '../project/database/registry-database.ts';
import type { RegistryReads } from '../project/database/registry-reads.ts';
import { rewrittenRows } from './rewritten-rows.ts';
import type { RewrittenRows } from './rewritten-rows.ts';
import { streamCosts, streamWarning } from './stream-cost.ts';
import type { StreamCost } from './stream-cost.ts';
import { tryOnDemand } from './trial/try-on-demand.ts';
import { servedHash, versionOf } from '../contract/definitions/service-version.ts';
import type { RemovedConsumer } from '../contract/refusal.ts';

export interface ApplyPlan {
  readonly changes: readonly Change[];
  /** The same definitions, and whose they are. */
  readonly touched: readonly TouchedDefinition[];
  /** The bundle that would be published. */
  readonly next: Omit<Bundle, 'hash'>;
  /** The number of the last apply; the next one gets the number after it. */
  readonly sequence: number;
  /** Consumers in force that the apply would remove. */
  readonly removed: readonly RemovedConsumer[];
  /** Views whose rows the next runs would write again. */
  readonly rewrites: readonly RewrittenRows[];
  /** Of views over streams that are new, or whose rows get another definition id. */
  readonly streams: readonly StreamCost[];
  /** On-demand views that are new, whose meaning changes, or that were tried on another engine. */
  readonly untried: readonly OnDemandView[];
  /** Ids of feature views that are new, or whose rows get another definition id. */
  readonly recomputed: readonly string[];
  /** A share of the pods takes it first; absent: all take it. */
  readonly staged?: { readonly share: number; readonly salt: string };
  /** The number of the staged apply that it takes back. */
  readonly takesBack?: number;
}

/** @throws REG_DEFINITIONS with every mistake in the definitions; also when there are no definitions and never were */
export async function planProject(project: Project, database: RegistryDatabase): Promise<ApplyPlan> {
  const inForce = await readInForce(project, database);
  const definitions = await compileAgainst(inForce.applied, project);
  return withStreams(await planAgainst(inForce, { project, database, engine: ENGINE }, definitions), project);
}

/**
 * @param applied  what is in force, as this plumb reads it
 * @returns        the project's definition files, compiled
 * @throws         REG_DEFINITIONS, as planProject
 */
export async function compileAgainst(applied: Bundle | null, project: Project): Promise<Definitions> {
  const warn = (message: string): void => project.logger.warn(message);
  const compiled = await compileProject(project.settings, warn, applied?.views);
  pastDeprecations(compiled, project.clock.nowUs()).forEach(warn);
  if (isEmpty(compiled) && (applied === null || isEmpty(applied))) throw noDefinition(project);
  return compiled;
}

/** Definitions that somebody else sent. */
interface Sent {
  /** That tries their functions, elsewhere. */
  readonly engine: string;
  /** @returns the definitions as they are taken, once what is in force is known */
  readonly taken?: (definitions: Definitions, applied: Bundle | null) => Definitions;
}

/**
 * Plans definitions that lie elsewhere than in the project's files.
 *
 * @param sent  absent: they are this project's own, and it is told what their streams cost
 */
export async function planDefinitions(
  project: Project,
  database: RegistryDatabase,
  definitions: Definitions,
  sent?: Sent,
): Promise<ApplyPlan> {
  const planning = { project, database, engine: sent?.engine ?? ENGINE };
  const inForce = await readInForce(project, database);
  const taken = sent?.taken?.(definitions, inForce.applied) ?? definitions;
  const plan = await planAgainst(inForce, planning, taken);
  return sent === undefined ? withStreams(plan, project) : plan;
}

/** The plan with what its streams cost, which is warned of where it is much. */
export async function withStreams(plan: ApplyPlan, { settings, logger }: Project): Promise<ApplyPlan> {
  const { views } = plan.next;
  const streams = await streamCosts(
    plan.recomputed.map((id) => views.get(id)!),
    settings,
  );
  for (const cost of streams) {
    const warning = streamWarning(views.get(cost.view)!, cost);
    if (warning !== null) logger.warn(warning);
  }
  return { ...plan, streams };
}

/** What is in force, and the number of its apply; null and 0 where nothing was ever applied. */
interface InForce {
  readonly applied: Bundle | null;
  readonly sequence: number;
}

export async function readInForce(
  project: Project,
  registry: Pick<RegistryReads, 'lastApplied'>,
): Promise<InForce> {
  const last = await registry.lastApplied();
  const applied = last === null ? null : readApplied(project, JSON.parse(last.bundle) as Json, last.hash);
  return { applied, sequence: last?.sequence ?? 0 };
}

interface Planning {
  readonly project: Project;
  readonly database: RegistryDatabase;
  /** What functions are tried on. */
  readonly engine: string;
}

async function planAgainst(
  { applied, sequence }: InForce,
  planning: Planning,
  compiled: Definitions,
): Promise<ApplyPlan> {
  const { project, database } = planning;
  const next = await nextBundle(planning, applied, compiled);
  const recomputed = [...next.views.values()].filter(({ id, definitionId }) => {
    return applied?.views.get(id)?.definitionId !== definitionId;
  });
  const nowUs = project.clock.nowUs();
  const recent = await database.removedConsumers(nowUs - REMOVED_CONSUMER_US);
  const changes = changesBetween(applied, next, recent);
  const touched = touchedBy(changes, applied, next);
  return {
    changes,
    // What is in force and cannot be read may be anybody's.
    touched: applied === null && sequence > 0 ? touched.map((one) => ({ ...one, teams: [null] })) : touched,
    next,
    sequence,
    removed: applied === null ? [] : consumersRemoved(applied, next, nowUs),
    rewrites: await rewrittenRows(applied, next.views, project.settings.history, database),
    streams: [],
    recomputed: recomputed.map(({ id }) => id),
    untried: [...next.onDemand.values()].filter(({ id, definitionId, engine }) => {
      const before = applied?.onDemand.get(id);
      return before?.definitionId !== definitionId || before.engine !== engine;
    }),
  };
}

/**
 * Applies a plan: the registry records it, then the bundle is published. If only the second step fails, apply again:
 * publishing is idempotent.
 *
 * @param allowance  which refusals are allowed, why and by whom the apply is made
 * @throws REG_LOGIN, REG_ROLE or REG_TEAM where access is on and the caller may not; REG_REFUSED when a
 *         change would break a model; REG_ALLOW when a name matches no refusal; REG_DEFINITIONS when a function that is
 *         computed on demand does not hold what it promises; REG_ROLLOUT while another apply is
 *         staged; REG_PUBLISH when not all places to publish in could be written to
 */
export async function applyPlan(
  project: Project,
  database: RegistryDatabase,
  plan: ApplyPlan,
  allowance: Allowance = NO_ALLOWANCE,
): Promise<Bundle> {
  const caller = await callerWith('apply', 'apply', project, database);
  await checkTeams(caller, plan.touched, { what: 'apply', atUs: project.clock.nowUs() }, database);
  const allowed = allowedOf(plan.changes, allowance);
  const { logger, settings } = project;
  await tryOnDemand(plan.untried, plan.next, { folder: settings.folder, logger });
  const text = canonicalJson(bundleToJson(plan.next));
  if (plan.changes.length > 0 || plan.sequence === 0) {
    await database.recordApplied({
      sequence: plan.sequence + 1,
      hash: bundleFromJson(JSON.parse(text) as Json).hash,
      appliedUs: project.clock.nowUs(),
      // A token says who it is; without one whoever is logged in may name somebody.
      author: caller.name ?? allowance.author ?? nameOf(caller),
      via: caller.via,
      reason: allowance.reason,
      bundle: text,
      changes: canonicalJson(plan.changes as unknown as Json),
      removed: plan.removed,
      allowed,
      ...(plan.staged === undefined ? {} : { staged: plan.staged }),
      ...(plan.takesBack === undefined ? {} : { takesBack: plan.takesBack }),
      services: [...plan.next.services.values()].map((service) => {
        return { service: service.name, version: service.version, content: servedHash(service) };
      }),
    });
  }
  await publishInForce(project, database);
  return bundleFromJson(JSON.parse(text) as Json);
}

/** @returns null when the last apply had another bundle format: then there is nothing to compare with */
function readApplied({ logger }: Project, json: Json, hash: string): Bundle | null {
  if (isOfThisFormat(json)) return bundleFromJson(json, hash);
  logger.warn(
    'what is in force was applied by another version of plumb, in a form that this one does not read: every ' +
      'definition is shown as created, and nothing is guarded. An apply publishes all of it anew',
  );
  return null;
}

function isEmpty({ entities, views, onDemand, services }: Definitions): boolean {
  return [entities, views, onDemand, services].every(({ size }) => size === 0);
}

/**
 * If definitions are in force and the project has none left, that deletes them all: the plan shows it, the guard checks
 * it.
 */
function noDefinition({ settings }: Project): CodedError {
  const message =
    `${settings.definitions.join(', ')} in ${settings.folder} hold no definition: expected entity:, featureView: ` +
    'or featureService: in YAML, or exports of entity(), featureView() or featureService() in TypeScript';
  const help = 'Write one, or name where they are as `definitions:` in plumbline.yaml.';
  return registryError('REG_DEFINITIONS', message, { help });
}

async function nextBundle(
  { project, database, engine }: Planning,
  applied: Bundle | null,
  compiled: Definitions,
): Promise<Omit<Bundle, 'hash'>> {
  const known = await database.serviceVersions();
  const services = [...compiled.services.values()].map((service) => {
    return { ...service, version: versionOf(service, applied?.services.get(service.name), known) };
  });
  const schemas = new Map(applied?.schemas);
  const views = [...compiled.views.values()].map((view) => {
    const past = schemas.get(view.id) ?? [];
    const entity = compiled.entities.get(view.entity)!;
    const own = { ...view, definitionId: appliedDefinitionId(view, entity.joinKeys, past) };
    schemas.set(view.id, schemaHistory(past, rowSchemaOf(own, entity)));
    return own;
  });
  return {
    project: project.settings.project,
    entities: compiled.entities,
    views: new Map(views.map((view) => [view.id, view])),
    onDemand: new Map(
      [...compiled.onDemand].map(([id, view]) => [id, { ...keptCode(view, applied), engine }]),
    ),
    services: new Map(services.map((service) => [service.name, service])),
    schemas,
  };
}

/** Code that means the same keeps its text: a comment in it is no reason for another bundle. */
export function keptCode(view: OnDemandView, applied: Bundle | null): OnDemandView {
  const before = applied?.onDemand.get(view.id);
  if (before?.code.hash !== view.code.hash) return view;
  const isSameReason = reasonOf(view.costly) === reasonOf(before.costly);
  return { ...view, code: before.code, costly: isSameReason ? before.costly : view.costly };
}

/** Why a function is costly, without the line, which a comment moves. */
function reasonOf(costly: string | null): string | null {
  return costly?.replace(/ \([^()]*:\d+\)$/, '') ?? null;
}

/** The past schemas and the current one, which is last. */
function schemaHistory(past: readonly RowSchema[], now: RowSchema): readonly RowSchema[] {
  return past.at(-1)?.definitionId === now.definitionId ? past : [...past, now];
}
