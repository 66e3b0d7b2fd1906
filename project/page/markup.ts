/**
 * HTML and SVG as text, safe by construction: whatever is put into a `${}` is escaped unless it is markup itself. A
 * line break in a template, with its indentation, becomes one space, or nothing between two tags, so that a report of
 * 200 features stays small. Prettier breaks lines only where this does not change the meaning of the HTML.
 */
import { visibleText } from '../../contract/std/visible-text.ts';

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template may contain; null and false give nothing. */
export type Part = Markup | string | number | null | false | readonly Part[];

const trimmed = new WeakMap<TemplateStringsArray, readonly string[]>();

/** The template tag for HTML and SVG. */
export function html(strings: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let pieces = trimmed.get(strings);
  if (pieces === undefined) {
    pieces = strings.map((piece) =>
      piece
        .replaceAll(/\s*\n\s*/g, ' ')
        .replaceAll('> <', '><')
        .replaceAll(' />', '/>'),
    );
    trimmed.set(strings, pieces);
  }
  let text = pieces[0]!;
  for (const [i, part] of parts.entries()) text += markupText(part) + pieces[i + 1]!;
  return new Markup(text);
}

function markupText(part: Part): string {
  if (part === null || part === false) return '';
  if (part instanceof Markup) return part.text;
  if (typeof part === 'number') return String(part);
  return typeof part === 'string' ? escapeText(part) : part.map(markupText).join('');
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Escapes text for an element or a quoted attribute; makes invisible characters visible. */
export function escapeText(text: string): string {
  return visibleText(text).replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!);
}

/** Text in which `backticks` mark code, as in the advice on causes. */
export function withCode(text: string): Part {
  return text.split('`').map((piece, i) => (i % 2 === 1 ? html`<code>${piece}</code>` : piece));
}
