/** The command that an incident's card names: it mends the incident, or shows one of its values from end to end. */
import type { Cause } from '../../contract/cause.ts';
import type { Example } from '../verdict/snapshot.ts';

type NamedExample = Pick<Example, 'requestId' | 'row'> & { readonly feature: string };

/** @param example  the worst of the incident; undefined: it has none */
export function commandFor(view: string, cause: Cause, example: NamedExample | undefined): string {
  const materialize = `plumb materialize --view ${shellText(view)}`;
  // The first run under another definition writes all rows, and one after it has nothing to do.
  if (cause === 'definition changed') return materialize;
  // The rows are in the history and not online: writing all of the view brings them there.
  if (cause === 'missing online' || example === undefined) return `${materialize} --full`;
  return explainCommand(example);
}

export function explainCommand({ requestId, row, feature }: NamedExample): string {
  return `plumb explain --request ${shellText(requestId)} --row ${row} --feature ${shellText(feature)}`;
}

/** One word of a shell's command line, quoted where a shell would read more than the text. */
function shellText(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
