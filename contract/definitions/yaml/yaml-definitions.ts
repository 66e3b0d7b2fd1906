/** Definitions in YAML, one document a definition, as the same drafts that the TypeScript builders make. */
import { LineCounter, isCollection, isNode, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import {
  CalledFeature,
  EntityDraft,
  FeatureDraft,
  idOf,
  InlineSourceDraft,
  ModuleDraft,
  OnDemandDraft,
  ServiceDraft,
  SourceDraft,
  ViewDraft,
  ViewSelection,
} from '../draft.ts';
import { givenText } from '../../std/given-text.ts';
import type { Draft, Options, Place } from '../draft.ts';
import { didYouMean } from '../../std/did-you-mean.ts';
import type { Mistakes } from '../mistake.ts';
import { readDocument } from './yaml-document.ts';
import type { YamlFault } from './yaml-document.ts';

const KINDS = ['entity', 'featureView', 'onDemandView', 'featureService', 'source'];

/** @returns the drafts of a file; what cannot be read is added to the mistakes */
export function parseYamlDefinitions(file: string, text: string, mistakes: Mistakes): Draft[] {
  const counter = new LineCounter();
  const drafts: Draft[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: counter })) {
    const read = readDocument(document as Document, counter, text);
    if ('fault' in read) {
      mistakes.addUnreadable(file, read.fault.line, faultText(read.fault, text));
      continue;
    }
    if (document.contents === null) continue;
    const place = yamlPlace(file, document as Document, counter);
    const draft = draftOf(read.value, place, mistakes);
    if (draft !== null) drafts.push(draft);
  }
  return drafts;
}

function faultText({ line, column, message }: YamlFault, text: string): string {
  const before = text.split('\n')[line - 1]!;
  if (/\$\{\w*\}/.test(before) && /[{[]/.test(before.slice(0, column)))
    return 'text with ${...} must stand in quotes within { } and [ ], e.g. parquet: "${data}/events.parquet"';
  return `cannot be read as YAML from column ${column} on: ${message}`;
}

function yamlPlace(file: string, document: Document, counter: LineCounter): Place {
  const lineOfNode = (node: unknown): number | null =>
    isNode(node) && node.range ? counter.linePos(node.range[0]).line : null;
  return {
    file,
    lineOf(path) {
      let line = lineOfNode(document.contents) ?? 1;
      for (let depth = 1; depth <= path.length; depth++) {
        const node = document.getIn(path.slice(0, depth), true);
        line = lineOfNode(node) ?? line;
        if (!isCollection(node)) break;
      }
      return line;
    },
  };
}

function draftOf(content: unknown, place: Place, mistakes: Mistakes): Draft | null {
  if (!isObject(content)) {
    mistakes.add(
      place,
      [],
      `expected a definition (entity:, source:, featureView:, onDemandView: or featureService:), got ${kindOf(content)}`,
    );
    return null;
  }
  const { entity, featureView, onDemandView, featureService, source, ...rest } = content;
  if (featureView !== undefined) {
    const options = {
      entity,
      source: inlineSource(source, idOf(String(featureView), rest['version']), place),
      ...rest,
      features: features(rest['features'], 'features', place),
    };
    return new ViewDraft(String(featureView), options, place);
  }
  if (onDemandView !== undefined)
    return new OnDemandDraft(String(onDemandView), onDemandOptions(rest, place, mistakes), place);
  if (featureService !== undefined) {
    const { features: list, ...options } = rest;
    const items = selections(list, 'features', place, mistakes);
    return new ServiceDraft(String(featureService), items, options, place);
  }
  if (entity !== undefined) return new EntityDraft(String(entity), rest, place);
  if (source !== undefined) return new SourceDraft(String(source), rest, place);
  const key = Object.keys(content)[0] ?? '';
  mistakes.add(
    place,
    [key],
    `expected a definition of one of ${KINDS.join(', ')}; got "${key}"${didYouMean(key, KINDS)}`,
  );
  return null;
}

function kindOf(content: unknown): string {
  return Array.isArray(content)
    ? 'a list; write one document a definition, with a line of --- between two'
    : 'a plain value';
}

/** A source without a name of its own: each version of a view may have one. */
function inlineSource(source: unknown, viewId: string, place: Place): unknown {
  if (!isObject(source)) return source;
  const inner: Place = { file: place.file, lineOf: (path) => place.lineOf(['source', ...path]) };
  return new InlineSourceDraft(`${viewId}:source`, source, inner);
}

function onDemandOptions(rest: Options, place: Place, mistakes: Mistakes): Options {
  const { inputs, uses, compute } = rest;
  const inner: Place = { file: place.file, lineOf: (path) => place.lineOf(['compute', ...path]) };
  return {
    ...rest,
    features: features(rest['features'], 'features', place),
    ...(inputs === undefined ? {} : { inputs: features(inputs, 'inputs', place) }),
    ...(uses === undefined ? {} : { uses: selections(uses, 'uses', place, mistakes) }),
    ...(typeof compute === 'string' ? { compute: new ModuleDraft(compute, inner) } : {}),
  };
}

/** A feature is the text of its type, or an object of options. Anything else is left for the check to name. */
function features(value: unknown, option: 'features' | 'inputs', place: Place): unknown {
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, feature]) => {
    const inner: Place = { file: place.file, lineOf: (path) => place.lineOf([option, name, ...path]) };
    const options = typeof feature === 'string' ? { type: feature } : feature;
    return [name, isObject(options) ? new FeatureDraft(options, inner) : options];
  });
  return Object.fromEntries(entries);
}

/** The views and features that a service lists, or that an on-demand view uses. */
function selections(
  list: unknown,
  option: 'features' | 'uses',
  place: Place,
  mistakes: Mistakes,
): ViewSelection[] {
  if (!Array.isArray(list)) {
    mistakes.add(place, [option], `${option} should be a list, e.g. [purchases, drivers:conv_rate]`);
    return [];
  }
  const items: ViewSelection[] = [];
  for (const [i, item] of list.entries()) {
    const selection = selectionOf(item) ?? (option === 'features' ? calledFeature(item) : null);
    if (selection !== null) items.push(selection);
    else {
      const forms = option === 'features' ? '{view, as, joinKeys} or {feature, as}' : '{view, as, features}';
      const message = `expected "view", "view:feature" or ${forms}, got ${givenText(item)}`;
      mistakes.add(place, [option, String(i)], message);
    }
  }
  return items;
}

function selectionOf(item: unknown): ViewSelection | null {
  if (typeof item === 'string') {
    const [view, feature, ...more] = item.split(':');
    if (view === undefined || view === '' || feature === '' || more.length > 0) return null;
    return new ViewSelection(view, feature === undefined ? null : [feature], null, null);
  }
  if (!isObject(item) || typeof item['view'] !== 'string') return null;
  const { view, as: role = null, joinKeys = null, features: picked = null, ...unknown } = item;
  if (Object.keys(unknown).length > 0 || (role !== null && typeof role !== 'string')) return null;
  if (joinKeys !== null && !isObject(joinKeys)) return null;
  if (picked !== null && !Array.isArray(picked)) return null;
  return new ViewSelection(view, picked as string[] | null, role, joinKeys as Record<string, string> | null);
}

/** `{ feature: trip:distance_km, as: distance_km }` */
function calledFeature(item: unknown): CalledFeature | null {
  if (!isObject(item)) return null;
  const { feature: reference, as: called, ...unknown } = item;
  if (Object.keys(unknown).length > 0 || typeof called !== 'string' || typeof reference !== 'string')
    return null;
  const [view, feature, ...more] = reference.split(':');
  if (!view || !feature || more.length > 0) return null;
  return new CalledFeature(view, feature, called);
}

function isObject(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
