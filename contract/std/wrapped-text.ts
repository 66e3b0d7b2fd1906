/** A sentence in lines of a width, for terminals: broken at spaces alone, so that names and commands stay whole. */

interface Indent {
  /** Before the first line; default: nothing. */
  readonly first?: string;
  /** Before the others; default: as before the first. */
  readonly rest?: string;
}

/** @returns at least one line; a word that is longer than the width has a line of its own and stands out */
export function wrapped(text: string, width: number, { first = '', rest = first }: Indent = {}): string[] {
  const lines: string[] = [];
  let line = first;
  let isEmpty = true;
  for (const word of text.split(' ')) {
    if (!isEmpty && line.length + 1 + word.length > width) {
      lines.push(line);
      line = rest;
      isEmpty = true;
    }
    line += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, line];
}
