/**
 * The parts of pages that are made from tables in the code, between two comments. Tests compare them;
 * `UPDATE_DOCS=1 npx vitest run test/unit/docs` writes them.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';

const ROOT = join(import.meta.dirname, '../../..');
// Prettier would line up the columns: one longer cell would change every line.
const END = '<!-- prettier-ignore-end -->';

/**
 * @param page  from the root of the repository
 * @param source  what the part is made from, as the page's comment names it
 */
export function expectGeneratedPart(page: string, source: string, part: string): void {
  const file = join(ROOT, page);
  const text = readFileSync(file, 'utf8');
  const begin = `<!-- made from ${source} by its test -->\n<!-- prettier-ignore-start -->`;
  const from = text.indexOf(begin);
  const to = text.indexOf(END, from);
  if (from === -1 || to === -1)
    throw new Error(`${page} has no part for ${source}: it begins\n${begin}\nand ends\n${END}`);
  const whole = `${text.slice(0, from)}${begin}\n\n${part}\n\n${text.slice(to)}`;
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, whole);
  else expect(text).toBe(whole);
}

/** @returns a Markdown table */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
