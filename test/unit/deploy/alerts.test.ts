/** Alert rules name metrics, and a name that no program exports is an alert that never comes. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runMetricsText } from '../../../materializer/run/run-metrics.ts';
import { partitionMetricsText } from '../../../materializer/run/partition-metrics.ts';
import { beginRun } from '../../../materializer/run/run-record.ts';
import type { RunPlan } from '../../../materializer/run/run-range.ts';
import { verdictMetrics } from '../../../monitor/alerts/verdict-metrics.ts';
import { loadSettings } from '../../../project/settings/settings.ts';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { Histogram } from '../../../contract/std/histogram.ts';
import { metricsText } from '../../../sidecar/metrics/metrics-text.ts';
import { Metrics } from '../../../sidecar/metrics/metrics.ts';
import { OnDemandTally } from '../../../sidecar/on-demand/on-demand-tally.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { badDay } from '../../support/fixtures/sample-snapshot.ts';
import { bundleOf, driverStats } from '../../support/fixtures/materialized-project.ts';
import { scratchFolder } from '../../support/scratch.ts';

const folder = join(import.meta.dirname, '../../../deploy/alerts');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string };
}

function rulesOf(file: string): Rule[] {
  const { groups } = parse(readFileSync(join(folder, file), 'utf8')) as { groups: { rules: Rule[] }[] };
  return groups.flatMap(({ rules }) => rules);
}

function resting(): OnDemandTally {
  const tally = new OnDemandTally();
  tally.fail('resting', 1);
  return tally;
}

async function scraped(): Promise<string> {
  const spool = mkdtempSync(join(tmpdir(), 'plumb-'));
  const options = {
    folder: spool,
    pod: 'pod-1',
    clock: systemClock(),
    logger: silentLogger,
    maxBytes: 2 ** 30,
  };
  const log = await VectorLog.open({ ...options, durability: 'written', onFull: 'shed-log' });
  const stats = log.stats();
  await log.close();
  rmSync(spool, { recursive: true });
  return metricsText(new Metrics(), {
    version: '1',
    transport: 'node',
    store: 'sqlite',
    storeState: { kind: 'read', reason: null, saysDown: false, isConnected: true },
    project: 'test',
    bundle: '0',
    bundleRefused: false,
    isAlone: false,
    cache: { entries: 0, bytes: 0, evictedByEntries: 0, evictedByBytes: 0 },
    cacheLayers: loadSettings(scratchFolder({ 'plumbline.yaml': '' }), {}).serve.cacheLayers,
    storeReads: 0,
    joinedReads: 0,
    inFlightValues: 0,
    waitingRequests: 0,
    connections: 0,
    hottestShare: 0,
    nodes: [],
    views: [],
    deprecated: [],
    onDemand: new Map([['trip', resting()]]),
    freshness: [{ view: 'spend', watermarkUs: 1, freshnessUs: 1, freshnessAlertUs: 2 }],
    functionProcesses: { ready: 2, lost: 0 },
    eventLoopDelays: new Histogram([1]),
    gc: { seconds: new Map() },
    log: stats,
    consumers: [{ consumer: 'ingest', position: null, lagBytes: 0, oldestUs: null }],
    shipping: {
      connected: true,
      shippedRecords: 0,
      shippedBytes: 0,
      rejectedRecords: 0,
      retries: 0,
      epoch: stats.epoch,
      sequence: 0,
      oldestUs: null,
      lagBytes: 0,
      damagedBytes: 0,
    },
    clockOffsetUs: 0,
    droppedLogLines: 0,
    nowUs: 0,
  });
}

describe.each(readdirSync(folder).filter((file) => file.endsWith('.yaml')))('%s', (file) => {
  test('watches only metrics that the sidecar exports, or a run, or a verdict', async () => {
    const view = driverStats();
    const range = { kind: 'ordinary', horizonUs: null } as unknown as RunPlan;
    const began = beginRun({
      view,
      bundle: bundleOf(view),
      runId: 'first',
      startedUs: 1,
      range,
      shard: null,
    });
    const run = { ...began, watermarkUs: 1, newestEventUs: 1, newestCreatedUs: 1 };
    const note = {
      runId: 'first',
      sourceId: 'topic',
      partition: 3,
      watermarkUs: 1,
      offset: 9,
      behind: 0,
      edgesDue: 0,
    };
    const judged = { snapshot: badDay(), lastRunUs: 1, openAlerts: { page: 1, note: 0 } };
    const texts = [
      await scraped(),
      runMetricsText([{ view, complete: run, last: run }]),
      verdictMetrics([judged], { slack: true }),
      partitionMetricsText([{ view: view.id, notes: [{ ...note, late: 0, leftOut: 0, notedUs: 1 }] }]),
    ];
    const exported = new Set(texts.flatMap((text) => text.split('\n').map((line) => line.split(/[ {]/)[0])));
    for (const { alert, expr } of rulesOf(file)) {
      const names = expr.match(/plumbline_[a-z_]+/g) ?? [];
      expect(names.length, alert).toBeGreaterThan(0);
      for (const name of names) expect(exported, `${alert} watches ${name}`).toContain(name);
    }
  });

  test('says of each alert how urgent it is and what to do', () => {
    for (const { alert, labels, annotations } of rulesOf(file)) {
      expect(['page', 'warn'], alert).toContain(labels.severity);
      expect(annotations.summary.length, alert).toBeGreaterThan(10);
      expect(annotations.description.length, alert).toBeGreaterThan(10);
    }
  });
});
