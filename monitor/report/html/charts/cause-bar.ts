/**
 * A bar of one feature's mismatches, divided by cause; causes of one family share a colour (cause-guide.ts). It is
 * hidden from screen readers, since the words beside it say the same.
 */
import { CAUSE_GUIDE } from '../cause-guide.ts';
import { html } from '../markup/markup.ts';
import type { Markup } from '../markup/markup.ts';
import { mismatches } from '../mismatch.ts';
import type { CauseCount } from '../mismatch.ts';
import { shareText } from '../markup/value-text.ts';

export function causeBar(causes: readonly CauseCount[]): Markup | null {
  const all = mismatches(causes);
  if (all === 0) return null;
  let from = 0;
  const parts = causes.map(({ cause, values }) => {
    const x = from;
    from += (values / all) * 100;
    const width = Math.max((values / all) * 100, 0.5);
    return html`<rect class="${CAUSE_GUIDE[cause].family}" x="${percent(x)}" width="${percent(width)}" />`;
  });
  return html`<svg class="cause-bar" aria-hidden="true">${parts}</svg>`;
}

function percent(value: number): string {
  return `${Number(value.toFixed(1))}%`;
}

/** The leading cause in words: `materialization lag`, or `materialization lag 82%, late arrival 18%`. */
export function leadingCauses(causes: readonly CauseCount[]): string {
  const all = mismatches(causes);
  if (causes.length === 1) return causes[0]!.cause;
  const named = causes.slice(0, 2).map(({ cause, values }) => `${cause} ${shareText(values / all)}`);
  return causes.length > 2 ? `${named.join(', ')}, …` : named.join(', ');
}
