/** What somebody wrote, as a message shows it: short, whatever it is. */

const MAX_GIVEN = 60;

/** @returns what came, as JSON, cut where it is long */
export function givenText(given: unknown): string {
  const text = jsonOf(given);
  return text.length > MAX_GIVEN ? `${text.slice(0, MAX_GIVEN - 1)}…` : text;
}

/** A definition file in TypeScript may hold anything: a bigint, a ring, what throws when it is read. */
function jsonOf(given: unknown): string {
  if (typeof given === 'function') return 'a function';
  if (typeof given === 'bigint') return `${given}n`;
  try {
    return JSON.stringify(given) ?? String(given);
  } catch {
    return 'a value that JSON does not have';
  }
}
