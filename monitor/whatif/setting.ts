/** What of a view's settings a simulation may change: one of them at a time. */
export type SettingKind = 'cache' | 'interval' | 'delay' | 'ttl';

export interface Setting {
  readonly kind: SettingKind;
  readonly us: number;
}

/** The settings in force. */
export interface SettingsNow {
  /** 0: no row is kept. */
  readonly cacheUs: number;
  /** null: the view has no schedule. */
  readonly intervalUs: number | null;
  readonly delayUs: number;
  readonly ttlUs: number | null;
}

export function isInForce({ kind, us }: Setting, now: SettingsNow): boolean {
  const own = { cache: now.cacheUs, interval: now.intervalUs, delay: now.delayUs, ttl: now.ttlUs };
  return own[kind] === us;
}

/** What a role of a service would have matched, and how old its data would have been. */
export interface SettingRates {
  /** Values on at least one side; of them those that match exactly, and that do not but are within the promise. */
  readonly present: number;
  readonly exact: number;
  readonly withinPromise: number;
  /** null: there is no value present. */
  readonly exactMatch: number | null;
  readonly exactMatchWithinPromise: number | null;
  /** Served time less the online watermark at the fetch. null: no vector has one. */
  readonly ageP50Us: number | null;
  readonly ageP99Us: number | null;
}

export interface SimulatedSetting extends Setting, SettingRates {
  /** Whether it is the setting in force: of the interval with runs that keep to it and do not fail. */
  readonly isNow: boolean;
  /** What changed, in one sentence. */
  readonly sentence: string;
}

export interface RoleCounts extends Pick<
  SettingRates,
  'present' | 'exact' | 'withinPromise' | 'ageP50Us' | 'ageP99Us'
> {}

export function ratesOf(counts: RoleCounts): SettingRates {
  const { present, exact, withinPromise } = counts;
  const share = (n: number): number | null => (present === 0 ? null : n / present);
  return { ...counts, exactMatch: share(exact), exactMatchWithinPromise: share(exact + withinPromise) };
}
