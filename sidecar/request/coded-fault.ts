/** Whatever was thrown while a request was served, as an error of the sidecar's table. */
import { CodedError } from '../../contract/std/coded-error.ts';
import type { Logger } from '../../contract/std/logger.ts';
import { sidecarError } from '../errors.ts';

const MAX_TOLD = 20;

/**
 * @returns  what gives the error of a fault. Of one that is none of the table, the operator gets the stack of the first
 *           ones, and the caller one sentence
 */
export function codedFaults(logger: Logger): (fault: unknown) => CodedError {
  let told = 0;
  return (fault) => {
    if (fault instanceof CodedError) return fault;
    const error = fault as Error;
    told += 1;
    if (told <= MAX_TOLD) logger.warn(`an unexpected fault: ${error.stack ?? error.message}`);
    return sidecarError('SRV_INTERNAL', 'the sidecar met a state that it does not know', {}, error);
  };
}
