/**
 * Schemathesis holds the OpenAPI document against the running sidecar, on both transports: every status, content type
 * and answer is one that the document names, what breaks a schema is refused, and nothing is a 5xx. One sidecar has
 * on-demand views with inputs of every type. With PLUMB_TEST_LONG=1 with twenty times the cases, drawn anew.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runServe } from '../../sidecar/main.ts';
import type { RunningSidecar } from '../../sidecar/main.ts';
import { pythonEnvironment } from '../support/processes/python-environment.ts';
import type { PythonEnvironment } from '../support/processes/python-environment.ts';
import { ComparedPlaces } from '../support/fixtures/compared-places.ts';
import { IS_LONG_RUN } from '../support/long-run.ts';
import { scratchFolder } from '../support/scratch.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { bare, fee, onDemandContent, trip } from '../support/fixtures/on-demand-bundle.ts';
import {
  NOON_US,
  PROFILE_VALUES,
  ServingFixture,
  manualClock,
  productStats,
  profile,
  spend,
} from '../support/fixtures/serving-fixture.ts';

const CONFIG = join(import.meta.dirname, 'schemathesis.toml');
const LIMIT_MS = IS_LONG_RUN ? 7_200_000 : 600_000;
const execute = promisify(execFile);
let python: PythonEnvironment;

beforeAll(async () => {
  python = await pythonEnvironment();
});

describe.each(['uws', 'node'])('the OpenAPI document on %s', (transport) => {
  let fixture: ServingFixture;
  let served: RunningSidecar;

  beforeAll(async () => {
    fixture = new ServingFixture(
      manualClock(),
      { 'serve.transport': transport, 'serve.deadlineMs': '5000' },
      onDemandContent([trip, fee, bare]),
    );
    // What the examples ask for is there: answers with values, not with fallbacks only.
    fixture.put(profile, 1n, PROFILE_VALUES);
    fixture.put(spend, 1n, [1.5, null]);
    fixture.put(productStats, 'example', [2]);
    for (const id of ['profile', 'spend', 'product']) fixture.mark(id, NOON_US);
    served = await runServe(fixture.project());
  });

  afterAll(async () => {
    await served.stop();
    fixture.close();
  });

  test(
    'says what the sidecar does',
    async () => {
      expect(await fuzz(`http://127.0.0.1:${served.port}`, fixture.folder)).toContain('Tested: 17');
      // On a busy machine the disk and functions may be slow for a moment; nothing else is worth a word.
      const usual =
        /^the disk of the spool|^the on-demand view (?:bare is UNAVAILABLE|\w+ is UNAVAILABLE in a row \((?:slow|late|deadline|resting)\))/;
      expect(fixture.warnings.filter((line) => !usual.test(line))).toEqual([]);
    },
    LIMIT_MS,
  );
});

test(
  'the OpenAPI document of on-demand views with inputs of every type says what the sidecar does',
  async () => {
    const folder = join(scratchFolder(), 'random');
    const { url } = (await ComparedPlaces.make(folder, seededRandom())).sidecar;
    expect(await fuzz(url, folder)).toMatch(/Tested: \d+/);
  },
  LIMIT_MS,
);

/** @returns what Schemathesis said of a run in which nothing failed */
async function fuzz(url: string, cwd: string): Promise<string> {
  const drawn = IS_LONG_RUN
    ? ['--max-examples', '200']
    : ['--max-examples', '10', '--generation-deterministic'];
  const args = ['--config-file', CONFIG, 'run', `${url}/openapi.json`, ...drawn, '--no-color'];
  const said = await execute(python.program('schemathesis'), args, {
    cwd,
    env: python.variables,
    maxBuffer: 64 << 20,
  }).then(
    ({ stdout }) => stdout,
    (error: Error & { stdout?: string }) => `FAILED ${error.message}\n${error.stdout ?? ''}`,
  );
  const report = said.split('\n').map((line) => line.slice(0, 400));
  expect(said.startsWith('FAILED'), report.slice(-120).join('\n')).toBe(false);
  return said;
}
