/** docs/metrics.md is made from what programs export. */
import { test } from 'vitest';
import { expectGeneratedPart, markdownTable } from '../../support/docs/generated-part.ts';
import { exportedMetrics } from '../../support/fixtures/exported-metrics.ts';

test.each([
  ['sidecar', 'sidecar/metrics'],
  ['runs', 'materializer/run/run-metrics.ts'],
  ['streams', 'materializer/run/partition-metrics.ts'],
  ['ingest', 'monitor/ingest/ingest-metrics.ts'],
  ['monitor', 'monitor/alerts/verdict-metrics.ts'],
])('metrics of %s', async (program, source) => {
  const own = [...(await exportedMetrics())].filter(([, metric]) => metric.program === program);
  const rows = own.map(([name, { type, labels, help }]) => [`\`${name}\``, type, labels.join(', '), help]);
  expectGeneratedPart('docs/metrics.md', source, markdownTable(['metric', 'type', 'labels', 'what'], rows));
});
