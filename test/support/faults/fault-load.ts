/** What a fault run asks for, and which of its answers came late. */
import type { FaultLine } from './fault-client.ts';
import { IS_LONG_RUN } from '../long-run.ts';

export const FAULT_VIEWS = [3, 2] as const;
export const FAULT_CUSTOMERS = 5_000;
/** Longer than the default of 8 ms: on a busy machine reads miss that without a fault. */
export const FAULT_DEADLINE_MS = IS_LONG_RUN ? 20 : 100;
export const USUALLY_OVER_MS = 2;

/** By more than the 2 ms that one answer in a thousand may be. */
export function isLate(line: FaultLine): boolean {
  return line.latencyMs > FAULT_DEADLINE_MS + USUALLY_OVER_MS || isOverload(line);
}

/** Past its deadline before its turn: what a busy machine does to some requests. */
export function isOverload({ status, body }: FaultLine): boolean {
  return status === 503 && body.includes('SRV_OVERLOAD');
}
