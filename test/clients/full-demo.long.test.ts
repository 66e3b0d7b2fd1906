/** `npm run demo -- --full`: the verdict as on the embedded defaults, and a page whose links all lead somewhere. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { silentLogger } from '../../contract/std/logger.ts';
import { runFullDemo } from '../../deploy/processes/full-demo.ts';
import { scratchFolder } from '../support/scratch.ts';
import { answers } from '../support/prometheus/prometheus-server.ts';
import { until } from '../support/until.ts';

const LIMIT_MS = 1_800_000;

test(
  'the day on a Redis Cluster, Kafka and PostgreSQL',
  async () => {
    const demo = await runFullDemo(join(scratchFolder(), 'demo'), silentLogger);
    onTestFinished(() => demo.stop());
    const { snapshot, training } = demo.result;
    const causes = snapshot.features.flatMap(({ causes: of }) => Object.keys(of));
    expect(new Set(causes).size).toBe(3);
    expect(Object.values(training.fromLog.differing)).toEqual([]);
    const page = readFileSync(demo.page, 'utf8');
    for (const link of demo.links) {
      expect(page).toContain(`href="${link}"`);
      await until(() => answers(link), link);
    }
  },
  LIMIT_MS,
);
