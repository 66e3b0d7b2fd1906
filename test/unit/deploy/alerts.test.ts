/** Alert rules name metrics, and a name that no program exports is an alert that never comes. */
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { systemClock } from '../../../registry/std/clock.ts';
import { silentTalk } from '../../../registry/std/talk.ts';
import { Metrics } from '../../../sidecar/metrics.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';

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

async function metricsText(): Promise<string> {
  const spool = mkdtempSync(join(tmpdir(), 'plumb-'));
  const options = { folder: spool, pod: 'pod-1', clock: systemClock(), talk: silentTalk, maxBytes: 2 ** 30 };
  const log = await VectorLog.open({ ...options, durability: 'written', onFull: 'shed-log' });
  const stats = log.stats();
  await log.close();
  rmSync(spool, { recursive: true });
  return new Metrics().text({
    version: '1',
    transport: 'node',
    store: 'sqlite',
    bundle: '0',
    cacheEntries: 0,
    cacheBytes: 0,
    storeReads: 0,
    inFlightValues: 0,
    hottestShare: 0,
    nodes: [],
    values: [],
    log: stats,
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
    nowUs: 0,
  });
}

describe.each(readdirSync(folder).filter((file) => file.endsWith('.yaml')))('%s', (file) => {
  test('watches only metrics that the sidecar exports', async () => {
    const exported = new Set((await metricsText()).split('\n').map((line) => line.split(/[ {]/)[0]));
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
