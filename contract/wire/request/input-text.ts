/** An on-demand input as a command line brings it. */
import type { ValueType } from '../../value-type.ts';
import { parseExactJson } from './exact-json.ts';

/**
 * @returns what a request would bring, for `inputValue`: JSON with its integers exact; the text itself where the type
 *          is written as text, or where it is no JSON
 */
export function inputOfText({ kind }: Pick<ValueType, 'kind'>, text: string): unknown {
  if (kind === 'string' || kind === 'bytes' || kind === 'timestamp') return text;
  try {
    return parseExactJson(text);
  } catch {
    return text;
  }
}
