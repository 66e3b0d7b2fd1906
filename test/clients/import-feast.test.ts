/** `plumb import-feast` over templates that Feast brings, as Feast loads them, and `plumb plan` of the outcome. */
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { plan } from '../../registry/commands.ts';
import { importFeast } from '../../registry/feast/import-feast.ts';
import { commandContext } from '../support/processes/command-context.ts';
import { PYTHON_LIMIT_MS, pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { scratchFolder } from '../support/scratch.ts';

let python: PythonEnvironment;
let templates: string;
beforeAll(async () => {
  python = await pythonEnvironment();
  const feast = execFileSync(python.program('python'), ['-c', 'import feast; print(feast.__file__)'], {
    encoding: 'utf8',
  });
  templates = join(dirname(feast.trim()), 'templates');
}, PYTHON_LIMIT_MS);

/** One of each kind of source: Feast takes ten seconds to load one, and the others are like these. */
const CHOSEN = ['gcp', 'local', 'minimal', 'pytorch_nlp', 'snowflake', 'spark'] as const;
/** Templates that import what an environment with Feast alone lacks. */
const LACKING = /No module named '(couchbase_columnar|psycopg|torch|ray|pyspark)|pip install feast\[/;
const PLACES = { PARQUET_PATH: 'data/driver_stats.parquet', LOGGING_PATH: 'logs', PROJECT_NAME: 'shop' };

function repositoryOf(template: string): string {
  const folder = join(scratchFolder(), 'repo');
  cpSync(join(templates, template, 'feature_repo'), folder, { recursive: true });
  for (const name of readdirSync(folder).filter((one) => one.endsWith('.py'))) {
    let text = readFileSync(join(folder, name), 'utf8');
    for (const [place, value] of Object.entries(PLACES)) text = text.replaceAll(`%${place}%`, value);
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

test(
  'templates that Feast loads',
  async () => {
    const taken: Record<string, number> = {};
    for (const template of CHOSEN) {
      const context = commandContext(scratchFolder(), true);
      try {
        const code = await importFeast(context, repositoryOf(template), { python: python.program('python') });
        const { documents } = JSON.parse(context.said()) as { documents: object[] };
        taken[template] = documents.length;
        expect(code, template).toBe(documents.length === 0 ? 3 : 0);
        if (documents.length > 0) expect(await plan(context, {}), template).toBe(0);
      } catch (error) {
        expect((error as Error).message, template).toMatch(LACKING);
      }
    }
    process.stdout.write(`definitions by template: ${JSON.stringify(taken)}\n`);
    expect(taken).toMatchObject({ local: 6, gcp: 6, snowflake: 6, minimal: 0 });
  },
  PYTHON_LIMIT_MS,
);
