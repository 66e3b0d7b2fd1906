/**
 * A function of an on-demand view called over many rows outside of a request, by training and by the replay: the code
 * and the arguments of serving, so the same bits.
 *
 * A function that is known to be cheap is called in this thread. Every other one runs in a process of its own, where a
 * call of over a second is ended.
 */
import type { Definitions, OnDemandView } from '../model.ts';
import type { Value } from '../value-type.ts';
import { compileOnDemand } from './compile-function.ts';
import { IsolatedFunctions } from './isolated-functions.ts';
import type { OnDemandOutcome } from './on-demand-function.ts';

const CALL_MS = 1_000;

export interface FunctionCaller {
  /**
   * @param rows  each with one value an argument (arguments.ts), in their order
   * @returns     for each row, in their order, its outputs before fallbacks or the fault
   */
  call(rows: readonly (readonly Value[])[]): Promise<readonly OnDemandOutcome[]>;
  close(): Promise<void>;
}

/** @throws TypeError when the definitions lack what the view uses */
export async function openCaller(
  view: OnDemandView,
  definitions: Pick<Definitions, 'views' | 'onDemand'>,
): Promise<FunctionCaller> {
  // What is not known to be cheap may never end, whatever the sidecar is told to risk.
  if (view.isolated || view.costly !== null) {
    const isolated = new IsolatedFunctions([view], definitions, { callMs: CALL_MS });
    await isolated.start();
    return { call: (rows) => isolated.rows(view.id, rows), close: () => isolated.close() };
  }
  const compiled = compileOnDemand(view, definitions);
  return {
    call: (rows) =>
      Promise.resolve(
        rows.map((row) => {
          const outputs: Value[] = [];
          return compiled.call(row, outputs) ?? outputs;
        }),
      ),
    close: () => Promise.resolve(),
  };
}
