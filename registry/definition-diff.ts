/**
 * The differences between two definitions of one name, option by option, each with its old and its new value. Pure.
 *
 * Called by changes.ts; the guard (guard.ts) judges the details, and `plumb plan` prints them (change-text.ts).
 */
import { canonicalJson } from '../contract/std/canonical-json.ts';
import type { Json } from '../contract/std/canonical-json.ts';
import {
  AGGREGATION_MEANING,
  entriesOf,
  FEATURE_MEANING,
  INPUT_MEANING,
  inputsText,
  ON_DEMAND_MEANING,
  shown,
  SOURCE_MEANING,
  STREAM_MEANING,
  VIEW_MEANING,
} from '../contract/definitions/definition-meaning.ts';
import type { Meaning, OptionMeaning } from '../contract/definitions/definition-meaning.ts';
import type {
  Entity,
  Feature,
  FeatureService,
  FeatureView,
  JoinKey,
  OnDemandView,
  RequestInput,
  Source,
} from '../contract/model.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { formatType } from '../contract/value-type.ts';
import { watermarkLimitUs } from '../contract/windows.ts';
import { TABLE_NAMES } from '../contract/model.ts';

export interface Detail {
  /**
   * The option as people write it: `ttl`, `source.path`, for a feature `count_7d.window`; for a new or removed feature
   * its name.
   */
  readonly option: string;
  /** additive: a new feature, or another order of a view's features (readers find features by name). */
  readonly meaning: Meaning | 'additive';
  /** The values of the option; null: the option is not given, or the feature does not exist. */
  readonly before: Json;
  readonly after: Json;
  /** The feature whose option it is; null: it belongs to no single feature. */
  readonly feature: string | null;
  /** Shown instead of the values when these would tell people little. */
  readonly sentence?: string;
}

export function viewDetails(before: FeatureView, after: FeatureView): Detail[] {
  return [
    ...optionDetails(VIEW_MEANING, before, after).map((detail) => {
      if (detail.option === 'freshness') return freshnessDetail(detail, before, after);
      return detail.option === 'kind' ? kindDetail(detail) : detail;
    }),
    ...optionDetails(SOURCE_MEANING, before.source, after.source),
    ...formDetails(before.source, after.source),
    ...featuresDetails(before.features, after.features),
  ];
}

/** Of an aggregated view it decides which values are withheld, so that a looser one is a change of logic, too. */
function freshnessDetail(detail: Detail, before: FeatureView, after: FeatureView): Detail {
  const moved = `freshness: ${String(detail.before)} -> ${String(detail.after)}`;
  if (after.kind !== 'aggregated')
    return { ...detail, sentence: `${moved}: a promise alone, since the TTL decides what is withheld` };
  if (detail.meaning === 'metadata') return detail;
  const [was, is] = [before, after].map((view) => formatDuration(watermarkLimitUs(view)));
  const served =
    after.freshnessUs > before.freshnessUs
      ? `values are served until the view is ${is} behind, and were withheld past ${was}`
      : `values are withheld once the view is more than ${is} behind, and were past ${was}`;
  return { ...detail, sentence: `${moved}: ${served}` };
}

/** Between stored and snapshot lies one option of the source. */
function kindDetail(detail: Detail): Detail {
  const { before, after } = detail;
  if (before === 'aggregated' || after === 'aggregated') return detail;
  const absent = (kind: Json): Json => (kind === 'snapshot' ? 'delete' : 'keep');
  return { ...detail, option: 'source.absent', before: absent(before), after: absent(after) };
}

/** A source that becomes a stream or a table, or is none any more, has other rows. */
function formDetails(before: Source, after: Source): Detail[] {
  if (before.stream !== undefined && after.stream !== undefined)
    return optionDetails(STREAM_MEANING, before.stream, after.stream);
  const [was, is] = [formOf(before), formOf(after)];
  return was === is ? [] : [{ option: 'source', meaning: 'row', feature: null, before: was, after: is }];
}

function formOf({ stream, table }: Source): string {
  if (stream !== undefined) return 'a stream';
  return table === undefined ? 'files' : TABLE_NAMES[table];
}

/** Another text of the same code, as after comments were written, is no difference. */
export function onDemandDetails(before: OnDemandView, after: OnDemandView): Detail[] {
  return [
    ...optionDetails(ON_DEMAND_MEANING, before, after).map((detail) =>
      detail.option === 'code' ? codeDetail(detail, before, after) : detail,
    ),
    ...after.inputs.flatMap((input) => inputDetails(before, input)),
    ...featuresDetails(before.features, after.features),
  ];
}

/** Options of an input that was there before. */
function inputDetails({ inputs }: OnDemandView, after: RequestInput): Detail[] {
  const before = inputs.find(({ name }) => name === after.name);
  if (before === undefined) return [];
  return optionDetails(INPUT_MEANING, before, after).map((detail) => ({
    ...detail,
    option: `inputs.${after.name}.${detail.option}`,
  }));
}

const SHOWN_HASH = 12;
const MOST_FILES = 4;

function codeDetail(detail: Detail, before: OnDemandView, after: OnDemandView): Detail {
  const text = ({ code }: OnDemandView): string => `${code.file} ${code.hash.slice(0, SHOWN_HASH)}`;
  return { ...detail, sentence: `code: ${text(before)} -> ${text(after)}${changedFiles(before, after)}` };
}

/** @returns ` (changed: lib/price.ts)`, where files of the project tell the change better than the module's name */
function changedFiles({ code: before }: OnDemandView, { code: after }: OnDemandView): string {
  if (before.files === null || after.files === null || before.file !== after.file) return '';
  const paths = new Set([...Object.keys(before.files), ...Object.keys(after.files)]);
  const changed = [...paths].filter((path) => before.files![path] !== after.files![path]);
  if (changed.length === 1 && changed[0] === after.file) return '';
  const named = changed.slice(0, MOST_FILES);
  const more = changed.length - named.length;
  if (changed.length === 0) return ' (changed: what it imports of packages)';
  return ` (changed: ${named.join(', ')}${more === 0 ? '' : ` and ${more} more`})`;
}

function featuresDetails(before: readonly Feature[], after: readonly Feature[]): Detail[] {
  const details: Detail[] = [];
  const names = (features: readonly Feature[]): string[] => features.map(({ name }) => name);
  const old = names(before);
  const added = after.filter(({ name }) => !old.includes(name));
  for (const feature of before) {
    const now = after.find(({ name }) => name === feature.name);
    if (now === undefined) details.push(removal(feature, added));
    else details.push(...featureDetails(feature, now));
  }
  for (const feature of added) details.push(presence(feature, 'additive', null, formatType(feature.type)));
  const now = names(after);
  const staying = old.filter((name) => now.includes(name));
  if (now.filter((name) => old.includes(name)).some((name, i) => name !== staying[i])) {
    const sentence = 'the order of its features changes';
    details.push({
      option: 'features',
      meaning: 'additive',
      before: old,
      after: now,
      feature: null,
      sentence,
    });
  }
  return details;
}

/** A name is what rows and models know a feature by: another name is another feature, and people are told of it. */
function removal(feature: Feature, added: readonly Feature[]): Detail {
  const detail = presence(feature, 'schema', formatType(feature.type), null);
  const renamed = added.find((other) => isSameButName(feature, other));
  return renamed === undefined
    ? detail
    : { ...detail, sentence: `${detail.sentence}; ${renamed.name} is the same under another name` };
}

function isSameButName(before: Feature, after: Feature): boolean {
  // A stored feature reads the column of its name unless it names one.
  const read = ({ name, column, aggregation }: Feature): string | null =>
    aggregation === null ? (column ?? name) : column;
  const details = featureDetails(
    { ...before, column: read(before) },
    { ...after, name: before.name, column: read(after) },
  );
  return details.every(({ meaning }) => meaning === 'metadata');
}

/** @returns whether a view is one that goes under another name, so that its rows would be the same */
export function isSameView(before: FeatureView, after: FeatureView): boolean {
  return viewDetails(before, after).every(({ meaning }) => meaning === 'metadata' || meaning === 'location');
}

/** The single detail for a feature that is new or removed. */
function presence({ name }: Feature, meaning: Detail['meaning'], before: Json, after: Json): Detail {
  const sentence = after === null ? `${name} is removed` : `${name} is new: ${String(after)}`;
  return { option: name, meaning, before, after, feature: name, sentence };
}

function featureDetails(before: Feature, after: Feature): Detail[] {
  const own = optionDetails(FEATURE_MEANING, before, after);
  const [a, b] = [before.aggregation, after.aggregation];
  // If only one side has an aggregation, the view's kind changes, which is reported for the whole view.
  if (a !== null && b !== null) own.push(...optionDetails(AGGREGATION_MEANING, a, b));
  return own.map((detail) => ({
    ...detail,
    option: `${before.name}.${detail.option}`,
    feature: before.name,
  }));
}

export function entityDetails(before: Entity, after: Entity): Detail[] {
  const keys = joinKeyDetail('joinKeys', before.joinKeys, after.joinKeys);
  const rest = (['description', 'owner', 'tags', 'log'] as const).map(
    (option): [string, OptionMeaning<Entity>] => [option, { option, meaning: 'metadata' }],
  );
  return [...keys, ...optionDetails(Object.fromEntries(rest), before, after)];
}

const SERVICE_METADATA = ['consumers', 'description', 'owner', 'tags', 'deprecated'] as const;

/**
 * @param entityKeysChange  whether an entity of its views has other join keys: the keys by which the service looks up
 *                          its views then change too, which is not reported as a detail of the service
 */
export function serviceDetails(
  before: FeatureService,
  after: FeatureService,
  entityKeysChange: boolean,
): Detail[] {
  const metadata = SERVICE_METADATA.map((option): [string, OptionMeaning<FeatureService>] => [
    option,
    { option, meaning: 'metadata' },
  ]);
  return [
    ...servedDetails(before, after, entityKeysChange),
    ...joinKeyDetail('keys', sortedByName(before.requestKeys), sortedByName(after.requestKeys)),
    ...inputsDetail(before, after),
    ...optionDetails({ tensor: { option: 'tensor', meaning: 'schema' } }, before, after),
    ...optionDetails(Object.fromEntries(metadata), before, after),
  ];
}

/**
 * Compares the lists of features: which features, in what order, from which views, by which keys. Gives at most one
 * detail, which names all the changes and has the gravest of their meanings.
 */
function servedDetails(before: FeatureService, after: FeatureService, entityKeysChange: boolean): Detail[] {
  const names = ({ features }: FeatureService): string[] => features.map(({ fullName }) => fullName);
  const [old, now] = [names(before), names(after)];
  const removed = old.filter((name) => !now.includes(name));
  const added = now.filter((name) => !old.includes(name));
  const said: { meaning: Detail['meaning']; sentence: string }[] = [];
  const say = (meaning: Detail['meaning'], sentence: string): void => void said.push({ meaning, sentence });
  if (removed.length > 0) say('schema', `no longer serves ${removed.join(', ')}`);
  else if (old.some((name, i) => now[i] !== name)) say('schema', 'the order of its features changes');
  for (const { role, view, requestKeys } of before.views) {
    const next = after.views.find((one) => one.role === role);
    // A view that only on-demand views use is compared with these.
    if (next === undefined || !before.features.some((one) => one.role === role)) continue;
    const [from, to] = [requestKeys.join(', '), next.requestKeys.join(', ')];
    if (from !== to && !entityKeysChange) say('schema', `${role} is taken by ${from} -> ${to}`);
    if (next.view !== view) say('row', `${role} is view ${view} -> ${next.view}`);
  }
  if (added.length > 0) say('additive', `also serves ${added.join(', ')}`);
  if (said.length === 0) return [];
  const meaning = (['schema', 'row'] as const).find((one) => said.some((part) => part.meaning === one));
  const sentence = said.map((part) => part.sentence).join('; ');
  return [
    { option: 'features', meaning: meaning ?? 'additive', before: old, after: now, feature: null, sentence },
  ];
}

/** Inputs that requests must bring, or may no longer; one that may be left out is an addition. */
function inputsDetail(before: FeatureService, after: FeatureService): Detail[] {
  const [old, now] = [before, after].map(({ inputs }) => inputsText(inputs).toSorted()) as [
    string[],
    string[],
  ];
  if (old.join() === now.join()) return [];
  const added = after.inputs.filter((input) => !old.includes(inputsText([input])[0]!));
  const isAddition =
    old.every((text) => now.includes(text)) && added.every((one) => one.optional || one.requestTime);
  const meaning = isAddition ? 'additive' : 'schema';
  return [{ option: 'inputs', meaning, before: old, after: now, feature: null }];
}

function sortedByName(keys: readonly JoinKey[]): JoinKey[] {
  return keys.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function joinKeyDetail(option: string, before: readonly JoinKey[], after: readonly JoinKey[]): Detail[] {
  const text = (keys: readonly JoinKey[]): string =>
    keys.map(({ name, type }) => `${name} ${type}`).join(', ');
  if (text(before) === text(after)) return [];
  return [{ option, meaning: 'schema', before: text(before), after: text(after), feature: null }];
}

/** Gives one detail for each option of the table whose value differs. */
function optionDetails<Of extends object>(
  table: { readonly [field: string]: OptionMeaning<Of> },
  before: Of,
  after: Of,
): Detail[] {
  const details: Detail[] = [];
  for (const [field, entry] of entriesOf(table)) {
    const [old, now] = [shown(entry, field, before), shown(entry, field, after)];
    if (old === now || canonicalJson(old) === canonicalJson(now)) continue;
    const meaning = typeof entry.meaning === 'string' ? entry.meaning : entry.meaning(before, after);
    details.push({ option: entry.option, meaning, before: old, after: now, feature: null });
  }
  return details;
}
