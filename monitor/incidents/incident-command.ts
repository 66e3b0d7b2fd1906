/** The command that an incident's card names: it mends the incident, or shows one of its values from end to end. */
import type { Cause } from '../causes/cause.ts';
import type { Example } from '../verdict/snapshot.ts';

/** Rows that are in the history and not online: writing the view once more brings them there. */
const LOST: ReadonlySet<Cause> = new Set(['missing online', 'definition changed']);

/** @param example  the worst of the incident; undefined: it has none */
export function commandFor(
  view: string,
  cause: Cause,
  example: (Pick<Example, 'requestId' | 'row'> & { readonly feature: string }) | undefined,
): string {
  if (LOST.has(cause) || example === undefined) return `plumb materialize --view ${shellText(view)} --full`;
  const { requestId, row, feature } = example;
  return `plumb explain --request ${shellText(requestId)} --row ${row} --feature ${shellText(feature)}`;
}

/** One word of a shell's command line, quoted where a shell would read more than the text. */
function shellText(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
