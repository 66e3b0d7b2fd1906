/** What `plumb monitor whatif` prints: of each view of a service a line a setting, below what was measured. */
import { formatDuration } from '../../contract/std/duration.ts';
import { renderTable } from '../../contract/std/text-table.ts';
import { wrapped } from '../../contract/std/wrapped-text.ts';
import { percentText } from '../../contract/std/percent-text.ts';
import type { CaseRates } from './computed/computed-roles.ts';
import { ageText, settingName } from './sentences.ts';
import type { SettingRates } from './setting.ts';
import type { WhatIf } from './what-if.ts';

const WIDTH = 80;

/** @returns lines without a newline at the end */
export function renderWhatIf(services: readonly WhatIf[]): string {
  return services.map(serviceText).join('\n\n');
}

function serviceText({ service, date, sampled, roles, computed }: WhatIf): string {
  const of = sampled === null ? '' : `, simulated for ${percentText(sampled)} of the entities`;
  const head = `${service}, ${date}: what other settings would have served${of}`;
  return [head, ...roles.map(roleText), ...computed.map(computedText)].join('\n\n');
}

function computedText(of: WhatIf['computed'][number]): string {
  const { role, view, unknown, measured, simulated, settings, checkout } = of;
  const head = `${role === view ? view : `${role} (${view})`}: computed on demand`;
  if (simulated === null) return `${head}\n  ${unknown}`;
  const lines = [
    ['as measured', ...computedCells({ ...measured, otherValues: null })],
    ['the same, simulated', ...computedCells(simulated)],
    ...[...Map.groupBy(settings, (one) => one.view)].flatMap(([id, own]) => [
      [`${id}:`, '', '', ''],
      ...own.map((one) => [`  ${one.name}`, ...computedCells(one)]),
    ]),
    ...(checkout === null || checkout.unknown !== null
      ? []
      : [['the function of the checkout', ...computedCells(checkout)]]),
  ];
  const align = ['left', 'right', 'right', 'right'] as const;
  const table = renderTable(['', 'exact', 'or within promise', 'other values'], lines, align);
  return [head, ...table.split('\n').map((line) => `  ${line}`), ...noteLines(computedNotes(of))].join('\n');
}

/** @returns what a reader of an on-demand view's lines must know, each as a part of a sentence */
export function computedNotes({ unread, checkout }: WhatIf['computed'][number]): string[] {
  const left =
    unread === 0
      ? []
      : [`vectors in no count: ${unread} (UNAVAILABLE, not in a sample, or not to be computed again)`];
  const lost =
    checkout === null || checkout.unknown === null
      ? []
      : [`the function of the checkout cannot be run over what was logged: ${checkout.unknown}`];
  return [...left, ...lost];
}

function noteLines(notes: readonly string[]): string[] {
  return notes.flatMap((note) => wrapped(`Note: ${note}.`, WIDTH, { first: '  ' }));
}

function computedCells({ exactMatch, exactMatchWithinPromise, otherValues }: CaseRates): string[] {
  return [exactMatch, exactMatchWithinPromise, otherValues].map((share) =>
    share === null ? '–' : percentText(share),
  );
}

function roleText(of: WhatIf['roles'][number]): string {
  const { role, view, now, unknown, measured, simulated, settings } = of;
  const runs =
    now.intervalUs === null ? 'runs without a schedule' : `runs every ${formatDuration(now.intervalUs)}`;
  const ttl = now.ttlUs === null ? '' : `, TTL ${formatDuration(now.ttlUs)}`;
  const name = role === view ? view : `${role} (${view})`;
  const head = `${name}: ${runs}, cache ${formatDuration(now.cacheUs)}, delay ${formatDuration(now.delayUs)}${ttl}`;
  if (simulated === null) return `${head}\n  ${unknown}`;
  const lines = [
    ['as measured', ...cells(measured)],
    ['the same, simulated', ...cells(simulated)],
    ...settings.map((setting) => [settingName(setting, now), ...cells(setting)]),
  ];
  const align = ['left', 'right', 'right', 'right', 'right'] as const;
  const table = renderTable(['', 'exact', 'or within promise', 'median age', 'p99 age'], lines, align);
  return [head, ...table.split('\n').map((line) => `  ${line}`), ...noteLines(roleNotes(of))].join('\n');
}

/** @returns what a reader of a role's lines must know, each as a part of a sentence */
export function roleNotes({ apart, unread, settings, runUs }: WhatIf['roles'][number]): string[] {
  const left =
    unread === 0
      ? null
      : `vectors in no count: ${unread} (the view had another entity or key then, or none of these features)`;
  return [apart, left, busyText(settings, runUs)].filter((note) => note !== null);
}

/** @returns null: the runs have ended when the next one of each interval begins */
function busyText(settings: WhatIf['roles'][number]['settings'], runUs: number | null): string | null {
  const busy = settings.filter(({ kind, us }) => kind === 'interval' && us < (runUs ?? 0));
  if (busy.length === 0) return null;
  const every = busy.map(({ us }) => formatDuration(us)).join(', ');
  return `a run takes ${ageText(runUs)}, so that of every ${every} it leaves out those while it is at work`;
}

function cells(rates: SettingRates): string[] {
  const { exactMatch, exactMatchWithinPromise, ageP50Us, ageP99Us } = rates;
  return [
    percentText(exactMatch),
    percentText(exactMatchWithinPromise),
    ageText(ageP50Us),
    ageText(ageP99Us),
  ];
}
