/** The changes that `plumb plan` and `plumb apply` show, as text. */
import type { Json } from '../contract/std/canonical-json.ts';
import { NO_ALLOWANCE } from './allowance.ts';
import type { Allowance } from './allowance.ts';
import type { Change } from './changes.ts';
import type { Detail } from './definition-diff.ts';
import { consumerText } from './guard.ts';
import { rewrittenText } from './rewritten-rows.ts';
import type { RewrittenRows } from './rewritten-rows.ts';
import { streamCostTexts } from './stream-cost.ts';
import type { StreamCost } from './stream-cost.ts';

const SIGN: Readonly<Record<Change['kind'], string>> = {
  created: '+',
  deleted: '-',
  deprecated: '.',
  metadata: '.',
  additive: '+',
  logic: '~',
  breaking: '!',
};

/** One line per change; below it what differs, and for each refusal its name and reason. */
export function renderChanges(
  changes: readonly Change[],
  rewrites: readonly RewrittenRows[] = [],
  { names }: Allowance = NO_ALLOWANCE,
  streams: readonly StreamCost[] = [],
): string {
  if (changes.length === 0) return 'Nothing changes: what is applied is what the definitions say.';
  const lines: string[] = [];
  const refused = new Set<string>();
  for (const change of changes) {
    lines.push(`${SIGN[change.kind]} ${change.kind.padEnd(8)} ${change.what} ${change.name}`);
    for (const detail of change.details) lines.push(`    ${detailText(detail, change)}`);
    const rewritten = change.what === 'view' ? rewrites.find(({ view }) => view === change.name) : undefined;
    if (rewritten !== undefined) lines.push(`    ${rewrittenText(rewritten)}`);
    const cost = change.what === 'view' ? streams.find(({ view }) => view === change.name) : undefined;
    if (cost !== undefined) lines.push(...streamCostTexts(cost).map((text) => `    ${text}`));
    for (const { name, services } of change.refusals) {
      const isAllowed = names.includes(name);
      if (!isAllowed) refused.add(name);
      for (const { service, consumers } of services) {
        const verb = isAllowed ? 'allowed' : 'refused';
        lines.push(`    ${verb}: ${name}: service ${service}, consumed by ${consumerText(consumers)}`);
      }
    }
    if (change.unguarded.length > 0)
      lines.push(`    not guarded: service ${change.unguarded.join(', ')}, for which no consumer is named`);
  }
  if (refused.size > 0) {
    const allow = [...refused].map((name) => `--allow ${name}`).join(' ');
    lines.push(`To take what is refused, knowingly: plumb apply ${allow} --reason "..."`);
  }
  return lines.join('\n');
}

const MEANING: Readonly<Partial<Record<Detail['meaning'], string>>> = {
  reading: ' (reading logic: no row is rewritten)',
  location: ' (where it lies; no data is touched)',
};

function detailText({ option, meaning, before, after, sentence }: Detail, of: Change): string {
  const text = sentence ?? `${option}: ${valueText(before)} -> ${valueText(after)}`;
  return `${text}${meaning === 'row' ? rowLogicText(of) : (MEANING[meaning] ?? '')}`;
}

/** What a change of row logic does: only feature views have rows. */
function rowLogicText({ what, onDemand }: Change): string {
  if (onDemand === true) return ' (row logic: from the apply on its values are computed anew)';
  return what === 'view' ? ' (row logic: the rows are written anew)' : ' (row logic: its values change)';
}

const MAX_VALUE = 80;

/** An option's value on one line. */
function valueText(value: Json): string {
  if (value === null) return 'none';
  const plain = typeof value === 'string' && /^[^\s"'](.*[^\s"'])?$/.test(value) && !/\n/.test(value);
  const text = plain ? value : JSON.stringify(value);
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE - 1)}…` : text;
}
