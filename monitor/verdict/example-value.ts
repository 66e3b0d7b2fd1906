/**
 * A value as an example shows it: long texts and lists are cut, and their length is told. What is nested in a value is
 * cut the same way and ends in an ellipsis; a value that is large all the same is shown as the beginning of its JSON.
 */
import type { Json } from '../../contract/std/canonical-json.ts';

const MOST_CHARACTERS = 200;
const MOST_ELEMENTS = 16;
/** Of the JSON of what is left. */
const MOST_JSON = 4_000;

interface ExampleValue {
  readonly value: Json;
  /** How many characters or elements the value has. Absent: all are shown. */
  readonly length?: number;
}

export function exampleValue(value: Json): ExampleValue {
  const shown = isCut(value) ? { value: beginning(value), length: sizeOf(value) } : { value: inner(value) };
  const json = JSON.stringify(shown.value);
  if (json.length <= MOST_JSON) return shown;
  return { value: textBeginning(json), length: shown.length ?? sizeOf(json) };
}

function isCut(value: Json): value is string | readonly Json[] {
  return typeof value === 'string'
    ? value.length > MOST_CHARACTERS && sizeOf(value) > MOST_CHARACTERS
    : isLong(value);
}

function isLong(value: Json): value is readonly Json[] {
  return Array.isArray(value) && value.length > MOST_ELEMENTS;
}

/** Characters, not halves of them. */
function sizeOf(value: string | readonly Json[]): number {
  return typeof value === 'string' ? [...value].length : value.length;
}

function beginning(value: string | readonly Json[]): Json {
  return typeof value === 'string' ? textBeginning(value) : value.slice(0, MOST_ELEMENTS).map(nested);
}

function textBeginning(text: string): string {
  return Array.from(text.slice(0, 2 * MOST_CHARACTERS))
    .slice(0, MOST_CHARACTERS)
    .join('');
}

function inner(value: Json): Json {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) return (value as readonly Json[]).map(nested);
  const entries = Object.entries(value).map(([key, one]) => [key, nested(one as Json)] as const);
  const shown = entries.slice(0, MOST_ELEMENTS);
  return Object.fromEntries(shown.length < entries.length ? [...shown, ['…', null]] : shown);
}

function nested(value: Json): Json {
  if (!isCut(value)) return inner(value);
  const shown = beginning(value);
  return typeof shown === 'string' ? `${shown}…` : [...(shown as readonly Json[]), '…'];
}
