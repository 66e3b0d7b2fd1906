/** Definitions in YAML, one document a definition, as the same drafts that the TypeScript builders make. */
import { LineCounter, isCollection, isNode, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';
import {
  EntityDraft,
  FeatureDraft,
  idOf,
  InlineSourceDraft,
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

const KINDS = ['entity', 'featureView', 'featureService', 'source'];

/** @returns the drafts of a file; what cannot be read is added to the mistakes */
export function parseYamlDefinitions(file: string, text: string, mistakes: Mistakes): Draft[] {
  const counter = new LineCounter();
  const drafts: Draft[] = [];
  for (const document of parseAllDocuments(text, { lineCounter: counter })) {
    const read = readDocument(document as Document, counter);
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
      `expected a definition (entity:, source:, featureView: or featureService:), got ${kindOf(content)}`,
    );
    return null;
  }
  const { entity, featureView, featureService, source, ...rest } = content;
  if (featureView !== undefined) {
    const options = {
      entity,
      source: inlineSource(source, idOf(String(featureView), rest['version']), place),
      ...rest,
      features: features(rest['features'], place),
    };
    return new ViewDraft(String(featureView), options, place);
  }
  if (featureService !== undefined) {
    const { features: list, ...options } = rest;
    return new ServiceDraft(String(featureService), serviceItems(list, place, mistakes), options, place);
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

/** A feature is the text of its type, or an object of options. Anything else is left for the check to name. */
function features(value: unknown, place: Place): unknown {
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, feature]) => {
    const inner: Place = { file: place.file, lineOf: (path) => place.lineOf(['features', name, ...path]) };
    const options = typeof feature === 'string' ? { type: feature } : feature;
    return [name, isObject(options) ? new FeatureDraft(options, inner) : options];
  });
  return Object.fromEntries(entries);
}

function serviceItems(list: unknown, place: Place, mistakes: Mistakes): ViewSelection[] {
  if (!Array.isArray(list)) {
    mistakes.add(place, ['features'], 'features should be a list, e.g. [purchases, drivers:conv_rate]');
    return [];
  }
  const items: ViewSelection[] = [];
  for (const [i, item] of list.entries()) {
    const selection = serviceItem(item);
    if (selection !== null) items.push(selection);
    else {
      const path = ['features', String(i)];
      mistakes.add(
        place,
        path,
        `expected "view", "view:feature" or {view, as, joinKeys}, got ${givenText(item)}`,
      );
    }
  }
  return items;
}

function serviceItem(item: unknown): ViewSelection | null {
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

function isObject(value: unknown): value is Options {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
