/** What names may be: they stand in keys, columns, URLs and metrics. */

const NAME = /^[A-Za-z][A-Za-z0-9_]*$/;
const MAX_NAME = 128;

/** @returns what is wrong with a name, or null. `__` is refused: it parts view and feature in full names */
export function faultOfName(what: string, name: string): string | null {
  if (!NAME.test(name)) return `${what} "${name}": names are a letter, then letters, digits and _`;
  if (name.includes('__'))
    return `${what} "${name}": names hold no "__", which parts view and feature in full names`;
  return name.length > MAX_NAME
    ? `${what} "${name.slice(0, 20)}...": names have at most ${MAX_NAME} characters`
    : null;
}
