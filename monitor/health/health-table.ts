/** What `plumb monitor health` prints: a row a check, what is bad first. */
import { formatDuration } from '../../contract/std/duration.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { spanText } from '../causes/evidence-text.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import type { HealthCheck, HealthState } from './health-check.ts';

const ORDER: readonly HealthState[] = ['bad', 'unknown', 'good'];
const COLOR: Readonly<Record<HealthState, number>> = { bad: 31, unknown: 33, good: 32 };

export function renderHealth(checks: readonly HealthCheck[], options: { readonly color: boolean }): string {
  const rows = checks
    .toSorted((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))
    .map((check) => [
      colored(check.state, options.color),
      check.check,
      check.of,
      valueText(check),
      limitText(check),
      check.why,
    ]);
  const count = (state: HealthState): number => checks.filter((check) => check.state === state).length;
  const table = renderTable(['', 'check', 'of', 'is', 'limit', 'why'], rows, [
    'left',
    'left',
    'left',
    'right',
    'right',
  ]);
  return `${table}\n\n${count('good')} good, ${count('bad')} bad, ${count('unknown')} unknown`;
}

function colored(state: HealthState, color: boolean): string {
  return color ? `\u001b[${COLOR[state]}m${state}\u001b[0m` : state;
}

function valueText({ unit, value }: HealthCheck): string {
  if (value === null) return '-';
  return unit === 'seconds' ? spanText(value * 1e6) : percentText(value);
}

/** Limits are round numbers, and are shown as they are. */
function limitText({ unit, limit }: HealthCheck): string {
  if (limit === null) return '-';
  return unit === 'seconds' ? formatDuration(limit * 1e6) : `${Number((limit * 100).toFixed(4))} %`;
}
