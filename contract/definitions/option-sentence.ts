/**
 * What is wrong with one option or setting, for the person who wrote it: what was expected and what came. The schema
 * library's own messages would name its internal types. Called for definitions and for settings.
 */
import { z } from 'zod';
import { givenText } from '../std/given-text.ts';
import { didYouMean } from '../std/did-you-mean.ts';

type Issue = z.core.$ZodIssue;

/** How messages of the library begin; all others are our own. */
const LIBRARY = /^(Invalid|Too small|Too big|Unrecognized)\b/;

/** @param given  what stands at the issue's path; undefined: nothing */
export function optionSentence(issue: Issue, given: unknown): string {
  // Of a default that conflicts with another option, or of one name in a list of names, nothing stands at the path.
  const isOfValue = issue.code === 'custom' || issue.code === 'invalid_format';
  if (given === undefined) return isOfValue ? issue.message : 'is missing';
  if (!LIBRARY.test(issue.message)) {
    const isOpen = issue.message.startsWith('expected') && !issue.message.includes(', got ');
    return isOpen ? `${issue.message}, got ${givenText(given)}` : issue.message;
  }
  return `expected ${expectedOf(issue)}, got ${givenText(given)}${suggestion(issue, given)}`;
}

/** @returns the value at a path within what was given */
export function valueAt(given: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null && Object.hasOwn(value, key)
        ? (value as Record<PropertyKey, unknown>)[key]
        : undefined,
    given,
  );
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'options, { name: value }',
  record: 'names with values, { name: value }',
};

function expectedOf(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? `a ${issue.expected}`;
    case 'invalid_value':
      return issue.values.length === 1
        ? String(issue.values[0])
        : `one of ${issue.values.map(String).join(', ')}`;
    case 'invalid_union': {
      const of = issue.errors.flatMap((errors) => errors.map(expectedOf));
      return [...new Set(of)].join(' or ');
    }
    case 'too_small':
      return boundText(issue.origin, issue.inclusive === false ? 'more than' : 'at least', issue.minimum);
    case 'too_big':
      return boundText(issue.origin, issue.inclusive === false ? 'less than' : 'at most', issue.maximum);
    default:
      return 'something else';
  }
}

function boundText(origin: string, word: string, bound: number | bigint): string {
  if (bound === 1 && word === 'at least' && origin === 'string') return 'some text';
  const unit = origin === 'string' ? ' characters' : origin === 'array' ? ' of them' : '';
  return `${word} ${bound}${unit}`;
}

function suggestion(issue: Issue, given: unknown): string {
  return issue.code === 'invalid_value' ? didYouMean(String(given), issue.values.map(String)) : '';
}

/** @returns the names that an object may have at a path of a schema; none where it takes any or is none */
export function knownNames(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let inner: unknown = schema;
  for (let i = 0; ; i++) {
    inner = unwrapped(inner);
    if (i === path.length) break;
    if (inner instanceof z.ZodObject) inner = (inner.shape as Record<PropertyKey, unknown>)[path[i]!];
    else if (inner instanceof z.ZodArray) inner = inner.element;
    else return [];
  }
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** The object behind defaults, pipes and unions, if there is one. */
function unwrapped(schema: unknown): unknown {
  let inner = schema;
  for (;;) {
    if (!(inner instanceof z.ZodType)) return inner;
    const { def } = inner as {
      def: { innerType?: unknown; in?: unknown; out?: unknown; options?: unknown[] };
    };
    if (def.innerType !== undefined) inner = def.innerType;
    else if (inner instanceof z.ZodUnion)
      inner = def.options!.map(unwrapped).find((option) => option instanceof z.ZodObject);
    else if (def.out !== undefined) inner = unwrapped(def.out) instanceof z.ZodObject ? def.out : def.in;
    else return inner;
  }
}
