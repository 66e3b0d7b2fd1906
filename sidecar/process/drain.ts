/**
 * The time between the signal to stop and the end of listening: requests are still served, until no more come. In a pod
 * all containers get the signal together, so the model server still finishes its own requests, and a proxy needs a
 * moment to notice that the pod is not ready.
 *
 *   signal ------ at least `drainMs` ------ ... until 2 s without a request ... --> stop listening
 *          ------------------------ at most `limitMs` -----------------------
 */
const QUIET_MS = 2_000;
const POLL_MS = 20;

interface DrainParts {
  readonly drainMs: number;
  readonly limitMs: number;
  /** When the last request was read, on the clock of `nowMs`; -Infinity: none was. */
  lastReadMs(): number;
  /** Whether it should end at once: a second signal asked for that. */
  isCut(): boolean;
  readonly nowMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
}

export async function drained(parts: DrainParts): Promise<void> {
  const { drainMs, limitMs, lastReadMs, isCut, nowMs, sleep } = parts;
  const beganMs = nowMs();
  for (;;) {
    const tookMs = nowMs() - beganMs;
    const isQuiet = nowMs() - lastReadMs() >= QUIET_MS;
    if (isCut() || tookMs >= limitMs || (isQuiet && tookMs >= drainMs)) return;
    await sleep(POLL_MS);
  }
}
