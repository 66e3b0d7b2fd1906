/**
 * Whether the sidecar is behind: CoDel as servers use it, on the age of requests whose turn has come.
 *
 *   keeping up   within the last 100 ms some request was at most 5 ms old, or none waited    every age is served
 *   behind       none was, in 10 turns of work or more                                      10 ms and more: refused
 *
 * A queue that a burst has filled empties by itself within 100 ms, and none of it is refused; one that stands longer
 * is what the sidecar cannot do, whatever its length. Refused from twice the target on, not from the target: the
 * requests that are served then stay above it, and the sidecar does not take itself for one that keeps up. Turns
 * count beside the time, since a process that did not run for a while, throttled or stopped, is not behind by that.
 *
 * Source: Nichols and Jacobson 2012, "Controlling Queue Delay"; for servers Maurer 2015, "Fail at Scale", and folly's
 * `Codel`. Pure: time comes from the caller. Called by admission.ts.
 */
const TARGET_MS = 5;
const INTERVAL_MS = 100;
const TURNS = 10;
const REFUSED_FROM_MS = 2 * TARGET_MS;

export class Codel {
  #keptUpMs = 0;
  #turns = 0;

  /** Nobody waits at this time. */
  idle(atMs: number): void {
    this.#keptUpMs = atMs;
    this.#turns = 0;
  }

  /** Work goes on while others wait. */
  turn(): void {
    this.#turns += 1;
  }

  /** @returns whether a request of that age, whose turn is now, should be refused */
  refuses(ageMs: number, nowMs: number): boolean {
    if (ageMs <= TARGET_MS) {
      this.idle(nowMs);
      return false;
    }
    return ageMs >= REFUSED_FROM_MS && this.#turns >= TURNS && nowMs - this.#keptUpMs > INTERVAL_MS;
  }
}
