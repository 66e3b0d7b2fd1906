/** The columns that rows are piped in: each argument of the function is one, by its name. */
import { didYouMean } from '../../contract/std/did-you-mean.ts';
import { formatType } from '../../contract/value-type.ts';
import { misfitOf } from '../arrow/arrow-field.ts';
import type { ArrowField } from '../arrow/arrow-field.ts';
import { trainingError } from '../errors.ts';
import type { PipedView } from './piped-view.ts';

/**
 * @returns for each argument which column it is; null: an optional input that is left out
 * @throws  TRAIN_COLUMNS with all that is wrong
 */
export function matchColumns({ view, takes }: PipedView, fields: readonly ArrowField[]): (number | null)[] {
  const names = takes.map(({ name }) => name);
  const mistakes: string[] = [];
  for (const [i, { name }] of fields.entries()) {
    if (!names.includes(name)) mistakes.push(`${view.id} takes no ${name}${didYouMean(name, names)}`);
    else if (fields.findIndex((other) => other.name === name) < i) mistakes.push(`${name} is there twice`);
  }
  const matched = takes.map(({ name, type, isOptional }) => {
    const column = fields.findIndex((field) => field.name === name);
    if (column === -1) {
      if (!isOptional) mistakes.push(`${name} is not there, ${formatType(type)}`);
      return null;
    }
    const misfit = misfitOf(fields[column]!, type);
    if (misfit !== null) mistakes.push(`${name}: ${misfit}`);
    return column;
  });
  if (mistakes.length === 0) return matched;
  throw trainingError('TRAIN_COLUMNS', `the columns are not those of ${view.id}: ${mistakes.join('; ')}`, {
    help: `${view.id} takes ${takes.map(({ name, type }) => `${name} ${formatType(type)}`).join(', ') || 'nothing'}.`,
  });
}
