/**
 * What is known of functions of which calls were ended: where they run for a while, and whether they rest.
 *
 *   shares   --a call is ended-->  apart: for 10 s, twice as long each time again, up to 10 minutes
 *   apart    --no call is ended in that time-->  shares
 *   any      --so many calls are ended in so short a time-->  rests: its rows get a fault at once
 *
 * A busy machine may end a call that does not loop: such a function is back soon. It is known by its code, so that
 * another bundle with the same one knows it, too. Times are those of `performance.now`.
 */
import type { OnDemandView } from '../model.ts';
import { OnDemandFault } from './on-demand-function.ts';

interface EndedCallsOptions {
  /** A function of which so many calls are ended within `withinMs` rests for `restMs`. */
  readonly rest: { readonly ends: number; readonly withinMs: number; readonly restMs: number };
  /** How long it runs apart the first time, and at most; it does not unless given. */
  readonly apart?: { readonly firstMs: number; readonly mostMs: number };
}

const NOT_APART = { firstMs: 0, mostMs: 0 };

interface Known {
  /** The last ends. */
  readonly endsMs: readonly number[];
  readonly apartMs: number;
  readonly apartUntilMs: number;
  readonly restsUntilMs: number;
  /** When all of this is forgotten. */
  readonly untilMs: number;
}

export class EndedCalls {
  readonly options: EndedCallsOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: EndedCallsOptions) {
    this.options = options;
  }

  /** A call of it was ended. */
  add(view: OnDemandView, nowMs: number): void {
    const { rest, apart = NOT_APART } = this.options;
    for (const [name, known] of this.#known) if (known.untilMs < nowMs) this.#known.delete(name);
    const before = this.#known.get(nameOf(view));
    const endsMs = [...(before?.endsMs ?? []), nowMs].filter((one) => nowMs - one < rest.withinMs);
    const apartMs = before === undefined ? apart.firstMs : Math.min(apart.mostMs, 2 * before.apartMs);
    const apartUntilMs = nowMs + apartMs;
    const restsUntilMs = endsMs.length >= rest.ends ? nowMs + rest.restMs : (before?.restsUntilMs ?? 0);
    // One that loops again soon after it is back is apart for longer.
    const untilMs = Math.max(nowMs + rest.withinMs, apartUntilMs + apartMs, restsUntilMs);
    this.#known.set(nameOf(view), { endsMs, apartMs, apartUntilMs, restsUntilMs, untilMs });
  }

  isApart(view: OnDemandView, nowMs: number): boolean {
    return nowMs < (this.#known.get(nameOf(view))?.apartUntilMs ?? 0);
  }

  /** @returns what its rows get while it rests; null: it does not */
  restFault(view: OnDemandView, nowMs: number): OnDemandFault | null {
    if (!this.rests(view, nowMs)) return null;
    const { ends, withinMs } = this.options.rest;
    const why = `it was ended ${ends} times within ${withinMs} ms and rests`;
    return new OnDemandFault('resting', `${view.code.file}: ${why}`);
  }

  rests(view: OnDemandView, nowMs: number): boolean {
    return nowMs < (this.#known.get(nameOf(view))?.restsUntilMs ?? 0);
  }
}

function nameOf({ id, code }: OnDemandView): string {
  return `${id} ${code.hash}`;
}

/** What the row of a call gets that was ended. */
export function endFault(
  { code }: OnDemandView,
  reason: 'deadline' | 'memory',
  callMs: number,
): OnDemandFault {
  const took = reason === 'deadline' ? `over ${callMs} ms` : 'more memory than its process may have';
  return new OnDemandFault(reason, `${code.file}: a call took ${took} and was ended`);
}
