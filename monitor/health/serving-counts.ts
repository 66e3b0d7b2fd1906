/**
 * What the sidecars of a project have counted together. Read from their admin ports, where it counts from each one's
 * start, or from a Prometheus that scrapes them, where it is of the time asked for.
 */
import { formatDuration } from '../../contract/std/duration.ts';
import { httpCall, shownServer } from '../../project/connections/http-call.ts';
import { bucketsOf, mergeBuckets, parseMetrics } from './counted-metrics.ts';
import type { Buckets, MetricSample } from './counted-metrics.ts';

export interface ServingCounts {
  /** Such as `3 sidecars since their start`. */
  readonly from: string;
  /** How many sidecars were read. */
  readonly sidecars: number;
  /** Seconds of answers with 200. */
  readonly seconds: Buckets;
  /** Requests by HTTP status. */
  readonly requests: ReadonlyMap<string, number>;
  /** Values by view, and in it by status. */
  readonly values: ReadonlyMap<string, ReadonlyMap<string, number>>;
  /** What could not be read, and why. */
  readonly unread: readonly { readonly at: string; readonly why: string }[];
}

interface ReadOptions {
  readonly limitMs: number;
  readonly ca: string | null;
}

const SECONDS = 'plumbline_request_duration_seconds';
const REQUESTS = 'plumbline_requests_total';
const VALUES = 'plumbline_values_total';
const MAX_BYTES = 64 << 20;

/** @param sidecars  `host:port` of admin ports */
export async function countsOfSidecars(
  sidecars: readonly string[],
  options: ReadOptions,
): Promise<ServingCounts> {
  const unread: { at: string; why: string }[] = [];
  const read = await Promise.all(
    sidecars.map(async (at) => {
      try {
        const text = await getText(`http://${at}/metrics`, options);
        return parseMetrics(text, [SECONDS, REQUESTS, VALUES]).map((sample) => withInstance(sample, at));
      } catch (error) {
        unread.push({ at, why: (error as Error).message });
        return null;
      }
    }),
  );
  const found = read.filter((samples) => samples !== null);
  const from = `${found.length === 1 ? '1 sidecar since its' : `${found.length} sidecars since their`} start`;
  return { ...summed(found.flat()), from, sidecars: found.length, unread };
}

function withInstance({ name, labels, value }: MetricSample, instance: string): MetricSample {
  return { name, labels: { ...labels, instance }, value };
}

/** @param overUs  how far back from now */
export async function countsOfPrometheus(
  url: string,
  { project, overUs }: { readonly project: string; readonly overUs: number },
  options: ReadOptions,
): Promise<ServingCounts> {
  const range = `[${Math.max(1, Math.round(overUs / 1e6))}s]`;
  // A pod that is gone, or has another bundle now, served too.
  const ours = `and on (job, instance) last_over_time(plumbline_bundle_info{project=${JSON.stringify(project)}}${range})`;
  const ask = async (name: string, by: string): Promise<MetricSample[]> => {
    const query = `sum by (job, instance, ${by}) (increase(${name}${range}) ${ours})`;
    return (await askPrometheus(url, query, options)).map((series) => ({ ...series, name }));
  };
  const last = formatDuration(overUs);
  try {
    const answers = await Promise.all([
      ask(`${SECONDS}_bucket`, 'le'),
      ask(REQUESTS, 'code'),
      ask(VALUES, 'view, status'),
    ]);
    const samples = answers.flat();
    const pods = new Set(samples.map(({ labels }) => JSON.stringify([labels['job'], labels['instance']])));
    const from = `${pods.size === 1 ? '1 sidecar' : `${pods.size} sidecars`} over the last ${last}`;
    return { ...summed(samples), from, sidecars: pods.size, unread: [] };
  } catch (error) {
    const unread = [{ at: shownServer(url), why: (error as Error).message }];
    return { ...summed([]), from: `no sidecar over the last ${last}`, sidecars: 0, unread };
  }
}

/** A series of an answer of Prometheus: the time and the text of a number. */
interface PrometheusSeries {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [seconds: number, text: string];
}

async function askPrometheus(
  url: string,
  query: string,
  options: ReadOptions,
): Promise<Omit<MetricSample, 'name'>[]> {
  const at = `${url.replace(/\/+$/, '')}/api/v1/query?query=${encodeURIComponent(query)}`;
  const answer = JSON.parse(await getText(at, options)) as { data?: { result?: PrometheusSeries[] } };
  const result = answer.data?.result;
  if (!Array.isArray(result)) throw new Error('its answer is none of Prometheus');
  return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

async function getText(url: string, { limitMs, ca }: ReadOptions): Promise<string> {
  const { status, text } = await httpCall({ method: 'GET', url, limitMs, ca, maxBytes: MAX_BYTES });
  if (status !== 200) throw new Error(`it answered ${status}: ${text.trim().slice(0, 120)}`);
  return text;
}

function summed(samples: readonly MetricSample[]): Pick<ServingCounts, 'seconds' | 'requests' | 'values'> {
  const requests = new Map<string, number>();
  const values = new Map<string, Map<string, number>>();
  for (const { name, labels, value } of samples) {
    if (name === REQUESTS) add(requests, labels['code'] ?? '', value);
    if (name !== VALUES) continue;
    const view = labels['view'] ?? '';
    const own = values.get(view) ?? new Map<string, number>();
    values.set(view, own);
    add(own, labels['status'] ?? '', value);
  }
  return { seconds: mergeBuckets(bucketsOf(samples, SECONDS)), requests, values };
}

function add(counts: Map<string, number>, key: string, value: number): void {
  counts.set(key, (counts.get(key) ?? 0) + value);
}
