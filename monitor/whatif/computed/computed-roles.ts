/** What the on-demand views of a service would have matched by other settings or another function. */
import type { OnDemandView } from '../../../contract/model.ts';
import { formatType } from '../../../contract/value-type.ts';
import type { ValueType } from '../../../contract/value-type.ts';
import type { DayOfService } from '../../day/day-of-log.ts';
import type { MonitoredDay } from '../../monitored-day.ts';
import { percentText } from '../../../contract/std/percent-text.ts';
import type { Snapshot } from '../../verdict/snapshot.ts';
import type { KeptView } from '../kept-answers.ts';
import { settingName } from '../sentences.ts';
import { isInForce } from '../setting.ts';
import type { Setting } from '../setting.ts';
import type { ComputedCounts } from './computed-counts.ts';
import { ComputedSimulation } from './computed-simulation.ts';
import { storedBelow } from './stored-below.ts';

interface ComputedRates {
  /** Values on at least one side; of them those that match exactly, and that do not but are within the promise. */
  readonly present: number;
  readonly exact: number;
  readonly withinPromise: number;
  /** null: there is no value present. */
  readonly exactMatch: number | null;
  readonly exactMatchWithinPromise: number | null;
}

/** Rates of a case, and the share of the served values that it has otherwise; null: no value was served. */
export interface CaseRates extends ComputedRates {
  readonly otherValues: number | null;
}

interface ComputedSetting extends Setting, CaseRates {
  /** The view whose setting it is. */
  readonly view: string;
  readonly isNow: boolean;
  /** Such as `every 15m instead of every 1h`. */
  readonly name: string;
  readonly sentence: string;
}

export interface ComputedWhatIf {
  readonly role: string;
  readonly view: string;
  /** Why nothing can be said; null: it can. */
  readonly unknown: string | null;
  /** Vectors in no count: UNAVAILABLE, not in the sample, or not to be computed again. */
  readonly unread: number;
  readonly measured: ComputedRates;
  /** The settings in force, simulated; null where nothing can be. */
  readonly simulated: CaseRates | null;
  readonly settings: readonly ComputedSetting[];
  /** With the function of the checkout; null: it is that in force, or was not asked for. */
  readonly checkout: ({ readonly unknown: string } | (CaseRates & { readonly unknown: null })) | null;
}

interface AskedService {
  readonly served: DayOfService;
  readonly snapshot: Snapshot;
  /** By the id of a view what was simulated of it, and why not. */
  readonly kept: ReadonlyMap<string, KeptView>;
  readonly unknown: ReadonlyMap<string, string | null>;
  /** By id the on-demand views of the checkout; null: they are not asked for. */
  readonly checkout: ReadonlyMap<string, OnDemandView> | null;
}

/** @param shown  ids of on-demand views */
export async function computedWhatIf(
  day: MonitoredDay,
  asked: AskedService,
  shown: ReadonlySet<string>,
): Promise<ComputedWhatIf[]> {
  const { service } = asked.served;
  const listed = service.onDemand.filter(
    ({ view, role }) => shown.has(view) && service.features.some((one) => one.role === role),
  );
  if (listed.length === 0) return [];
  const simulation = new ComputedSimulation(day, asked.served, asked.kept);
  const same = await simulation.run({ tables: new Map(), functions: new Map() });
  const settings = await settingsOf(day, simulation, asked, same);
  const checkout = asked.checkout === null ? null : await checkoutOf(day, simulation, asked, asked.checkout);
  return listed.map((computed) => {
    const { role, view } = computed;
    const used = storedBelow(service, computed);
    const own = same.get(role)!;
    const why = used.flatMap((id) => asked.unknown.get(id) ?? []);
    const left = own.logged === 0 ? 'not known: no vector of the day can be computed again' : null;
    const unknown = why[0] ?? left;
    return {
      role,
      view,
      unknown,
      unread: own.left,
      measured: measuredRates(asked, role),
      simulated: unknown === null ? ratesOf(own) : null,
      settings: unknown === null ? settings.flatMap((one) => one(role, used)) : [],
      checkout: unknown === null ? (checkout?.(role) ?? null) : null,
    };
  });
}

type OfRole = (role: string, used: readonly string[]) => ComputedSetting[];

/** Each setting of each view that on-demand views use, for those that do. */
async function settingsOf(
  day: MonitoredDay,
  simulation: ComputedSimulation,
  { kept, served }: AskedService,
  same: ReadonlyMap<string, ComputedCounts>,
): Promise<OfRole[]> {
  const found: OfRole[] = [];
  const ids = new Set(served.service.onDemand.flatMap((computed) => storedBelow(served.service, computed)));
  for (const id of ids) {
    const view = kept.get(id);
    if (view === undefined) continue;
    for (const [i, { kind, us, table }] of view.settings.entries()) {
      day.project.logger.progress(`what if: ${id}, computed on demand`, i, view.settings.length);
      const counts =
        table === view.same
          ? same
          : await simulation.run({ tables: new Map([[id, table]]), functions: new Map() });
      const isNow = isInForce({ kind, us }, view.now);
      const name = settingName({ kind, us, isNow }, view.now);
      found.push((role, used) => {
        if (!used.includes(id)) return [];
        const rates = ratesOf(counts.get(role)!);
        const sentence = `${id}: ${name}: exact ${changed(ratesOf(same.get(role)!), rates)}`;
        return [{ view: id, kind, us, isNow, name, ...rates, sentence }];
      });
    }
  }
  return found;
}

/** @returns by role what the functions of the checkout would have given */
async function checkoutOf(
  day: MonitoredDay,
  simulation: ComputedSimulation,
  { served }: AskedService,
  checkout: ReadonlyMap<string, OnDemandView>,
): Promise<(role: string) => ComputedWhatIf['checkout']> {
  const { onDemand } = served.service;
  const { current } = day.book;
  const others = onDemand.filter(({ view }) => {
    const now = checkout.get(view);
    return now === undefined || now.definitionId !== current.onDemand.get(view)!.definitionId;
  });
  const unknown = new Map(
    others.map(({ role, view }) => [
      role,
      whyNotThere(served, current.onDemand.get(view)!, checkout.get(view)),
    ]),
  );
  const functions = new Map(
    others.flatMap(({ role, view }) => (unknown.get(role) === null ? [[view, checkout.get(view)!]] : [])),
  );
  const counts = functions.size === 0 ? null : await simulation.run({ tables: new Map(), functions });
  const isTouched = (role: string): boolean => {
    const own = onDemand.find((one) => one.role === role);
    return own !== undefined && (unknown.has(role) || own.uses.some(isTouched));
  };
  return (role) => {
    if (!isTouched(role)) return null;
    const why = unknown.get(role) ?? null;
    if (why !== null) return { unknown: why };
    return counts === null ? null : { unknown: null, ...ratesOf(counts.get(role)!) };
  };
}

/** @returns why the function of the checkout cannot be run over what was logged; null: it can */
function whyNotThere(
  { service }: DayOfService,
  now: OnDemandView,
  then: OnDemandView | undefined,
): string | null {
  if (then === undefined) return 'the checkout has no such view';
  for (const { name, type, requestTime } of then.inputs) {
    const brought = service.inputs.find((one) => one.name === name);
    const isKey = service.requestKeys.some((key) => key.name === name);
    if (requestTime || isKey || (brought !== undefined && sameType(brought.type, type))) continue;
    return `it takes the input ${name}, which no request of the day brought so`;
  }
  const isAlike =
    then.uses.length === now.uses.length && then.uses.every(({ view }, i) => view === now.uses[i]!.view);
  if (!isAlike) return 'it uses other views than the one in force';
  const lost = now.features.find((one) =>
    then.features.every(({ name, type }) => name !== one.name || !sameType(type, one.type)),
  );
  return lost === undefined ? null : `it has no ${lost.name} of the type that was served`;
}

function sameType(a: ValueType, b: ValueType): boolean {
  return formatType(a) === formatType(b);
}

function measuredRates({ served, snapshot }: AskedService, role: string): ComputedRates {
  const names = new Set(
    served.service.features.filter((one) => one.role === role).map(({ fullName }) => fullName),
  );
  const sum = { present: 0, exact: 0, withinPromise: 0 };
  for (const { name, present, exact, withinPromise } of snapshot.features) {
    if (!names.has(name)) continue;
    sum.present += present;
    sum.exact += exact;
    sum.withinPromise += withinPromise;
  }
  return sharesOf(sum);
}

function sharesOf(counts: Pick<ComputedCounts, 'present' | 'exact' | 'withinPromise'>): ComputedRates {
  const { present, exact, withinPromise } = counts;
  const share = (n: number): number | null => (present === 0 ? null : n / present);
  return {
    present,
    exact,
    withinPromise,
    exactMatch: share(exact),
    exactMatchWithinPromise: share(exact + withinPromise),
  };
}

function ratesOf(counts: ComputedCounts): CaseRates {
  const { logged, changed: other } = counts;
  return { ...sharesOf(counts), otherValues: logged === 0 ? null : other / logged };
}

function changed(before: ComputedRates, after: ComputedRates): string {
  const [was, is] = [before, after].map(({ exactMatch }) => percentText(exactMatch));
  return was === is ? `stays ${is}` : `${was} -> ${is}`;
}
