/** `plumb get`: one vector, by the plans, readers and functions of the sidecar, but without HTTP, cache and log. */
import { loadCurrentBundle } from '../contract/definitions/bundle-folder.ts';
import { deprecationText } from '../project/overview/deprecation-text.ts';
import type { Project } from '../project/project.ts';
import { MISSING, NULL, PRESENT, STATUSES } from '../contract/status.ts';
import type { Status } from '../contract/status.ts';
import type { Json } from '../contract/std/canonical-json.ts';
import { CodedError } from '../contract/std/coded-error.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { visibleText } from '../contract/std/visible-text.ts';
import { valueToJson } from '../contract/wire/online/json-value.ts';
import { inputOfText } from '../contract/wire/request/input-text.ts';
import { assembleRows } from './assembly.ts';
import type { CachedRow } from './cache/cached-row.ts';
import { computeAll } from './on-demand/compute-all.ts';
import { ComputedValues } from './on-demand/computed-values.ts';
import { FunctionSlots } from './on-demand/function-slots.ts';
import { allFeatureRuns, NO_VIEW } from './plan/feature-runs.ts';
import { contextFields, readInputs } from './request/inputs.ts';
import type { InputColumn } from './request/inputs.ts';
import { readKeys } from './request/entities.ts';
import { sidecarError } from './errors.ts';
import type { Deprecated } from './plan/deprecations.ts';
import { BundlePlans, ViewSlots } from './plan/bundle-plans.ts';
import type { Plan } from './plan/plan.ts';
import type { RowLoader, WantedRow } from './cache/row-loader.ts';
import { openReader } from './store/open-reader.ts';
import { fallbackText } from './surface/native/native-plan.ts';
import { nativeText } from './surface/value-text.ts';
import { statusOf } from './cache/row-status.ts';

interface FetchedFeature {
  readonly name: string;
  /** As the native surface prints it; a fallback where the status is not PRESENT or NULL. */
  readonly valueText: string;
  /** As in `log cat`: int64, NaN and the like as text. */
  readonly value: Json;
  readonly status: Status;
  /** RFC 3339; null where there is no row. */
  readonly eventTime: string | null;
  /** Since the event time; null where there is no row. */
  readonly ageUs: number | null;
}

interface FetchedVector {
  readonly service: string;
  readonly serviceVersion: number;
  readonly bundle: string;
  readonly entities: Readonly<Record<string, string>>;
  readonly features: readonly FetchedFeature[];
  /** What of it will go; empty: all stays. */
  readonly deprecated: readonly Deprecated[];
}

const FUNCTION_LIMIT_MS = 5_000;
/** How long the store may take: a person can wait longer than a request. */
const STORE_LIMIT_MS = 5_000;
const NO_CACHE = { cacheEntries: 0, cacheBytes: 0, cacheFreshMs: 0, staleLimitMs: 0 };
/** The connection's own limits come later, so that what ends a wait is the sentence of this command. */
const STORE_LIMITS = { connectMs: STORE_LIMIT_MS + 1_000, silentMs: STORE_LIMIT_MS + 1_000 };

/**
 * @throws REG_NOT_APPLIED, SRV_UNKNOWN_SERVICE, SRV_UNKNOWN_KEY, SRV_KEY_MISSING, SRV_KEY_TYPE, SRV_STORE, and those of
 *         inputs
 */
export async function getVector(project: Project, options: GetOptions): Promise<FetchedVector> {
  const { settings, logger } = project;
  const { keyPrefix } = settings.online;
  const functions = new FunctionSlots((line) => logger.warn(line));
  try {
    const slots = new ViewSlots(functions);
    const plans = new BundlePlans(loadCurrentBundle(settings.bundles), keyPrefix, slots);
    plans.begin();
    return await fetchVector(project, plans.service(options.service), options);
  } finally {
    await functions.close();
  }
}

interface GetOptions {
  readonly service: string;
  /** One text for each join key of the service. */
  readonly keys: Readonly<Record<string, string>>;
  /** A text for each input: JSON, or the text itself of a string or timestamp. */
  readonly context?: Readonly<Record<string, string>>;
}

async function fetchVector(project: Project, plan: Plan, options: GetOptions): Promise<FetchedVector> {
  const { settings, clock, logger } = project;
  const parts = readParts(plan, options.keys);
  const inputs = readContext(plan, options.context ?? {});
  const reader = await openReader(settings.online, clock, logger, STORE_LIMITS);
  const endMs = performance.now() + STORE_LIMIT_MS;
  try {
    await reader.start(STORE_LIMIT_MS);
    const nowUs = clock.nowUs();
    const failures: Error[] = [];
    const { loader } = assembleRows(reader, NO_CACHE, {
      onStoreFailure: (error) => failures.push(error),
      onUnreadableRow: (view, key, reason) =>
        logger.warn(`the row of ${view} at ${key} cannot be read: ${reason}`),
    });
    const wanted = wantedRows(plan, parts);
    const rows = await loadRows(loader, wanted, nowUs, Math.max(0, endMs - performance.now()));
    if (rows === null) failures.unshift(new Error(`it gave no answer within ${STORE_LIMIT_MS / 1_000} s`));
    if (failures.length > 0) {
      const [failure] = failures as [Error];
      const message =
        failure instanceof CodedError ? failure.message : `cannot read the online store: ${failure.message}`;
      throw sidecarError('SRV_STORE', message, { field: 'online' }, failure);
    }
    const statuses = rows!.map((row) => statusOf(row, nowUs));
    const request = { plan, count: 1, parts: parts.map((part) => [part]), inputs };
    const computed = new ComputedValues(plan, 1);
    await computeAll({ request, nowUs, rows: rows!, statuses, computed }, FUNCTION_LIMIT_MS);
    return describeVector(plan, { entities: options.keys, rows: rows!, nowUs, computed });
  } finally {
    await reader.close();
  }
}

function readParts(plan: Plan, keys: Readonly<Record<string, string>>): string[] {
  const known = plan.keyNames.join(', ');
  for (const name of Object.keys(keys)) {
    if (plan.keyNames.includes(name)) continue;
    throw sidecarError('SRV_UNKNOWN_KEY', `${plan.service} has no join key ${name}; it has ${known}`, {
      field: name,
      help: `Run \`plumb show ${plan.service}\` for its join keys.`,
    });
  }
  for (const name of plan.keyNames) {
    if (Object.hasOwn(keys, name)) continue;
    throw sidecarError('SRV_KEY_MISSING', `${plan.service} needs the join key ${name}; it has ${known}`, {
      field: name,
    });
  }
  const columns = Object.fromEntries(plan.keyNames.map((name) => [name, [keys[name]]]));
  return readKeys(plan, columns, 1, false).parts.map((column) => column[0]!);
}

/** @throws SRV_UNKNOWN_CONTEXT, SRV_INPUT_MISSING, SRV_INPUT_TYPE */
function readContext(plan: Plan, context: Readonly<Record<string, string>>): InputColumn[] {
  const types = new Map(plan.inputs.map(({ name, type }) => [name, type]));
  const given = Object.entries(context).map(([name, text]) => {
    const type = types.get(name);
    return [name, [type === undefined ? text : inputOfText(type, text)]];
  });
  const fields = contextFields(plan, Object.fromEntries(given));
  return readInputs(plan, fields, 1, { field: 'context', takesBare: false, repeatsKeys: false });
}

function wantedRows(plan: Plan, parts: readonly string[]): WantedRow[] {
  return plan.roleViews.map((view, place) => {
    const group = plan.groups[plan.roleGroups[place]!]!;
    return { key: group.keyStart + group.keys.map((k) => parts[k]!).join('|'), view, place };
  });
}

/** @returns one for each wanted row, null where it cannot be read; or null: not all had come by the limit */
function loadRows(
  loader: RowLoader,
  wanted: readonly WantedRow[],
  nowUs: number,
  limitMs: number,
): Promise<(CachedRow | null)[] | null> {
  return new Promise((resolve) => {
    const rows: (CachedRow | null)[] = wanted.map(() => null);
    if (wanted.length === 0) return resolve(rows);
    let waitsFor = wanted.length;
    const timer = setTimeout(() => resolve(null), limitMs);
    const take = (place: number, row: CachedRow | null): void => {
      rows[place] = row;
      waitsFor -= 1;
      if (waitsFor > 0) return;
      clearTimeout(timer);
      resolve(rows);
    };
    loader.load(wanted, nowUs, { take });
  });
}

interface Fetched {
  readonly entities: Readonly<Record<string, string>>;
  readonly rows: readonly (CachedRow | null)[];
  readonly nowUs: number;
  readonly computed: ComputedValues;
}

function describeVector(plan: Plan, { entities, rows, nowUs, computed }: Fetched): FetchedVector {
  const values = rows.map((row) => (row === null ? [] : row.values));
  const runs = allFeatureRuns(plan).flatMap((run) => run.features.map(() => run));
  const features = plan.fullNames.map((name, i): FetchedFeature => {
    const { role, onDemand } = runs[i]!;
    const index = plan.featureIndexes[i]!;
    const row = onDemand === NO_VIEW ? rows[role]! : null;
    const runStatus = onDemand === NO_VIEW ? statusOf(row, nowUs) : computed.statuses[onDemand]!;
    const feature = plan.featureDefinitions[i]!;
    const known = onDemand === NO_VIEW ? values[role]! : computed.values;
    const value = runStatus === PRESENT ? known[index] : undefined;
    const status =
      runStatus !== PRESENT ? runStatus : value === undefined ? MISSING : value === null ? NULL : PRESENT;
    const hasRow = row !== null && row.raw !== null;
    return {
      name,
      valueText: value === undefined ? fallbackText(feature) : nativeText(feature.type, value),
      value: valueToJson(feature.type, value === undefined ? feature.missing : value),
      status: STATUSES[status]!,
      eventTime: hasRow ? formatTimestamp(row.eventUs) : null,
      ageUs: hasRow ? nowUs - row.eventUs : null,
    };
  });
  const { service, version: serviceVersion, bundle, deprecations } = plan;
  return { service, serviceVersion, bundle, entities, features, deprecated: deprecations?.list ?? [] };
}

/**
 * The vector as JSON: values and times as `log cat` has them, ages in whole milliseconds; `valueText` is what an answer
 * of the sidecar would hold.
 */
export function vectorToJson(vector: FetchedVector): object {
  const features = vector.features.map(({ ageUs, ...feature }) => {
    return { ...feature, ageMs: ageUs === null ? null : Math.floor(ageUs / 1_000) };
  });
  return { ...vector, features };
}

const HEADINGS = ['feature', 'value', 'status', 'event time', 'age'];
const MAX_CELL = 60;

/** @returns a table, one line a feature, without a newline at its end */
export function renderVector(vector: FetchedVector): string {
  const lines = vector.features.map((f) => [
    f.name,
    visibleText(f.valueText.length > MAX_CELL ? `${f.valueText.slice(0, MAX_CELL - 1)}…` : f.valueText),
    f.status,
    f.eventTime ?? '-',
    f.ageUs === null ? '-' : ageText(f.ageUs),
  ]);
  const table = [HEADINGS, ...lines];
  const widths = HEADINGS.map((_, c) => Math.max(...table.map((line) => line[c]!.length)));
  const keys = Object.entries(vector.entities).map(([key, value]) => `${key}=${visibleText(String(value))}`);
  const title = `${vector.service} (version ${vector.serviceVersion}) for ${keys.join(', ')}`;
  const going = vector.deprecated.map((one) => `${one.what} ${one.name} is ${deprecationText(one)}`);
  return [
    title,
    ...going,
    ...table.map((line) =>
      line
        .map((cell, c) => cell.padEnd(widths[c]!))
        .join('  ')
        .trimEnd(),
    ),
  ].join('\n');
}

/** In whole seconds: a reader of ages needs no microseconds. */
function ageText(us: number): string {
  const seconds = Math.trunc(us / 1_000_000);
  return seconds < 0 ? `-${formatDuration(-seconds * 1_000_000)}` : formatDuration(seconds * 1_000_000);
}
