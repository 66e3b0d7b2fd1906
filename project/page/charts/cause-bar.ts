/**
 * A bar of one feature's mismatches, divided by cause: first those beyond the promise, then pale those within it.
 * Causes of one family share a colour (cause-guide.ts). It is hidden from screen readers: the words beside it say the
 * same.
 */
import { mismatches } from '../../../contract/cause.ts';
import type { Cause, CauseCount } from '../../../contract/cause.ts';
import { CAUSE_GUIDE } from '../cause-guide.ts';
import { html } from '../markup.ts';
import type { Markup, Part } from '../markup.ts';
import { shareText } from '../value-text.ts';

export function causeBar(causes: readonly CauseCount[]): Markup | null {
  const all = mismatches(causes);
  if (all === 0) return null;
  let from = 0;
  const part = (cause: Cause, values: number, kept: boolean): Part => {
    if (values === 0) return null;
    const x = from;
    from += (values / all) * 100;
    const width = Math.max((values / all) * 100, 0.5);
    return html`<rect
      class="${CAUSE_GUIDE[cause].family}${kept && ' kept'}"
      x="${percent(x)}"
      width="${percent(width)}"
    />`;
  };
  const beyond = causes.map(({ cause, beyondPromise }) => part(cause, beyondPromise, false));
  const kept = causes.map(({ cause, values, beyondPromise }) => part(cause, values - beyondPromise, true));
  return html`<svg class="cause-bar" aria-hidden="true">${beyond}${kept}</svg>`;
}

function percent(value: number): string {
  return `${Number(value.toFixed(1))}%`;
}

/** The leading cause in words: `materialization lag`, or `materialization lag 82 %, late arrival 18 %`. */
export function leadingCauses(causes: readonly CauseCount[]): string {
  const all = mismatches(causes);
  if (causes.length === 1) return causes[0]!.cause;
  const named = causes.slice(0, 2).map(({ cause, values }) => `${cause} ${shareText(values / all)}`);
  return causes.length > 2 ? `${named.join(', ')}, …` : named.join(', ');
}
