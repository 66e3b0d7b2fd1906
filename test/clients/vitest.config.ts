// Tests with the clients of other ecosystems: `npm run test:clients`. They make their own Python environment. Those of
// heavy engines (Flink) are apart: `PLUMB_TEST_LONG=1 npm run test:clients` runs them too.
import { configDefaults, defineConfig } from 'vitest/config';

const STRIPPED_ONCE = new URL('../support/processes/stripped-once.mjs', import.meta.url).href;
const long = process.env['PLUMB_TEST_LONG'] === '1';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    exclude: [...configDefaults.exclude, ...(long ? [] : ['**/*.long.test.ts'])],
    globalSetup: ['../support/processes/build-plumb-setup.ts'],
    setupFiles: ['../support/processes/kept-compiled.ts'],
    // Python and two servers run beside each test: more at once only makes them wait for each other.
    maxWorkers: 2,
    // As in the main suite: a hung test ends, and a machine with much other work ends none.
    testTimeout: long ? 600_000 : 120_000,
    hookTimeout: long ? 1_800_000 : 600_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning', '--import', STRIPPED_ONCE],
    // As in the main suite: modules are imported as Node does, types stripped once.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    reporters: ['default'],
  },
});
