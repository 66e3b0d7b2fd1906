/** The load tester's table of errors. Documented in docs/errors.md. */
import { errorsOf } from '../contract/std/coded-error.ts';
import type { ErrorEntry } from '../contract/std/coded-error.ts';

export const LOAD_ERRORS = {
  LOAD_USAGE: {
    message: 'An option of `plumb load` does not fit.',
    help: 'Run `plumb load --help` for the options and docs/loadtest.md for examples.',
    kind: 'usage',
  },
  LOAD_TARGET: {
    message: 'The target is not on this machine: load is sent to loopback addresses and unix sockets only.',
    help: 'Run the load test beside the sidecar, and name it as http://127.0.0.1:PORT or unix:PATH.',
    kind: 'usage',
  },
  LOAD_KEYS: {
    message: 'The entities of `--keys` do not fit the join keys of the feature service.',
    help: 'Give a range such as 1..10000, a file with one key a line, or JSON lines with all join keys.',
    kind: 'usage',
  },
  LOAD_SERVICE: {
    message: 'The sidecar does not tell the schema of the feature service.',
    help: 'Start it with `plumb serve`, and check --url and --service.',
    kind: 'failed',
  },
  LOAD_GENERATOR: {
    message: 'The process that makes the load ended before its time.',
    help: 'Read what it said; more open files (`ulimit -n`) or fewer --connections may help.',
    kind: 'failed',
  },
} as const satisfies Record<string, ErrorEntry>;

export const loadError = errorsOf(LOAD_ERRORS);
