/** The registry's commands: `init`, `plan`, `apply`, `show`, `config show`. */
import { errorBoundsOf } from '../contract/aggregation/error-bound.ts';
import { isAbsolute, join } from 'node:path';
import { schemeOf } from '../contract/std/files/local-path.ts';
import { callerWith } from './access/command-caller.ts';
import { allowanceOf, isAllowanceOf } from './allowance.ts';
import type { Allowance } from './allowance.ts';
import { applyThere, planThere } from './remote/remote-apply.ts';
import { RemoteRegistry } from './remote/remote-registry.ts';
import { bundleInForce, isRemote, usingRegistry } from './remote/using-registry.ts';
import { applyPlan, planProject } from './apply.ts';
import type { ApplyPlan } from './apply.ts';
import type { BundlePointer } from '../contract/bundles/bundle-pointer.ts';
import { registryError } from '../contract/errors.ts';
import type { Bundle, OnDemandView } from '../contract/model.ts';
import {
  bundleToJson,
  onDemandToJson,
  serviceToJson,
  viewToJson,
} from '../contract/definitions/definition-json.ts';
import type { CommandContext, ExitCode } from '../project/command.ts';
import type { FeatureView } from '../contract/model.ts';
import { jsonText, printResult } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import type { Project } from '../project/project.ts';
import { isSecretSetting } from '../project/settings/secret-settings.ts';
import { initProject, nextSteps } from './init/new-project.ts';
import type { TemplateName } from './init/template-name.ts';
import { valueAt } from '../contract/definitions/option-sentence.ts';
import { renderChanges } from './change-text.ts';
import { changeToJson } from './changes.ts';
import { refusalToJson } from './guard.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import type { KeptAllowance } from '../project/database/registry-database.ts';
import type { RegistryReads } from '../project/database/registry-reads.ts';
import { runToJson } from '../contract/run-record.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { settingsWithOrigins } from '../project/settings/settings.ts';
import type { Settings, StoreUrl } from '../project/settings/settings.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { withoutPassword } from '../contract/std/secret-text.ts';
import { freshnessOf, freshnessToJson } from '../project/overview/view-freshness.ts';
import { onDemandNamed, renderCatalogue, renderDefinition, viewNamed } from './show.ts';
import { functionsText, functionToJson } from './where-it-runs.ts';
import { bundleAt, sequenceOf } from './versions/applies.ts';
import {
  allOf,
  checkStaged,
  comparedText,
  inForceText,
  promoteStaged,
  stagedPlan,
} from './versions/rollout.ts';
import { planFrom } from './versions/apply-source.ts';
import type { ApplySource } from './versions/apply-source.ts';
import { writePlan } from './versions/plan-file.ts';

/** Compares the definitions with what is applied; with `exitCode`, the exit code is 1 when there are changes. */
export async function plan(
  context: CommandContext,
  options: { readonly exitCode?: boolean; readonly out?: string },
): Promise<ExitCode> {
  const project = projectOf(context);
  const { out } = options;
  const { changes, rewrites, streams, next, staged } = await planned(project, async (made, registry) => {
    if (out !== undefined) await writePlan(out, made, registry, project.clock.nowUs());
    return { ...made, staged: await registry.rollouts.underWay() };
  });
  const computed = [...next.onDemand.values()];
  const functions = computed.map(functionToJson);
  const under = staged === null ? null : { apply: staged.sequence, share: staged.share };
  const data = { changes: changes.map(changeToJson), rewrites, streams, functions, staged: under };
  const render = (): string =>
    `${staged === null ? '' : comparedText(staged)}${renderChanges(changes, rewrites, undefined, streams)}${functionsText(computed)}`;
  await printResult(context, data, render);
  if (out !== undefined) context.logger.info(`the plan is in ${out}: plumb apply ${out}`);
  return options.exitCode === true && changes.length > 0 ? 1 : 0;
}

/** Plans the project's files, in the registry's database or on the server that has it. */
async function planned<T>(
  project: Project,
  work: (made: ApplyPlan, registry: RegistryReads) => Promise<T>,
): Promise<T> {
  if (isRemote(project.settings)) {
    const registry = new RemoteRegistry(project);
    return work(await planThere(project, registry), registry);
  }
  return RegistryDatabase.using(project.settings.registry, async (database) => {
    await callerWith('propose', 'plan', project, database);
    return work(await planProject(project, database), database);
  });
}

export interface ApplyOptions {
  /** The share of the pods that takes it first: `10%`, `0.1`. */
  readonly share?: string;
  readonly allow?: string[];
  readonly reason?: string;
  /** Who makes it; absent: whoever is logged in. */
  readonly author?: string;
  /** Computes views whose rows are new or mean something new; absent: their next runs do. */
  readonly backfill?: (
    views: readonly string[],
    told: (run: RunRecord) => Promise<void>,
  ) => Promise<readonly RunRecord[]>;
}

/**
 * Applies the definitions and publishes the bundle; what the guard refuses is applied only if it is allowed by name.
 */
export async function apply(
  context: CommandContext,
  file: string | undefined,
  options: ApplyOptions & { readonly promote?: boolean; readonly rollback?: boolean },
): Promise<ExitCode> {
  if (options.promote === true) return promote(context);
  if (options.rollback === true) return applyNow(context, options, { kind: 'staged' });
  return applyNow(context, options, file === undefined ? { kind: 'definitions' } : { kind: 'plan', file });
}

/** What a share of the pods serves is in force for all of them from now on. */
async function promote(context: CommandContext): Promise<ExitCode> {
  const project = projectOf(context);
  const { sequence, name } = isRemote(project.settings)
    ? await new RemoteRegistry(project).post<Pick<BundlePointer, 'sequence' | 'name'>>('promote', {})
    : await RegistryDatabase.using(project.settings.registry, (database) => promoteStaged(project, database));
  const render = (): string => `Apply ${sequence}, bundle ${name}, is in force for all pods.`;
  await printResult(context, { sequence, bundle: name }, render);
  return 0;
}

/** Applies, in the registry's database or on the server that has it, and says what came of it. */
export async function applyNow(
  context: CommandContext,
  options: ApplyOptions,
  source: ApplySource,
): Promise<ExitCode> {
  const given = {
    allowance: allowanceOf(options.allow ?? [], options.reason, options.author),
    share: options.share,
  };
  const project = projectOf(context);
  const isThere = isRemote(project.settings);
  if (isThere && options.backfill !== undefined) throw noBackfill();
  const { made, hash, allowance } = isThere
    ? await applyThere(source, project, new RemoteRegistry(project), given)
    : await applyHere(source, project, given);
  const how = inForceText(made, hash);
  const changed = `${renderChanges(made.changes, made.rewrites, allowance, made.streams)}\n${how}`;
  const { rewrites } = made;
  const changes = made.changes.map(changeToJson);
  const share = made.staged === undefined ? {} : { share: made.staged.share };
  const result = { bundle: hash, changes, rewrites, allowed: allowance, ...share };
  if (options.backfill === undefined) await printResult(context, result, () => changed);
  else await backfilled(context, options.backfill, { views: made.recomputed, result, changed, how });
  return 0;
}

/** Runs take long and may fail: people read what happens as it happens, and JSON is one text at the end. */
async function backfilled(
  context: CommandContext,
  backfill: NonNullable<ApplyOptions['backfill']>,
  { views, result, changed, how }: { views: readonly string[]; result: object; changed: string; how: string },
): Promise<void> {
  if (context.json) context.logger.info(how);
  else await context.print(changed);
  const runs = await backfill(views, async (run) => {
    const text = `${run.view} is backfilled up to ${formatTimestamp(run.watermarkUs)}.`;
    if (!context.json) await context.print(text);
  });
  if (context.json) await context.print(jsonText({ ...result, runs: runs.map(runToJson) }));
}

async function applyHere(
  source: ApplySource,
  project: Project,
  { allowance, share }: { readonly allowance: Allowance; readonly share: string | undefined },
): Promise<{ readonly made: ApplyPlan; readonly hash: string; readonly allowance: Allowance }> {
  return RegistryDatabase.using(project.settings.registry, async (database) => {
    await callerWith('apply', 'apply', project, database);
    if (share !== undefined) await checkStaged('apply --share', project, database);
    const whole = await planFrom(source, project, database);
    const made = share === undefined ? whole : await stagedPlan(whole, share, database);
    const allowed = made.takesBack === undefined ? allowance : allOf(made, allowance);
    const { hash } = await applyPlan(project, database, made, allowed);
    return { made, hash, allowance: allowed };
  });
}

function noBackfill(): Error {
  const message =
    '--backfill works in the database of the registry itself, and registry is the URL of a server';
  const help = 'Apply without it, then run `plumb materialize` where the database is.';
  return registryError('REG_USAGE', message, { field: 'backfill', help });
}

/** Shows the catalogue, or one definition of it. */
export async function show(
  context: CommandContext,
  name: string | undefined,
  options: { readonly at?: string } = {},
): Promise<ExitCode> {
  const project = projectOf(context);
  if (options.at !== undefined) return showAt(context, name, sequenceOf(options.at));
  const bundle = await bundleInForce(project);
  const view = name === undefined ? null : viewNamed(bundle, name);
  const { achieved, runs, parts, allowances } = await usingRegistry(project, async (registry) => ({
    achieved: name === undefined ? await registry.reads.lastAchieved([...bundle.views.keys()]) : new Map(),
    runs: view === null ? [] : await registry.runs({ view: view.id }),
    parts: view === null ? [] : await registry.runParts({ view: view.id }),
    allowances: await registry.allowances(),
  }));
  const nowUs = project.clock.nowUs();
  if (name === undefined) {
    const ages = new Map(
      [...bundle.views.values()].map((one) => {
        const run = achieved.get(one.id);
        return [one.id, freshnessOf(one, run === undefined ? [] : [run], nowUs)] as const;
      }),
    );
    const views = [...bundle.views.values()].map((one) => {
      return { ...shownView(one), freshness: freshnessToJson(ages.get(one.id)!) };
    });
    const allowed = allowances.map(allowanceToJson);
    const data = { hash: bundle.hash, ...bundleToJson(bundle), views, allowed };
    await printResult(context, data, () => renderCatalogue(bundle, allowances, ages));
    return 0;
  }
  const computed = view === null ? onDemandNamed(bundle, name) : null;
  const kept = allowances.filter((one) => isAllowanceOf(one, (view ?? computed)?.id ?? name));
  const freshness = view === null ? null : freshnessOf(view, runs, nowUs);
  const text = renderDefinition(bundle, name, { runs, freshness, allowances: kept });
  const allowed = kept.map(allowanceToJson);
  const own = definitionToJson(bundle, name);
  const data =
    view === null || freshness === null
      ? { ...own, allowed }
      : {
          ...own,
          freshness: freshnessToJson(freshness),
          runs: parts.map(runToJson),
          allowed,
        };
  await printResult(context, data, () => text);
  return 0;
}

function definitionToJson(bundle: Bundle, name: string): object {
  const view = viewNamed(bundle, name);
  if (view !== null) return shownView(view);
  const computed = onDemandNamed(bundle, name);
  if (computed !== null) return onDemandToJson(computed);
  const service = bundle.services.get(name);
  return service === undefined ? { ...bundle.entities.get(name) } : serviceToJson(service);
}

/** Shows what an earlier apply put in force: definitions alone, since runs and freshness belong to today's. */
async function showAt(
  context: CommandContext,
  name: string | undefined,
  sequence: number,
): Promise<ExitCode> {
  const bundle = await usingRegistry(projectOf(context), (registry) => bundleAt(registry, sequence));
  if (name === undefined) {
    const data = { hash: bundle.hash, ...bundleToJson(bundle) };
    await printResult(context, data, () => renderCatalogue(bundle, [], new Map()));
    return 0;
  }
  const text = renderDefinition(bundle, name, { runs: [], freshness: null, allowances: [] });
  await printResult(context, definitionToJson(bundle, name), () => text);
  return 0;
}

/** With the error bounds of its approximate features, which follow from their aggregations. */
function shownView(view: FeatureView): object {
  return { ...viewToJson(view), errorBounds: errorBoundsOf(view) };
}

function allowanceToJson({ appliedUs, ...kept }: KeptAllowance): object {
  return { ...refusalToJson(kept), appliedAt: formatTimestamp(appliedUs) };
}

/** @returns the path as the user would write it from here: relative if both parts are */
function withinFolder(folder: string, path: string): string {
  return folder === '.' || isAbsolute(path) || schemeOf(path) !== null ? path : join(folder, path);
}

/** Makes a new project, then says what to do next. */
export async function init(
  context: CommandContext,
  folder: string | undefined,
  { template }: { readonly template: TemplateName },
): Promise<ExitCode> {
  // As with make and git, a folder given after -C is inside it.
  const target = folder === undefined ? context.folder : withinFolder(context.folder, folder);
  const files = await initProject(target, template);
  const next = nextSteps(target, template);
  const render = (): string =>
    [...files.map((file) => `  ${file}`), '', 'Next:', ...next.map((step) => `  ${step}`)].join('\n');
  await printResult(context, { folder: target, files, next }, render);
  return 0;
}

/** Shows the value of every setting and where it was set; secrets are hidden. */
export async function configShow(context: CommandContext): Promise<ExitCode> {
  projectOf(context);
  const { settings, origins } = settingsWithOrigins(context.folder, process.env, context.flags);
  const shown = withoutSecrets(settings);
  const render = (): string =>
    [...origins]
      .map(([path, origin]) => `${path}: ${JSON.stringify(settingValue(shown, path))}  (${origin})`)
      .join('\n');
  await printResult(context, { ...shown, origins }, render);
  return 0;
}

/** The value of a setting by its path in plumbline.yaml, with absolute folders and files. */
function settingValue(shown: Settings, path: string): unknown {
  if (path === 'registry') return storeText(shown.registry);
  if (path === 'online.url') return storeText(shown.online);
  if (path === 'clock.runLasts') return formatDuration(shown.clock.runLastsUs);
  if (path === 'bundles.folder') return shown.bundles;
  if (path === 'bundles.every') return formatDuration(shown.bundleTravel.everyUs);
  if (path.startsWith('bundles.')) return valueAt(shown.bundleTravel, path.split('.').slice(1)) ?? null;
  const { access } = shown.online;
  const own = valueAt(shown, path.split('.'));
  // Settings given in addition to a store's URL are stored apart from it.
  const [, name, ...rest] = path.split('.');
  if (own !== undefined || !path.startsWith('online.') || access === undefined) return own ?? null;
  const at =
    name === 'sentinel' ? ['sentinelLogin', ...rest] : name === 'tls' ? ['tls', ...rest] : ['login', name!];
  return valueAt(access, at) ?? null;
}

function storeText({ kind, url }: StoreUrl): string {
  return kind === 'sqlite' ? `sqlite:${url}` : url;
}

function withoutSecrets<T extends object>(settings: T): T {
  const text = JSON.stringify(settings, (name, value: unknown) => {
    if (typeof value !== 'string') return value;
    return isSecretSetting(name) ? '***' : withoutPassword(value);
  });
  return JSON.parse(text) as T;
}

/** @returns by id the on-demand views of the definition files as they are now, applied or not; none of them is tried */
export async function checkoutFunctions(context: CommandContext): Promise<ReadonlyMap<string, OnDemandView>> {
  const project = projectOf(context);
  return await RegistryDatabase.using(project.settings.registry, async (database) => {
    return (await planProject(project, database)).next.onDemand;
  });
}
