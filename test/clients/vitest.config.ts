// Tests with the clients of other ecosystems: `npm run test:clients`. They make their own Python environment.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ['**/*.test.ts'],
    // Python and two servers run beside each test: more at once only makes them wait for each other.
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 600_000,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
    // As in the main suite: modules are imported as Node does.
    experimental: { viteModuleRunner: false },
    reporters: ['default'],
  },
});
