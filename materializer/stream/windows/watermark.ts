/**
 * How far a partition has come in event time. Pure.
 *
 *   seen        min(newest event time, newest append time); of a partition whose end was reached the clock, less what a
 *               message may be on its way, if that is later. It never falls
 *   watermark   of a view: seen - outOfOrder
 *
 * An event that comes behind the watermark is late: it still counts within the view's lateness, and rewrites the edges
 * that it touches.
 */

/** How far an idle partition stays behind the clock. */
export const IDLE_US = 30_000_000;

export class SeenTime {
  #eventUs = -Infinity;
  #appendedUs = -Infinity;
  #us: number;

  /** @param us  as it stood before; 0: nothing was seen */
  constructor(us: number) {
    this.#us = us;
  }

  get us(): number {
    return this.#us;
  }

  /** To be called for every event. */
  see(eventUs: number, appendedUs: number): void {
    if (eventUs > this.#eventUs) this.#eventUs = eventUs;
    if (appendedUs > this.#appendedUs) this.#appendedUs = appendedUs;
    const us = Math.min(this.#eventUs, this.#appendedUs);
    if (us > this.#us) this.#us = us;
  }

  /** Nothing more was there at this time. */
  idle(nowUs: number): void {
    if (nowUs - IDLE_US > this.#us) this.#us = nowUs - IDLE_US;
  }
}
