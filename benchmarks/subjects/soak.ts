/**
 * A sidecar under load for minutes, cached rows and misses: its memory must be flat and nothing may leak. 100 customers
 * take 90 % of the requests and are cached; the others are asked for too seldom to be.
 *
 * Measured once the process has settled: a line fitted to the resident memory, and the fewest
 * descriptors and timers of the last third against those of the first.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jobOf } from '../harness/bench-context.ts';
import type { BenchContext } from '../harness/bench-context.ts';
import { sidecarContender, startServer } from '../harness/contender.ts';
import type { MeasuredServer } from '../harness/contender.ts';
import { print } from '../harness/report.ts';
import type { Target } from '../harness/report.ts';
import type { Probed } from '../harness/probes/soak-probe.ts';
import { manyRequests } from '../harness/rounds.ts';

const CUSTOMERS = 500;
/** Small, so that what the cache and the ready text of its rows may take is taken before the line is fitted. */
const SETTINGS = ['serve.cacheBytes=8MiB'];
const PER_SECOND = 300;
const SAMPLE_MS = 2_000;
const SETTLED_AFTER_S = 120;
const MIB = 2 ** 20;
const SLOPE_TARGET_MIB = 1;
/** Connections and files that come and go. */
const SPARE = 2;

interface Sample {
  readonly minute: number;
  readonly residentMib: number;
  readonly descriptors: number;
  readonly probed: Probed;
}

export async function soak(context: BenchContext): Promise<Target[]> {
  const seconds = context.soakMinutes * 60;
  const settledAfterS = Math.min(SETTLED_AFTER_S, seconds / 3);
  print(`\nSoak: ${context.soakMinutes} minutes, hot keys of ${CUSTOMERS} customers at ${PER_SECOND}/s`);
  const probeFile = join(context.folder, 'probe.json');
  writeFileSync(probeFile, '{}');
  const probe = pathToFileURL(join(import.meta.dirname, '../harness/probes/soak-probe.ts'));
  probe.search = encodeURIComponent(probeFile);
  const server = await startServer(
    sidecarContender('sidecar', context.project, { settings: SETTINGS, flags: ['--import', probe.href] }),
  );
  const startedMs = performance.now();
  const samples: Sample[] = [];
  const sampling = setInterval(() => {
    const minute = (performance.now() - startedMs) / 60_000;
    // What is probed is that of the sample before: a signal is answered in its own time.
    samples.push(sampleOf(server, minute, probeFile));
    process.kill(server.pid, 'SIGUSR2');
  }, SAMPLE_MS);
  try {
    const what = { profile: 'hot-keys', surface: 'native', keys: `1..${CUSTOMERS}` } as const;
    const job = jobOf({ ...context, seconds }, { ...what, perSecond: PER_SECOND });
    const { p50Ms, p99Ms, incomplete } = await manyRequests(job)(server);
    print(
      `  p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms, ${(incomplete * 100).toFixed(2)} % incomplete`,
    );
  } finally {
    clearInterval(sampling);
    await server.stop();
  }
  return targetsOf(samples.slice(1), settledAfterS / 60);
}

function sampleOf(server: MeasuredServer, minute: number, probeFile: string): Sample {
  return {
    minute,
    residentMib: (server.residentBytes() ?? 0) / MIB,
    descriptors: readdirSync(`/proc/${server.pid}/fd`).length,
    probed: JSON.parse(readFileSync(probeFile, 'utf8')) as Probed,
  };
}

function targetsOf(samples: readonly Sample[], settledMinute: number): Target[] {
  const settled = samples.filter(({ minute }) => minute >= settledMinute);
  const every = Math.max(1, Math.floor(samples.length / 12));
  for (const [i, { minute, residentMib, descriptors, probed }] of samples.entries()) {
    if (i % every !== 0) continue;
    const [heap, external] = [probed.heapBytes, probed.externalBytes].map((bytes) =>
      (bytes / MIB).toFixed(0),
    );
    print(
      `  minute ${minute.toFixed(1).padStart(5)}: ${residentMib.toFixed(0)} MiB resident, heap ${heap}, ` +
        `beside it ${external}; ${descriptors} descriptors, ${probed.timers} timers`,
    );
  }
  const third = Math.ceil(settled.length / 3);
  const growth = (of: (sample: Sample) => number): number =>
    Math.min(...settled.slice(-third).map(of)) - Math.min(...settled.slice(0, third).map(of));
  const slope = slopeOf(settled);
  const plain = { wanted: SPARE, unit: '', atMost: true } as const;
  return [
    {
      what: 'growth of memory a minute, once settled',
      reached: slope,
      wanted: SLOPE_TARGET_MIB,
      unit: 'MiB',
      atMost: true,
    },
    { what: 'more descriptors at the end', reached: growth(({ descriptors }) => descriptors), ...plain },
    { what: 'more timers at the end', reached: growth(({ probed }) => probed.timers), ...plain },
  ];
}

/** Least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [atMinute, atMib] = [mean(({ minute }) => minute), mean(({ residentMib }) => residentMib)];
  let above = 0;
  let below = 0;
  for (const { minute, residentMib } of samples) {
    above += (minute - atMinute) * (residentMib - atMib);
    below += (minute - atMinute) ** 2;
  }
  return above / below;
}
