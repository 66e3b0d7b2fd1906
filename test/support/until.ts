/** Waits for a condition, with a limit: what tests do instead of sleeping. */
import { setTimeout as sleep } from 'node:timers/promises';

// A machine with other work may take thirty times as long as an idle one; the condition alone decides.
const LIMIT_MS = 300_000;
const POLL_MS = 10;

/** @throws Error naming `what` when the condition does not hold within 300 s, or another limit */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  pollMs = POLL_MS,
  limitMs = LIMIT_MS,
): Promise<void> {
  const endMs = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > endMs) throw new Error(`not within ${limitMs / 1_000} s: ${what}`);
    await sleep(pollMs);
  }
}
