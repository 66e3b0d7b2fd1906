/** What a soak found: what must hold and whether it does, as a table for a terminal and as JSON. Pure. */
import type { SoakResult } from './soak-run.ts';
import { minutesText } from './soak-run.ts';

interface SoakCheck {
  readonly what: string;
  readonly holds: boolean;
  readonly told: string;
}

export function soakChecks(result: SoakResult): SoakCheck[] {
  const { archived, judged, memory, snapshots, surprises, killed, happened } = result;
  const sum = (of: (snapshot: (typeof snapshots)[number]) => number): number =>
    snapshots.reduce((all, snapshot) => all + of(snapshot), 0);
  const gaps = sum(({ vectors }) => vectors.gaps);
  const tails = sum(({ vectors }) => vectors.openTails);
  const unavailable = sum(({ views }) => views.reduce((all, { availability: a }) => all + a.unavailable, 0));
  const unexplained = sum(({ features }) =>
    features.reduce((all, { causes }) => all + (causes.unexplained?.values ?? 0), 0),
  );
  const unjudged = sum(({ vectors }) => vectors.unjudged);
  const unshown = happened.filter(({ shown }) => shown === null);
  const rising = memory.filter(({ isFlat }) => isFlat === false);
  const isTooShort = memory.every(({ isFlat }) => isFlat === null);
  return [
    {
      what: 'every answered request is in the archive, once',
      holds: archived.lost + archived.notOnce === 0 && archived.answered > 0,
      told: `${count(archived.answered)} requests, ${count(archived.vectors)} vectors; ${archived.lost} lost, ${archived.notOnce} not once`,
    },
    {
      what: 'with the values UNAVAILABLE that clients got',
      holds: archived.differing === 0,
      told: `${archived.differing} differ`,
    },
    {
      what: 'the verdict counts no gap, and a tail for each kill',
      holds: gaps === 0 && tails === killed,
      told: `${gaps} gaps, ${tails} open tails, ${killed} kills`,
    },
    {
      what: 'the verdict counts the outages of the archive',
      holds: unavailable === archived.unavailableRows,
      told: `${count(unavailable)} rows unavailable, ${count(archived.unavailableRows)} in the archive`,
    },
    {
      what: 'each fault shows, and is named by its cause',
      holds: unshown.length === 0 && happened.length > 0,
      told:
        unshown.length === 0
          ? `${happened.length} of ${happened.length}`
          : `not: ${unshown.map(({ fault }) => fault.name).join(', ')}`,
    },
    {
      what: 'nothing is named that nobody did',
      holds: judged.unexpected.length === 0 && unexplained === 0,
      told: [
        ...judged.unexpected.map(
          ({ view, cause, beyondPromise, fromMs }) =>
            `${cause} of ${view} (${beyondPromise} values from ${minutesText(fromMs - result.fromMs)})`,
        ),
        `${unexplained} values unexplained`,
        `${unjudged} unjudged`,
      ].join(', '),
    },
    {
      what: 'memory is flat',
      holds: rising.length === 0,
      told: isTooShort ? 'too short a time to tell' : `${rising.length} of ${memory.length} rise`,
    },
    {
      what: 'no program ended by itself',
      holds: surprises.length === 0,
      told: surprises.length === 0 ? 'none did' : surprises.join('; '),
    },
  ];
}

/** The whole as text. */
export function renderSoak(result: SoakResult): string {
  const { happened, memory, answers, nowhere, scrapes, judged, snapshots, fromMs, toMs } = result;
  const faults = happened.map(({ fault, what, fromMs: at, toMs: end, shown }) => [
    minutesText(at - fromMs),
    `${((end - at) / 1_000).toFixed(0)} s`,
    fault.name,
    what,
    shown ?? 'NOT SEEN',
  ]);
  const checks = soakChecks(result).map(({ what, holds, told }) => [holds ? 'ok' : 'FAILS', what, told]);
  const lines = memory.map(({ program, fromMib, toMib, mibAMinute, minutes }) => [
    program,
    `${fromMib.toFixed(0)} MiB`,
    `${toMib.toFixed(0)} MiB`,
    `${mibAMinute >= 0 ? '+' : ''}${mibAMinute.toFixed(2)} MiB a minute over ${minutes.toFixed(1)} minutes`,
  ]);
  const notAnswered = new Map<string, number>();
  for (const { status, error } of answers) {
    if (status === 200) continue;
    const name = `${status === 0 ? 'no answer' : status} ${error}`.trim();
    notAnswered.set(name, (notAnswered.get(name) ?? 0) + 1);
  }
  const ok = answers.filter(({ status }) => status === 200);
  const requests = [
    ['answered', count(ok.length)],
    ...[...notAnswered].map(([name, n]) => [name, count(n)]),
    ...(nowhere === 0 ? [] : [['no pod was ready', count(nowhere)]]),
    ['median, p99 of answers', `${quantile(ok, 0.5)} ms, ${quantile(ok, 0.99)} ms`],
    ['scrapes of /metrics', `${scrapes.taken} taken, ${scrapes.failed} not answered`],
  ];
  const verdicts = snapshots.map(({ date, verdict, sentence }) => [date, verdict.toUpperCase(), sentence]);
  const late = judged.lateByThemselves.map(({ view, cause, beyondPromise, fromMs: at }) => [
    minutesText(at - fromMs),
    cause,
    `${beyondPromise} values of ${view}: its runs were late, as no fault made them`,
  ]);
  const parts: [string, string[][]][] = [
    ['What happened', faults],
    ['Requests', requests],
    ['Memory, once settled', lines],
    ['Verdict', verdicts],
    ['Late by themselves', late],
    ['What must hold', checks],
  ];
  const minutes = ((toMs - fromMs) / 60_000).toFixed(1);
  const head = `Soak of ${minutes} minutes at ${result.perSecond} requests a second, seed ${result.seed}`;
  const shown = parts.filter(([, rows]) => rows.length > 0);
  return [head, ...shown.map(([title, rows]) => `${title}\n${table(rows)}`)].join('\n\n');
}

export function soakJson(result: SoakResult): string {
  const { answers, snapshots, happened, judged, ...rest } = result;
  const told = {
    ...rest,
    answers: answers.length,
    happened: happened.map(({ fault, ...one }) => ({ fault: fault.name, kind: fault.kind, ...one })),
    judged: { lateByThemselves: judged.lateByThemselves, unexpected: judged.unexpected },
    verdicts: snapshots.map(({ date, verdict, sentence, vectors }) => ({ date, verdict, sentence, vectors })),
    checks: soakChecks(result),
  };
  return `${JSON.stringify(told, null, 2)}\n`;
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell.padEnd(widths[i]!))).join('  ');
  return rows.map((row) => `  ${line(row)}`).join('\n');
}

function count(n: number): string {
  return n.toLocaleString('en');
}

function quantile(answers: SoakResult['answers'], share: number): string {
  const sorted = answers.map(({ sentMs, endMs }) => endMs - sentMs).toSorted((a, b) => a - b);
  return String(sorted[Math.floor(sorted.length * share)] ?? 0);
}
