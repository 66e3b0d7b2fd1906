/** An on-demand input as a command line brings it. */
import type { ValueType } from '../../value-type.ts';
import { parseExactJson } from './exact-json.ts';

/** As JSON has integers: a number of a request past 2^53 is refused, since readers of JSON round it; text is not. */
const DIGITS = /^-?[1-9]\d{15,18}$/;

/**
 * @returns what a request would bring, for `inputValue`: JSON with its integers exact; the text itself where the type
 *          is written as text, where it is no JSON, and of an int64 as digits alone: no quotes are needed here
 */
export function inputOfText({ kind }: Pick<ValueType, 'kind'>, text: string): unknown {
  if (kind === 'string' || kind === 'bytes' || kind === 'timestamp') return text;
  if (kind === 'int64' && DIGITS.test(text)) return text;
  try {
    return parseExactJson(text);
  } catch {
    return text;
  }
}
