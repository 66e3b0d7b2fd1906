/** A value that somebody wrote, as the message about its mistake shows it: short, whatever it is. */

const MAX_GIVEN = 60;

/** @returns the value as JSON, at most 60 characters of it; never throws */
export function givenText(given: unknown): string {
  const text = jsonOf(given);
  return text.length > MAX_GIVEN ? `${text.slice(0, MAX_GIVEN - 1)}…` : text;
}

/** A definition file in TypeScript may hold anything: a bigint, an object within itself, a getter that throws. */
function jsonOf(given: unknown): string {
  if (typeof given === 'function') return 'a function';
  if (typeof given === 'bigint') return `${given}n`;
  try {
    return JSON.stringify(given) ?? String(given);
  } catch {
    return 'a value that JSON does not have';
  }
}
