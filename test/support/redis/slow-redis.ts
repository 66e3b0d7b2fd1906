/** A real Redis that answers slowly: it takes no command for a while, then all that wait, and again. */
import { Redis } from 'ioredis';
import { FAULT_DEADLINE_MS } from '../faults/fault-load.ts';

/** Reads that come late in a pause still make it. */
const PAUSE_MS = 2 * FAULT_DEADLINE_MS;

/** @returns ends it, and resolves when the server answers at once again */
export function slowDown(port: number): () => Promise<void> {
  const client = new Redis(port, '127.0.0.1');
  const slow = { isOver: false };
  const pauses = (async (): Promise<void> => {
    // Each waits for the end of the one before.
    while (!slow.isOver) await client.call('CLIENT', 'PAUSE', String(PAUSE_MS), 'ALL');
    await client.ping();
    client.disconnect();
  })();
  return () => {
    slow.isOver = true;
    return pauses;
  };
}
