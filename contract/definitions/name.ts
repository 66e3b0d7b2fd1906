/** What a name may be: names stand in keys, columns, URLs and metrics. */
import type { Refused } from './refused.ts';

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
export const MAX_NAME = 128;
/** How much of a text that is no name a message shows. */
const MAX_SHOWN = 60;

/** Columns of the history beside join keys and features: no feature, join key or selected column has their names. */
const RESERVED_COLUMNS = ['event_time', 'created_time', 'run_id', 'definition_id', 'deleted'] as const;

/** @returns what is wrong with a name, or null. `__` is refused: it parts view and feature in full names */
export function faultOfName(what: string, name: string): string | null {
  const shown = name.length > MAX_SHOWN ? `${name.slice(0, MAX_SHOWN)}…` : name;
  if (!NAME.test(name)) return `${what} "${shown}": names are a letter, then letters, digits and _`;
  if (name.includes('__'))
    return `${what} "${shown}": names hold no "__", which parts view and feature in full names`;
  return name.length > MAX_NAME ? `${what} "${shown}": names have at most ${MAX_NAME} characters` : null;
}

/** Engines take names that differ only in case for one. */
export function isReserved(column: string): boolean {
  return (RESERVED_COLUMNS as readonly string[]).includes(column.toLowerCase());
}

type Digit = '0' | '1' | '2' | '3' | '4' | '5' | '6' | '7' | '8' | '9';
// prettier-ignore
type Sign =
  | ' ' | '!' | '"' | '#' | '$' | '%' | '&' | "'" | '(' | ')' | '*' | '+' | ',' | '-' | '.' | '/'
  | ':' | ';' | '<' | '=' | '>' | '?' | '@' | '[' | '\\' | ']' | '^' | '`' | '{' | '|' | '}' | '~';

/** The texts of ASCII that are no name; letters of other alphabets are left to `faultOfName`. */
type NoName = '' | `${string}__${string}` | `${string}${Sign}${string}` | `${Digit | '_'}${string}`;
type ReservedColumn = (typeof RESERVED_COLUMNS)[number];

type NameFault<Text> = Text extends NoName ? 'names are a letter, then letters, digits and single _' : never;

/** What is wrong with the name of a join key or a feature; never: nothing. */
export type ColumnNameFault<Text> =
  | NameFault<Text>
  | (Lowercase<Text & string> extends ReservedColumn ? 'the history has a column of this name' : never);

/** A name, or why it is none. A name that is known only at run time is left to `faultOfName`. */
export type Name<Text extends string> = [NameFault<Text>] extends [never] ? Text : Refused<NameFault<Text>>;
