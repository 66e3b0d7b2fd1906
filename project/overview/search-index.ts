/**
 * Finds definitions by what people call them: names in parts, descriptions, tags, owners, teams, entities, and of a
 * feature what it aggregates over how long a time, in words. Ranked, by beginnings of words too, and forgiving of
 * typing errors.
 */
import MiniSearch from 'minisearch';
import { aggregationText } from './aggregation-text.ts';
import { DAY_US } from '../../contract/std/timestamp.ts';
import { formatDuration } from '../../contract/std/duration.ts';
import { formatType } from '../../contract/value-type.ts';
import type {
  Aggregation,
  Bundle,
  Deprecation,
  Feature,
  FeatureView,
  OnDemandView,
} from '../../contract/model.ts';

type FoundKind = 'entity' | 'source' | 'view' | 'feature' | 'service' | 'model';

/** One thing that can be found, and what is shown of it. */
interface Found {
  readonly kind: FoundKind;
  /** As commands take it; of a feature `view:feature`. */
  readonly name: string;
  readonly description: string | null;
  readonly owner: string | null;
  /** Of a feature its type and what it aggregates; of a view how it comes about. */
  readonly note: string | null;
  /** That it will go, of a feature also with its view; null: it stays. */
  readonly deprecated: Deprecation | null;
}

interface Entry extends Found {
  readonly id: number;
  /** The name, and its last part as one word. */
  readonly words: string;
  readonly meaning: string;
  readonly tags: string;
  /** Owner, team and entity. */
  readonly around: string;
}

/** How much more a word in the name counts than one elsewhere. */
const BOOST = { words: 4, meaning: 2, description: 2, tags: 2, around: 1 } as const;
/** People look for what they can ask for, and seldom for where it lies. */
const WEIGHT: Readonly<Record<FoundKind, number>> = {
  feature: 1,
  view: 1,
  service: 1,
  entity: 1,
  model: 1,
  source: 0.5,
};
/** Of the length of a word, how many letters may be wrong. */
const FUZZY = 0.2;
/** Words that say nothing about a feature. */
const STOP = new Set([
  'a',
  'an',
  'and',
  'by',
  'for',
  'how',
  'in',
  'is',
  'it',
  'many',
  'of',
  'on',
  'the',
  'to',
  'with',
]);

export class SearchIndex {
  readonly #index: MiniSearch<Entry>;
  readonly #entries: readonly Entry[];
  /** Of each entry its name as one word. */
  readonly #called: readonly string[];
  /** Every word that stands in some entry. */
  readonly #known = new Set<string>();

  constructor(bundle: Bundle) {
    this.#entries = entriesOf(bundle).map((entry, id) => ({ ...entry, id }));
    this.#called = this.#entries.map(({ name }) => asOneWord(name));
    this.#index = new MiniSearch<Entry>({
      fields: Object.keys(BOOST),
      tokenize: wordsOf,
      processTerm: (word) => {
        if (STOP.has(word)) return null;
        this.#known.add(stemOf(word));
        return stemOf(word);
      },
      searchOptions: {
        boost: { ...BOOST },
        processTerm: (word) => (STOP.has(word) ? null : stemOf(word)),
        // A word that stands somewhere is meant; another one may be a part of one, or mistyped.
        fuzzy: (word) => (this.#known.has(word) ? false : FUZZY),
        prefix: (word) => !this.#known.has(word) && word.length > 2,
      },
    });
    this.#index.addAll(this.#entries);
  }

  /** @returns what fits, the best first: what is called so, then what has more of the words before what has fewer */
  find(text: string, most: number): Found[] {
    const called = wordsOf(text).join('');
    const ranked = this.#index.search(text).map(({ id, score, queryTerms }) => {
      const { kind } = this.#entries[id as number]!;
      const words = this.#called[id as number] === called ? Infinity : distinct(queryTerms);
      return { id: id as number, score: score * WEIGHT[kind], words };
    });
    return ranked
      .toSorted((a, b) => (a.words === b.words ? 0 : b.words - a.words) || b.score - a.score || a.id - b.id)
      .slice(0, most)
      .map(({ id }) => {
        const { kind, name, description, owner, note, deprecated } = this.#entries[id]!;
        return { kind, name, description, owner, note, deprecated };
      });
  }
}

/** `purchaseCount_7d` is purchase, count and 7d. */
function wordsOf(text: string): string[] {
  const parts = text.replaceAll(/(\p{Ll})(\p{Lu})/gu, '$1 $2').toLowerCase();
  return parts.split(/[^\p{L}\p{N}]+/u).filter((part) => part !== '');
}

/** How many there are, each once: of few words, and thousands of lists of them. */
function distinct(words: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < words.length; i++) if (words.indexOf(words[i]!) === i) count += 1;
  return count;
}

/** `driverStats:conv_rate` is convrate. */
function asOneWord(name: string): string {
  return wordsOf(name.slice(name.indexOf(':') + 1)).join('');
}

/** Enough that a plural finds its singular. */
function stemOf(word: string): string {
  return word.length > 3 && /[^s]s$/.test(word) ? word.slice(0, -1) : word;
}

function entriesOf(bundle: Bundle): Omit<Entry, 'id'>[] {
  const entries: Omit<Entry, 'id'>[] = [];
  const seen = new Set<string>();
  const add = (kind: FoundKind, name: string, more: Partial<Omit<Entry, 'id' | 'kind' | 'name'>>): void => {
    if (seen.has(`${kind} ${name}`)) return;
    seen.add(`${kind} ${name}`);
    const none = {
      description: null,
      owner: null,
      note: null,
      deprecated: null,
      meaning: '',
      tags: '',
      around: '',
    };
    entries.push({ ...none, ...more, kind, name, words: `${name} ${asOneWord(name)}` });
  };
  const joined = (...parts: (string | null)[]): string => parts.filter((part) => part !== null).join(' ');
  for (const { name, owner, description, tags } of bundle.entities.values())
    add('entity', name, { owner, description, tags: tags.join(' '), around: owner ?? '' });
  for (const view of bundle.views.values()) {
    const { id, owner, team, description, entity, source, deprecated } = view;
    const around = joined(owner, team, entity);
    add('source', source.name, { note: source.stream?.topic ?? source.path });
    add('view', id, { owner, description, around, tags: view.tags.join(' '), note: view.kind, deprecated });
    for (const feature of view.features)
      add('feature', `${id}:${feature.name}`, featureEntry(feature, view, around));
  }
  for (const view of bundle.onDemand.values()) {
    const { id, owner, team, description, tags, features, deprecated } = view;
    const around = joined(owner, team);
    add('view', id, { owner, description, around, tags: tags.join(' '), note: 'on demand', deprecated });
    for (const feature of features)
      add('feature', `${id}:${feature.name}`, featureEntry(feature, view, around));
  }
  for (const { name, owner, description, tags, consumers, deprecated = null } of bundle.services.values()) {
    add('service', name, { owner, description, tags: tags.join(' '), around: owner ?? '', deprecated });
    for (const { model, owner: by } of consumers) add('model', model, { owner: by, around: by });
  }
  return entries;
}

function featureEntry(feature: Feature, view: FeatureView | OnDemandView, around: string): Partial<Entry> {
  const { description, tags, aggregation, type } = feature;
  const note =
    aggregation === null ? formatType(type) : `${formatType(type)}, ${aggregationText(aggregation)}`;
  const meaning = aggregation === null ? '' : aggregationWords(aggregation);
  const deprecated = feature.deprecated ?? view.deprecated;
  return { description, owner: view.owner, around, tags: tags.join(' '), note, meaning, deprecated };
}

const WORDS: Readonly<Record<string, string>> = {
  count: 'number count',
  countDistinct: 'number distinct different unique count',
  approxCountDistinct: 'number distinct different unique count',
  sum: 'sum total',
  avg: 'average mean avg',
  min: 'minimum least lowest smallest',
  max: 'maximum most highest largest',
  first: 'first earliest',
  last: 'last latest newest recent',
  lastN: 'last latest newest recent',
  stddev: 'deviation spread stddev',
  mostFrequent: 'favorite frequent mode',
};

/** The function and its window in the words with which people ask for it. */
function aggregationWords({ function: name, column, windowUs, sessionUs = null }: Aggregation): string {
  const said = [WORDS[name] ?? name, column ?? ''];
  if (sessionUs !== null) said.push('session visit');
  else if (windowUs === null) said.push('lifetime ever all');
  else said.push('last past', formatDuration(windowUs), windowWords(windowUs));
  return said.join(' ');
}

function windowWords(windowUs: number): string {
  const days = windowUs / DAY_US;
  const names = {
    1: 'day today',
    7: 'week',
    14: 'fortnight two weeks',
    28: 'month',
    30: 'month',
    90: 'quarter',
    365: 'year',
  };
  const name = (names as Readonly<Record<number, string>>)[days];
  if (name !== undefined) return `${name} ${days} days`;
  if (Number.isInteger(days)) return `${days} days`;
  const hours = windowUs / 3_600_000_000;
  return hours === 1
    ? 'hour 60 minutes'
    : Number.isInteger(hours)
      ? `${hours} hours`
      : `${windowUs / 60_000_000} minutes`;
}
