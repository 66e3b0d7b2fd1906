/**
 * `plumb monitor whatif`: how the exact match, the match within the promise and the age of the data of a judged day
 * would change with another cache time, interval of runs, delay or TTL, from the vectors that were served.
 */
import { registryError } from '../../contract/errors.ts';
import type { FeatureView, OnDemandView, ServiceView } from '../../contract/model.ts';
import { CodedError } from '../../contract/std/coded-error.ts';
import { DAY_US, dayOf } from '../../contract/std/timestamp.ts';
import { RegistryDatabase } from '../../project/database/registry-database.ts';
import type { Project } from '../../project/project.ts';
import type { Cause } from '../../contract/cause.ts';
import type { DayOfService } from '../day/day-of-log.ts';
import { withDay } from '../run.ts';
import { readSnapshot } from '../verdict/snapshot-folder.ts';
import type { Snapshot } from '../verdict/snapshot.ts';
import { askedViews } from './asked-views.ts';
import { askedShare, askedTimes } from './asked-settings.ts';
import type { AskedTimes, WhatIfOptions } from './asked-settings.ts';
import { computedWhatIf } from './computed/computed-roles.ts';
import type { ComputedWhatIf } from './computed/computed-roles.ts';
import { KeptTables } from './kept-answers.ts';
import { apartText, settingText } from './sentences.ts';
import { isInForce, ratesOf } from './setting.ts';
import type { SettingRates, SettingsNow, SimulatedSetting } from './setting.ts';
import { NONE_READ, simulateView } from './view-what-if.ts';
import type { RoleOutcome, ViewOutcome } from './view-what-if.ts';

export interface WhatIf {
  readonly date: string;
  readonly service: string;
  /** When the verdict was made that it is held against. */
  readonly judgedAt: string;
  /** Of the entities, chosen by a hash of their keys; null: all were simulated. */
  readonly sampled: number | null;
  readonly roles: readonly RoleWhatIf[];
  /** On-demand views, with the settings of what they use. */
  readonly computed: readonly ComputedWhatIf[];
}

interface RoleWhatIf {
  readonly role: string;
  readonly view: string;
  readonly now: SettingsNow;
  /** Why nothing can be said; null: it can. */
  readonly unknown: string | null;
  /** How long a run takes, in the middle; null: nothing was simulated. */
  readonly runUs: number | null;
  /** Vectors in no count: the view had another entity or key then, or none of the features. */
  readonly unread: number;
  /** By the day's verdict; the ages by the log. */
  readonly measured: SettingRates;
  /** The settings in force, simulated; null where nothing can be. */
  readonly simulated: SettingRates | null;
  /** How far the two are apart, and why; null: they say the same. */
  readonly apart: string | null;
  readonly settings: readonly SimulatedSetting[];
}

/**
 * @param checkout  by id the on-demand views of the definition files; null: only those in force are asked for
 * @returns         one a service of the day that takes one of the views
 * @throws          REG_USAGE, REG_UNKNOWN, REG_SOURCE, MON_DAY, MON_NO_VECTORS, MON_SNAPSHOT
 */
export async function whatIf(
  project: Project,
  options: WhatIfOptions,
  checkout: ReadonlyMap<string, OnDemandView> | null = null,
): Promise<WhatIf[]> {
  const asked = { times: askedTimes(options), share: askedShare(options) };
  const sampled = asked.share < 1 ? asked.share : null;
  const date = options.date ?? dayOf(project.clock.nowUs() - DAY_US);
  return await RegistryDatabase.using(project.settings.registry, async (database) => {
    const opened = { date, ...(options.service === undefined ? {} : { services: options.service }) };
    return await withDay(project, database, opened, async (day, found) => {
      const views = askedViews(day.book.current, found, options.view);
      refuseTtl(asked.times, views.tried);
      const judged = judgedDays(project, found.filter(views.isTakenBy), opened);
      const outcomes = new Map<string, ViewOutcome>();
      for (const [i, view] of [...views.tried, ...views.usedBeside].entries()) {
        const times = views.tried.includes(view) ? asked.times : NOTHING_ELSE;
        const of = {
          ...asked,
          times,
          view,
          services: [...day.log.services.values()],
          tables: new KeptTables(i),
        };
        outcomes.set(view.id, await reading(view, () => simulateView(day, of)));
      }
      const kept = new Map([...outcomes].flatMap(([id, one]) => (one.kept === null ? [] : [[id, one.kept]])));
      const unknown = new Map([...outcomes].map(([id, one]) => [id, one.unknown]));
      const answers: WhatIf[] = [];
      for (const { served, snapshot } of judged) {
        const { service } = served;
        const computed = { served, snapshot, kept, unknown, checkout };
        answers.push({
          date,
          service: service.name,
          judgedAt: snapshot.judgedAt,
          sampled,
          roles: service.views.flatMap((used) => {
            const isListed = service.features.some(({ role }) => role === used.role);
            const outcome = outcomes.get(used.view);
            if (outcome === undefined || !isListed || !views.isShown(used.view)) return [];
            return [roleWhatIf({ served, used, snapshot, outcome, sampled })];
          }),
          computed: await computedWhatIf(day, computed, views.computed),
        });
      }
      return answers;
    });
  });
}

/** Of a view that is simulated only for those that it stands beside. */
const NOTHING_ELSE: AskedTimes = new Map();

interface JudgedService {
  readonly served: DayOfService;
  readonly snapshot: Snapshot;
}

/**
 * The verdicts of a day; where all services are asked for, those without one are told and left out.
 *
 * @throws REG_UNKNOWN when there is none, or not of a service that is named
 */
function judgedDays(
  { settings, logger }: Project,
  days: readonly DayOfService[],
  { date, services }: { readonly date: string; readonly services?: readonly string[] },
): JudgedService[] {
  const judged: JudgedService[] = [];
  const without: string[] = [];
  for (const served of days) {
    const { name } = served.service;
    const snapshot = readSnapshot(settings.reports, name, date);
    if (snapshot === null) without.push(name);
    else judged.push({ served, snapshot });
  }
  if (without.length === 0) return judged;
  const what = `${without.join(' and ')} ${without.length === 1 ? 'was' : 'were'} not judged for ${date}`;
  const help = `Run \`plumb monitor run --date ${date} ${without.map((name) => `--service ${name}`).join(' ')}\` first.`;
  if (services !== undefined || judged.length === 0) {
    throw registryError('REG_UNKNOWN', `${what}, so there is nothing to compare with`, { help });
  }
  logger.warn(`${what} and is left out. ${help}`);
  return judged;
}

/** @throws REG_USAGE when a TTL is asked for and no view can have one */
function refuseTtl(times: AskedTimes | null, views: readonly FeatureView[]): void {
  if (times?.has('ttl') !== true || views.some(({ kind }) => kind === 'stored')) return;
  const names = views.map(({ id }) => id).join(', ');
  throw registryError('REG_USAGE', `--ttl: aggregated views have no TTL: ${names}`, { field: 'ttl' });
}

async function reading<T>(view: FeatureView, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CodedError) throw error;
    const why = (error as Error).message.split('\n')[0];
    throw registryError('REG_SOURCE', `the history of ${view.id} cannot be simulated: ${why}`, {}, error);
  }
}

interface JudgedRole {
  readonly served: DayOfService;
  readonly used: ServiceView;
  readonly snapshot: Snapshot;
  readonly outcome: ViewOutcome;
  readonly sampled: number | null;
}

function roleWhatIf({ served, used, snapshot, outcome, sampled }: JudgedRole): RoleWhatIf {
  const { service } = served;
  const { now, unknown, runUs, roles } = outcome;
  const own = roles.find((one) => one.service === service && one.used === used);
  const names = new Set(
    service.features.filter(({ role }) => role === used.role).map(({ fullName }) => fullName),
  );
  const features = snapshot.features.filter(({ name }) => names.has(name));
  const measured = measuredRates(features, own);
  const isRead = own !== undefined && own.unread !== 'all';
  const simulated = isRead ? ratesOf(own.simulated) : null;
  const unread = own === undefined || own.unread === 'all' ? 0 : own.unread;
  const why = own?.unread === 'all' ? NONE_READ : unknown;
  const base = { role: used.role, view: used.view, now, unknown: why, runUs, unread, measured, simulated };
  if (own === undefined || simulated === null) return { ...base, apart: null, settings: [] };
  return {
    ...base,
    apart: apartText(measured, simulated, {
      causes: causesOf(features),
      sampled,
      judged: snapshot.vectors.read,
      logged: served.vectors,
    }),
    settings: own.settings.map((setting) => {
      const { kind, us } = setting;
      const isNow = isInForce(setting, now);
      const rates = ratesOf(setting);
      return { kind, us, isNow, ...rates, sentence: settingText({ kind, us, isNow }, now, simulated, rates) };
    }),
  };
}

function measuredRates(features: Snapshot['features'], own: RoleOutcome | undefined): SettingRates {
  const counts = { present: 0, exact: 0, withinPromise: 0 };
  for (const { present, exact, withinPromise } of features) {
    counts.present += present;
    counts.exact += exact;
    counts.withinPromise += withinPromise;
  }
  return ratesOf({ ...counts, ...(own?.loggedAges ?? { ageP50Us: null, ageP99Us: null }) });
}

function causesOf(features: Snapshot['features']): Map<Cause, number> {
  const causes = new Map<Cause, number>();
  for (const feature of features) {
    for (const [cause, { values }] of Object.entries(feature.causes) as [Cause, { values: number }][])
      causes.set(cause, (causes.get(cause) ?? 0) + values);
  }
  return causes;
}
