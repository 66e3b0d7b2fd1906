/**
 * One document of YAML as a value, or its first fault. Only the first is reported, since it makes the parser stumble
 * over the rest. No message quotes the text, which may be a password.
 */
import { visit } from 'yaml';
import type { Alias, Document, LineCounter } from 'yaml';

export interface YamlFault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * @param text  of the whole file
 * @returns     the value, or its first fault
 */
export function readDocument(
  document: Document,
  counter: LineCounter,
  text: string,
): { readonly value: unknown } | { readonly fault: YamlFault } {
  const faultAt = (offset: number, message: string): { fault: YamlFault } => {
    const { line, col } = counter.linePos(offset);
    return { fault: { line, column: col, message } };
  };
  const [error] = document.errors;
  if (error !== undefined) {
    const message = error.message.split(/ at line |:/)[0]!;
    if (error.code !== 'MISSING_CHAR') return faultAt(error.pos[0], message);
    // A bracket that stays open is found at the end of the text; name the line where it was opened.
    const met = counter.linePos(error.pos[0]).line;
    const { fault } = faultAt(document.range![0], message);
    return { fault: fault.line === met ? fault : { ...fault, message: `${message}, met at line ${met}` } };
  }
  const alias = wrongAlias(document, text);
  if (alias !== null) return faultAt(alias.range?.[0] ?? 0, 'an alias (*name) stands for no text before it');
  try {
    return { value: document.toJS() as unknown };
  } catch {
    return faultAt(document.range![0], 'its aliases (*name) stand for too much');
  }
}

/** An alias without its anchor, or within what it stands for. */
function wrongAlias(document: Document, text: string): Alias | null {
  // Most files have none, and a walk through a large one takes as long as a tenth of its parsing.
  if (!text.includes('*')) return null;
  let wrong: Alias | null = null;
  visit(document, {
    Alias(_, alias, path) {
      const stands = alias.resolve(document);
      if (stands !== undefined && !path.includes(stands)) return undefined;
      wrong = alias;
      return visit.BREAK;
    },
  });
  return wrong;
}
