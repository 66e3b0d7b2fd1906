/**
 * Simulates one view for all services that took it on a day: its rows and the vectors that asked for them are laid out
 * once, then each setting answers all of them anew.
 *
 * First the settings as they are, which must give what was measured: the caches with the time in force, and the runs as
 * they went. Each other setting changes one thing against that.
 */
import { isSameFeature } from '../../contract/feature-match.ts';
import type { Entity, Feature, FeatureService, FeatureView, ServiceView } from '../../contract/model.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { ServedHistory } from '../judge/served-history.ts';
import type { MonitoredDay } from '../monitored-day.ts';
import { roleKeys } from '../replay/role-keys.ts';
import type { RoleKeys } from '../replay/role-keys.ts';
import { proposeDelay } from '../verdict/delay-proposal.ts';
import { layAskedRows, unreadVectors } from './asked-rows.ts';
import type { AskingRole, Reading } from './asked-rows.ts';
import { settingsFor } from './asked-settings.ts';
import type { AskedTimes } from './asked-settings.ts';
import { layFetches } from './cached-fetches.ts';
import { keepValues } from './kept-answers.ts';
import type { KeptTables, KeptView } from './kept-answers.ts';
import { layKnownRows } from './known-rows.ts';
import { endedRuns, layRuns } from './published-rows.ts';
import { lateStartUs, scheduleOf, usualRun } from './simulated-runs.ts';
import type { Schedule } from './simulated-runs.ts';
import { isInForce } from './setting.ts';
import type { RoleCounts, Setting, SettingsNow } from './setting.ts';
import { layTrainable, loggedAges, simulate } from './simulation.ts';
import type { ComparedFeature, Simulated } from './simulation.ts';

/** A role of a service, by which it takes the view. */
interface TakingRole {
  readonly served: DayOfService;
  readonly used: ServiceView;
  readonly features: readonly Feature[];
  /** Whether an on-demand view of the service computes of it. */
  readonly isForOnDemand: boolean;
}

export interface RoleOutcome {
  readonly service: FeatureService;
  readonly used: ServiceView;
  /** Vectors in no count: the view had another entity or key then, or none of the features. */
  readonly unread: number | 'all';
  /** How old the data was that was served. */
  readonly loggedAges: Pick<RoleCounts, 'ageP50Us' | 'ageP99Us'>;
  readonly simulated: RoleCounts;
  readonly settings: readonly (Setting & RoleCounts)[];
}

export interface ViewOutcome {
  readonly now: SettingsNow;
  /** Why nothing can be simulated, as a sentence; null: it was. */
  readonly unknown: string | null;
  /** How long a run takes; null: nothing was simulated. */
  readonly runUs: number | null;
  readonly roles: readonly RoleOutcome[];
  /** For on-demand views that use it; null: none does, or nothing was simulated. */
  readonly kept: KeptView | null;
}

interface AskedView {
  readonly view: FeatureView;
  /** null: the usual ones. */
  readonly times: AskedTimes | null;
  readonly share: number;
  /** Every service of the day that takes the view. */
  readonly services: readonly DayOfService[];
  /** The names of what is kept for on-demand views. */
  readonly tables: KeptTables;
}

/** @throws DuckDB's error when the history cannot be read */
export async function simulateView(day: MonitoredDay, asked: AskedView): Promise<ViewOutcome> {
  const { view } = asked;
  const now = settingsNow(day, view);
  const runs = await day.database.runs({ view: view.id });
  const unknown = whyUnknown(view, runs);
  const nothing = { now, unknown, runUs: null, roles: [], kept: null };
  if (unknown !== null) return nothing;
  const entity = day.book.current.entities.get(view.entity)!;
  const roles = asked.services.flatMap((served) => rolesOf(served, view));
  const laid = await layView(day, { ...asked, roles, runs, entity, now });
  if (typeof laid === 'string') return { ...nothing, unknown: laid };
  const unread = await unreadVectors(day.duck);
  const isKept = roles.some(({ isForOnDemand }) => isForOnDemand);
  const run = async (simulated: Simulated): Promise<Simulation> => {
    const table = isKept ? asked.tables.next() : null;
    const keeping = table === null ? simulated : { ...simulated, keptAs: table };
    return { table, counts: await simulate(day.duck, view, laid.compared, keeping) };
  };
  const same = await run({ cache: 0, schedule: null });
  const settings: (Simulation & { readonly setting: Setting })[] = [];
  for (const [i, setting] of laid.settings.entries()) {
    day.project.logger.progress(`what if: ${view.id}`, i, laid.settings.length);
    // Runs that keep to the interval are not the runs as they went.
    const isSame = setting.kind !== 'interval' && isInForce(setting, now);
    settings.push({ setting, ...(isSame ? same : await run(laid.simulatedBy(setting))) });
  }
  if (isKept) await keepValues(day.duck, asked.tables.values);
  day.project.logger.progress(`what if: ${view.id}`, laid.settings.length, laid.settings.length);
  const ages = await loggedAges(day.duck);
  return {
    now,
    unknown,
    runUs: laid.runUs,
    roles: roles.map(({ served, used }, i) => ({
      service: served.service,
      used,
      unread: unread.get(i) ?? 0,
      loggedAges: ages.get(i) ?? { ageP50Us: null, ageP99Us: null },
      simulated: same.counts[i]!,
      settings: settings.map(({ setting, counts }) => ({ ...setting, ...counts[i]! })),
    })),
    kept: !isKept
      ? null
      : {
          view,
          now,
          values: asked.tables.values,
          same: same.table!,
          settings: settings.map(({ setting, table }) => ({ ...setting, table: table! })),
          roles: numberedRoles(roles),
        },
  };
}

interface Simulation {
  /** What is kept of it; null: nothing. */
  readonly table: string | null;
  readonly counts: readonly RoleCounts[];
}

function numberedRoles(roles: readonly TakingRole[]): KeptView['roles'] {
  const numbered = new Map<FeatureService, Map<string, number>>();
  for (const [i, { served, used }] of roles.entries()) {
    const own = numbered.get(served.service) ?? new Map<string, number>();
    numbered.set(served.service, own.set(used.role, i));
  }
  return numbered;
}

function settingsNow({ project }: MonitoredDay, view: FeatureView): SettingsNow {
  const { cacheFreshMs, cacheEntries, cacheBytes, cacheLayers } = project.settings.serve;
  const keeps = cacheLayers.fresh && cacheEntries > 0 && cacheBytes > 0;
  const { scheduleUs: intervalUs, delayUs, ttlUs } = view;
  return { cacheUs: keeps ? cacheFreshMs * 1_000 : 0, intervalUs, delayUs, ttlUs };
}

function whyUnknown(view: FeatureView, runs: readonly RunRecord[]): string | null {
  if (view.kind === 'stored' && view.source.createdTime === null)
    return 'not known: the source has no created times, so nobody knows from when on a run could have brought a row';
  if (view.kind === 'snapshot')
    return 'not known: what its source would have said at other times is nowhere kept (absent: delete)';
  if (endedRuns(runs).length === 0) return 'not known: no run of the view is recorded that came to its end';
  return null;
}

function rolesOf(served: DayOfService, view: FeatureView): TakingRole[] {
  const { service } = served;
  return service.views
    .filter((used) => used.view === view.id)
    .map((used) => {
      const own = service.features
        .filter(({ role }) => role === used.role)
        .map((one) => view.features.find(({ name }) => name === one.feature)!);
      const isForOnDemand = service.onDemand.some(({ uses }) => uses.includes(used.role));
      // The log has no value of a dropped one, so that nothing was measured either.
      return { served, used, isForOnDemand, features: own.filter(({ log }) => log !== 'drop') };
    });
}

export const NONE_READ =
  'not known: the vectors of the day were answered when the view had another entity or key, or none of these features';

interface LaidView {
  readonly settings: readonly Setting[];
  readonly runUs: number;
  /** Of each role. */
  readonly compared: readonly (readonly ComparedFeature[])[];
  simulatedBy(setting: Setting): Simulated;
}

/** Lays out all tables of the view. @returns why nothing can be simulated */
async function layView(
  day: MonitoredDay,
  asked: AskedView & {
    readonly roles: readonly TakingRole[];
    readonly runs: readonly RunRecord[];
    readonly entity: Entity;
    readonly now: SettingsNow;
  },
): Promise<LaidView | string> {
  const { duck } = day;
  const { view, roles, runs, entity, now } = asked;
  const history = await ServedHistory.open({ duck, histories: day.histories, today: { view, entity }, runs });
  const { bundles, readings, histories, ofBundle } = await readingsOf(day, view, history, roles);
  if (readings.length === 0) return NONE_READ;
  const asking = roles.map((role): AskingRole => ({
    used: role.used,
    keys: keysOf(day, role, entity, bundles),
    files: role.served.files,
    readings: new Map(
      [...ofBundle].filter(
        ([bundle]) => role.isForOnDemand || role.features.some((one) => isCompared(day, role, one, bundle)),
      ),
    ),
  }));
  const compared = roles.map((role) => role.features.map((one) => comparedFeature(day, role, one, ofBundle)));
  const span = await layAskedRows(duck, {
    roles: asking,
    readings,
    keys: entity.joinKeys.length,
    share: asked.share,
  });
  if (span === null) return 'no vector of the day has a row of it';
  const firstUs = Math.min(...roles.map(({ served }) => served.firstUs));
  const { delayUs: proposedUs } = proposeDelay(view, runs, { firstUs, lastUs: span.toUs });
  const settings = settingsFor(view, now, asked.times, proposedUs);
  const cacheTimes = [now.cacheUs, ...settings.filter(({ kind }) => kind === 'cache').map(({ us }) => us)];
  const { readAhead } = day.project.settings.serve.cacheLayers;
  await layFetches(
    duck,
    span.rows,
    cacheTimes.map((us) => ({ us, readAhead })),
  );
  const usual = usualRun(runs, now.intervalUs, span);
  await layRuns(duck, runs, ({ startedUs }) => lateStartUs(startedUs, now.intervalUs, usual));
  const simulatedBy = ({ kind, us }: Setting): Simulated => ({
    cache: kind === 'cache' ? cacheTimes.indexOf(us) : 0,
    schedule: kind === 'interval' ? scheduleOf(us, usual) : null,
    ...(kind === 'delay' ? { delayUs: us } : {}),
    ...(kind === 'ttl' ? { ttlUs: us } : {}),
  });
  const delays = settings.filter(({ kind }) => kind === 'delay').map(({ us }) => us);
  await layKnownRows(duck, {
    view,
    keys: entity.joinKeys,
    histories,
    span,
    schedules: distinctSchedules(settings.map((setting) => simulatedBy(setting).schedule)),
    longestDelayUs: Math.max(...readings.map(({ delayUs }) => delayUs), ...delays),
  });
  await layTrainable(duck);
  return { settings, runUs: usual.durationUs, compared, simulatedBy };
}

function distinctSchedules(schedules: readonly Schedule[]): Schedule[] {
  return [null, ...schedules.filter((schedule) => schedule !== null)];
}

/** How the vectors of each bundle are read, and the histories that these need. */
async function readingsOf(
  { duck, book }: MonitoredDay,
  view: FeatureView,
  history: ServedHistory,
  roles: readonly TakingRole[],
): Promise<{
  bundles: string[];
  readings: Reading[];
  histories: string[];
  ofBundle: ReadonlyMap<string, number>;
}> {
  const named = new Set<string>();
  for (const { files } of new Set(roles.map(({ served }) => served))) {
    const rows = await duck.rows(`SELECT DISTINCT bundle FROM (${files.vectors})`);
    for (const { bundle } of rows) named.add(bundle as string);
  }
  const bundles = [...named].toSorted();
  const histories = new Map<number, string>();
  const readings: Reading[] = [];
  const ofBundle = new Map<string, number>();
  for (const bundle of bundles) {
    const defined = book.servedDefinition(bundle, view);
    const id = view.kind === 'stored' ? 0 : defined.view.definitionId;
    const sql = await history.of(defined);
    if (sql === null) continue;
    if (!histories.has(id)) histories.set(id, sql);
    const { delayUs, ttlUs, hopUs, freshnessUs } = defined.view;
    const completeUs = view.kind === 'stored' ? null : history.completeUpTo(defined);
    const definition = [...histories.keys()].indexOf(id);
    ofBundle.set(bundle, readings.push({ definition, delayUs, ttlUs, hopUs, freshnessUs, completeUs }) - 1);
  }
  return { bundles, readings, histories: [...histories.values()], ofBundle };
}

function keysOf(
  { book }: MonitoredDay,
  role: TakingRole,
  entity: Entity,
  bundles: readonly string[],
): RoleKeys {
  const { service } = role.served;
  const serviceOf = (bundle: string): FeatureService => book.servedService(bundle, service);
  return roleKeys({ used: role.used, entity, requestKeys: service.requestKeys, serviceOf }, bundles);
}

function comparedFeature(
  day: MonitoredDay,
  role: TakingRole,
  feature: Feature,
  readings: ReadonlyMap<string, number>,
): ComparedFeature {
  const lacking = [...readings].filter(([bundle]) => !isCompared(day, role, feature, bundle));
  return { feature, lackedBy: lacking.map(([, reading]) => reading) };
}

/** Whether the service took the feature by that bundle, and the log has of it what can be compared. */
function isCompared(
  { book, hmacKey }: MonitoredDay,
  { served, used }: TakingRole,
  feature: Feature,
  bundle: string,
): boolean {
  const taken = book.bundle(bundle).services.get(served.service.name)?.features ?? [];
  const isTaken = (one: (typeof taken)[number]): boolean =>
    one.role === used.role && one.feature === feature.name;
  if (taken.length > 0 && !taken.some(isTaken)) return false;
  const view = book.current.views.get(used.view)!;
  const then = book.servedView(bundle, view).features.find((one) => isSameFeature(one, feature));
  if (then === undefined || then.log === 'drop') return false;
  return hmacKey !== null || (then.log === 'raw' && feature.log === 'raw');
}
