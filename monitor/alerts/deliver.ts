/**
 * Sends a request until it is taken or its time is over. A receiver that is busy or away is asked again, with pauses
 * that double; one that refuses the request itself is not.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { visibleText } from '../../contract/std/visible-text.ts';
import { CallError, httpCall, shownServer } from '../../project/connections/http-call.ts';
import type { HttpAnswer, HttpCall } from '../../project/connections/http-call.ts';

const FIRST_PAUSE_MS = 250;
/** One that hangs must leave time for another try. */
const TRY_MOST_MS = 10_000;
const ANSWER_SHOWN = 120;

/** A request that was not taken, as far as is known. */
export interface Undelivered {
  /** A sentence without what is secret. */
  readonly why: string;
  /** Whether the server may have taken it all the same: a connection broke, or no answer came. */
  readonly mayHaveArrived: boolean;
}

/** What became of one try: null where it was taken. */
type Refused =
  (Undelivered & { readonly mayPass: boolean; readonly isLate: boolean; readonly afterMs: number }) | null;

/**
 * @param limitMs  how long all tries together may take
 * @returns        null: it was taken
 */
export async function deliver(call: Omit<HttpCall, 'limitMs'>, limitMs: number): Promise<Undelivered | null> {
  const endMs = performance.now() + limitMs;
  let mayHaveArrived = false;
  for (let tries = 1; ; tries++) {
    const leftMs = endMs - performance.now();
    const refused = await attempt({ ...call, limitMs: Math.max(1, Math.min(leftMs / 2 + 1, TRY_MOST_MS)) });
    if (refused === null) return null;
    mayHaveArrived ||= refused.mayHaveArrived;
    const doubled = FIRST_PAUSE_MS * 2 ** (tries - 1) * (0.5 + Math.random() / 2);
    const waitMs = Math.max(doubled, refused.afterMs);
    if (refused.mayPass && performance.now() + waitMs < endMs) {
      await pause(waitMs);
      continue;
    }
    const times = tries === 1 ? '' : ` (tried ${tries} times)`;
    // A try has what the others left; people know the time of all of them.
    const why = refused.isLate ? `it did not answer within ${limitMs} ms` : refused.why;
    return { why: `${shownServer(call.url)}: ${why}${times}`, mayHaveArrived };
  }
}

async function attempt(call: HttpCall): Promise<Refused> {
  try {
    return refusalOf(await httpCall({ ...call, limitMs: Math.ceil(call.limitMs) }));
  } catch (error) {
    if (!(error instanceof CallError)) throw error;
    const { message, mayPass, mayHaveArrived, isLate } = error;
    return { why: message, mayPass, mayHaveArrived, isLate, afterMs: 0 };
  }
}

function refusalOf({ status, headers, text }: HttpAnswer): Refused {
  if (status >= 200 && status < 300) return null;
  if (status >= 300 && status < 400) {
    const to = headers.location === undefined ? '' : ` to ${shownServer(headers.location)}`;
    const why = `it answered ${status}, a redirect${to}: no redirect is followed, give the URL itself`;
    return { why, mayHaveArrived: false, mayPass: false, isLate: false, afterMs: 0 };
  }
  const said = visibleText(text.trim()).slice(0, ANSWER_SHOWN);
  const seconds = Number(headers['retry-after'] ?? 0);
  return {
    why: `it answered ${status}${said === '' ? '' : `: ${said}`}`,
    // A gateway without an answer (504, 502) has passed it on; another server may have failed after it took it.
    mayHaveArrived: status >= 500,
    mayPass: status >= 500 || [408, 425, 429].includes(status),
    isLate: false,
    afterMs: Number.isFinite(seconds) ? seconds * 1_000 : 0,
  };
}
