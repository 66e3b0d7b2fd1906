// One suite for unit, property and integration tests; tests of other ecosystems have a configuration of their own.
import { defineConfig } from 'vitest/config';

// Runs of many minutes are apart: `npm run test:long` has those, and all of what `firstOf` and `rounds` shorten.
const long = process.env['PLUMB_TEST_LONG'] === '1';
const LONG = [
  'test/**/*.long.test.ts',
  'test/property/**/*.test.ts',
  'test/integration/monitor/{based-history,monitor-hashed-values,resumed-run}.test.ts',
  'test/integration/{kafka/kafka-restarts,project/package,sidecar/store-connection}.test.ts',
  'test/unit/{monitor/drift/category-drift,sidecar/main}.test.ts',
];
const STRIPPED_ONCE = new URL('test/support/processes/stripped-once.mjs', import.meta.url).href;
const UNITS = 'test/unit/**/*.test.ts';
/** Of programs in the test's own process; what changes a module or the process itself is not among them. */
const IN_PROCESS = [
  'test/property/!(pure-modules|spool).test.ts',
  'test/integration/{materializer,training}/*.test.ts',
  'test/integration/monitor/!(clock-skew|explain|monitor-hashed-values|resumed-run).test.ts',
];
const apart = ['test/clients/**', ...(long ? [] : ['**/*.long.test.ts'])];

/** A part of the suite. Its files run in processes of their own, or one after another in the same. */
const part = (name: string, isolate: boolean, include: string[], exclude: string[]) => ({
  extends: true as const,
  test: { name, isolate, include, exclude: [...apart, ...exclude] },
});

export default defineConfig({
  test: {
    projects: long
      ? [part('long', true, LONG, [])]
      : [
          // What their files import is loaded once: a third of a second a file.
          part('unit', false, [UNITS], []),
          part('in-process', false, IN_PROCESS, []),
          part('whole', true, ['test/**/*.test.ts'], [UNITS, ...IN_PROCESS]),
        ],
    globalSetup: ['test/support/kafka/run-kafka-setup.ts', 'test/support/processes/build-plumb-setup.ts'],
    setupFiles: ['test/support/property-seed.ts', 'test/support/processes/kept-compiled.ts'],
    // One a core of the smallest machine: with three, servers that a test waits for came late now and then.
    maxWorkers: 2,
    // A hung test ends; a machine with much other work, where processes take ten times as long to start, ends none.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', STRIPPED_ONCE],
    // Tests import modules as Node does: the very files, hooks and types stripped that production runs. No mocks of
    // modules, so that Vitest need not look into any.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    reporters: ['default'],
  },
});
