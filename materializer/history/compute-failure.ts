/**
 * What to tell when the engine fails in the middle of a computation: a number that does not fit, or a file whose
 * footer was whole and whose pages are not.
 */
import { CodedError } from '../../contract/std/coded-error.ts';
import { materializerError } from '../errors.ts';
import type { Computation } from './computation.ts';

/** @returns what a person can act on in place of the engine's words, where that is known */
export async function explained(computation: Computation, error: unknown): Promise<unknown> {
  const { view } = computation.run;
  const text = error instanceof Error ? error.message.split('\n', 1)[0]! : String(error);
  if (error instanceof CodedError) return error;
  if (/^(Out of Range|Conversion) Error/.test(text)) {
    return materializerError(
      'MAT_OVERFLOW',
      `an aggregate of ${view.id} does not fit its type${await greatestValues(computation)}: ${text}`,
      {},
      error,
    );
  }
  if (/^(IO|Invalid Input|Serialization|Binder|Invalid) Error/.test(text)) {
    return materializerError(
      'MAT_SOURCE',
      `view ${view.id} cannot be computed from its source ${view.source.path}: ${text}`,
      { field: view.source.name },
      error,
    );
  }
  return error;
}

async function greatestValues({ run, plan, source }: Computation): Promise<string> {
  const summed = plan.columns.filter((column) =>
    plan.features.some(
      (f) => f.column === column && ['sum', 'avg', 'stddev'].includes(f.aggregation.function),
    ),
  );
  if (summed.length === 0) return '';
  const [row] = await run.duck.rows(
    `SELECT ${summed.map((c) => `max(abs((${c.sql})::DOUBLE)) AS ${c.name}`).join(', ')} FROM ${source.from} WHERE ${source.counts}`,
  );
  return ` (greatest magnitudes: ${summed.map((c) => `${c.source} ${String(row![c.name])}`).join(', ')})`;
}
