/** A load test's result for the terminal, and as the stable JSON shape of `plumb load --json`. */
import { renderTable } from '../../contract/std/text-table.ts';
import { formatNs, latencyPicture } from './latency-picture.ts';
import type { LoadResult } from '../load-test.ts';
import type { TallyCount } from '../generator/tally-count.ts';

const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999, 0.9999] as const;

/** Above this the generator itself makes a good part of what it measures. */
const LATE_WARNING_NS = 1e6;

/** @returns `{..., latencyMs: {p50: ..}, slo: [..], holds}`; null stands for a share that was never answered */
export function loadJson(result: LoadResult) {
  const { options, schema, total, counted } = result;
  return {
    url: options.url,
    service: schema.service,
    serviceVersion: schema.version,
    bundle: schema.bundle,
    features: schema.features.length,
    profile: options.profile.name,
    surface: options.surface,
    rows: options.profile.rows,
    entities: result.entities,
    rate: options.perSecond,
    durationS: options.lastsNs / 1e9,
    connections: options.connections,
    seed: options.seed,
    ...tallyJson(total),
    answeredPerSecond: total.latencies.count / (counted.tookNs / 1e9),
    phases: result.phases.map(({ name, tally }) => ({ name, ...tallyJson(tally) })),
    seconds: counted.seconds.map(tallyJson),
    generator: {
      sentLateMs: { p99: milliseconds(counted.late.quantileNs(0.99)), max: counted.late.maxNs / 1e6 },
      waitedForConnection: counted.queued,
    },
    firstFault: counted.firstFault,
    slo: result.objectives,
    holds: result.holds,
  };
}

function tallyJson(tally: TallyCount) {
  const { latencies, failures, failed, missing, unavailable } = tally;
  const quantiles = QUANTILES.map((q) => [quantileName(q), milliseconds(latencies.quantileNs(q, failed))]);
  return {
    requests: latencies.count + failed,
    answered: latencies.count,
    failed,
    failures,
    withMissing: missing,
    withUnavailable: unavailable,
    latencyMs: {
      mean: latencies.meanNs / 1e6,
      min: latencies.minNs / 1e6,
      ...(Object.fromEntries(quantiles) as Record<string, number | null>),
      max: latencies.maxNs / 1e6,
    },
  };
}

function quantileName(share: number): string {
  return `p${Number((share * 100).toFixed(4))}`;
}

function milliseconds(ns: number): number | null {
  return Number.isFinite(ns) ? ns / 1e6 : null;
}

/** @param color  whether the terminal shows colours */
export function renderLoad(result: LoadResult, color: boolean): string {
  const { options, schema, total, counted } = result;
  const rate =
    options.perSecond === null
      ? `closed loop on ${options.connections} connections (latency leaves out what waiting would add)`
      : `${options.perSecond} requests/s, open loop: latency from the intended start`;
  const answered = total.latencies.count;
  const lines = [
    `${schema.service} v${schema.version}, ${schema.features.length} features, ${options.surface} surface at ${options.url}`,
    `${options.profile.name}: ${options.profile.description}; ${result.entities} entities`,
    `${rate}, ${options.lastsNs / 1e9} s after ${options.warmupNs / 1e9} s of warm-up`,
    '',
    `${answered + total.failed} requests, ${answered} answered (${(answered / (counted.tookNs / 1e9)).toFixed(0)}/s), ${failedText(total)}`,
    ...statusLines(result),
    '',
    phaseTable(result),
    '',
    ...latencyPicture(total.latencies),
    '',
    ...sloLines(result, color),
    ...warnings(result),
  ];
  return lines.join('\n').trimEnd();
}

function failedText({ failures, failed }: TallyCount): string {
  if (failed === 0) return 'none failed';
  const parts = Object.entries(failures).map(([reason, count]) => `${count} ${reason}`);
  return `${failed} failed (${parts.join(', ')})`;
}

function statusLines({ options, total }: LoadResult): string[] {
  if (options.surface === 'tensor') return [];
  const share = (count: number): string =>
    `${((count / Math.max(1, total.latencies.count)) * 100).toFixed(2)} %`;
  return [
    `answers with a value MISSING: ${share(total.missing)}, with one UNAVAILABLE: ${share(total.unavailable)}`,
  ];
}

function phaseTable({ phases, total }: LoadResult): string {
  const shown = phases.length === 1 ? phases : [...phases, { name: 'all', tally: total }];
  const rows = shown.map(({ name, tally }) => [
    name,
    String(tally.latencies.count),
    String(tally.failed),
    String(tally.unavailable),
    ...QUANTILES.map((q) => formatNs(tally.latencies.quantileNs(q, tally.failed))),
    formatNs(tally.latencies.maxNs),
  ]);
  const head = ['phase', 'answered', 'failed', 'unavailable', ...QUANTILES.map(quantileName), 'max'];
  return renderTable(head, rows, ['left', ...head.slice(1).map(() => 'right' as const)]);
}

function sloLines({ objectives }: LoadResult, color: boolean): string[] {
  return objectives.map(({ objective, holds, actual, limit }) => {
    const isErrors = objective.startsWith('errors');
    const was = isErrors ? `${(actual! * 100).toFixed(3)} %` : formatNs((actual ?? Infinity) * 1e6);
    const said = `${holds ? 'holds' : 'BROKEN'}  ${objective}: was ${was}`;
    const factor =
      holds || isErrors || actual === null ? '' : `, ${(actual / limit).toFixed(1)} times the limit`;
    return color ? `\u001b[${holds ? 32 : 31}m${said}${factor}\u001b[0m` : said + factor;
  });
}

function warnings({ options, counted, total, entities }: LoadResult): string[] {
  const lines: string[] = [];
  if (total.missing > total.latencies.count / 2) {
    lines.push(
      `Most answers had a value MISSING: many of the ${entities} entities that were asked for have no row. ` +
        'Name those there are with --keys, as a range such as 1001..1005 or a file.',
    );
  }
  const lateNs = counted.late.quantileNs(0.99);
  if (lateNs > LATE_WARNING_NS) {
    lines.push(
      `The generator sent 1 % of the requests ${formatNs(lateNs)} late or later, which is in these figures: ` +
        'give it a free core, a lower --rate, or more --processes.',
    );
  }
  if (counted.queued > 0 && options.perSecond !== null) {
    lines.push(`${counted.queued} requests waited for one of ${options.connections} connections.`);
  }
  if (total.failed > 0 && counted.firstFault !== null) {
    lines.push(`The first answer that was no 200: ${counted.firstFault.replaceAll('\r\n', ' | ')}`);
  }
  return lines.length === 0 ? [] : ['', ...lines];
}
