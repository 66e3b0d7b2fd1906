// One suite for unit, property and integration tests; tests of other ecosystems have a configuration of their own.
import { defineConfig } from 'vitest/config';

// Runs of many minutes are apart: `npm run test:long`.
const long = process.env['PLUMB_TEST_LONG'] === '1';

export default defineConfig({
  test: {
    include: [long ? 'test/**/*.long.test.ts' : 'test/**/*.test.ts'],
    exclude: ['test/clients/**', ...(long ? [] : ['**/*.long.test.ts'])],
    globalSetup: ['test/support/kafka/run-kafka-setup.ts'],
    setupFiles: ['test/support/property-seed.ts'],
    // Two cores: more workers only make real servers wait for each other.
    maxWorkers: 2,
    // A hung test ends; a machine with much other work, where processes take ten times as long to start, ends none.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // Tests import modules as Node does: the very files, hooks and types stripped that production runs.
    experimental: { viteModuleRunner: false },
    reporters: ['default'],
  },
});
