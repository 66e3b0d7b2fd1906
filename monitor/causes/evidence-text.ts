/** Times, values and rows in evidence; times as short as possible while they still differ from the time of serving. */
import { formatDuration } from '../../contract/std/duration.ts';
import { dayOf, formatTimestamp, timestampText } from '../../contract/std/timestamp.ts';
import type { Value, ValueType } from '../../contract/value-type.ts';
import type { FeatureView } from '../../contract/model.ts';
import type { RowFacts } from './facts.ts';
import type { RowTimes } from './row-order.ts';

/** @returns `11:42`, `11:42:07` or `11:42:07.123456` UTC, with the date before it when it is not that of `servedUs` */
export function timeText(us: number, servedUs: number): string {
  const text = formatTimestamp(us);
  const clock = text
    .slice(11, 26)
    .replace(/\.000000$/, '')
    .replace(/^(\d\d:\d\d):00$/, '$1');
  return dayOf(us) === dayOf(servedUs) ? clock : `${text.slice(0, 10)} ${clock}`;
}

/** @returns a span to the precision that matters at its size: `2h7m`, `1m12s`, `4.2s`, `350ms`, `80us` */
export function spanText(us: number): string {
  if (us >= 3_600_000_000) return formatDuration(Math.round(us / 60_000_000) * 60_000_000);
  if (us >= 60_000_000) return formatDuration(Math.round(us / 1_000_000) * 1_000_000);
  if (us >= 1_000_000) return `${Number((us / 1_000_000).toFixed(1))}s`;
  return us >= 1_000 ? `${Math.round(us / 1_000)}ms` : `${Math.round(us)}us`;
}

const HMAC = /^hmac:[0-9a-f]{64}$/;
const SHOWN_CHARACTERS = 60;

/** @returns a value as evidence shows it: a time as RFC 3339, of a long text the beginning and its length */
export function shownValue(value: Value, { kind }: ValueType): string {
  if (value === null) return 'null';
  if (typeof value === 'string') return HMAC.test(value) ? value : shownText(value);
  if (typeof value === 'object') return 'another value';
  if (kind === 'timestamp' && typeof value === 'bigint') return timestampText(value);
  return Object.is(value, -0) ? '-0' : String(value);
}

function shownText(text: string): string {
  const characters = [...text];
  if (characters.length <= SHOWN_CHARACTERS) return JSON.stringify(text);
  const beginning = characters.slice(0, SHOWN_CHARACTERS).join('');
  return `${JSON.stringify(`${beginning}…`)} (${characters.length.toLocaleString('en-US')} characters)`;
}

/** @returns `the row of edge 11:00`; in a stored view `the row of 11:00` */
export function rowText({ view, servedUs }: RowFacts, { eventUs }: RowTimes): string {
  const at = timeText(eventUs, servedUs);
  return view.kind === 'aggregated' ? `the row of edge ${at}` : `the row of ${at}`;
}

/** Why an entity has no row since a tombstone. */
export function goneText({ kind }: Pick<FeatureView, 'kind'>): string {
  return kind === 'aggregated'
    ? 'its events were taken back'
    : 'its source had no row of the entity any more';
}
