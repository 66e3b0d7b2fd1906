/** The monitor's commands, a part of the table of commands (command-line.ts). */
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Add } from './add-command.ts';

const monitor = () => import('../monitor/commands.ts');
const stats = () => import('../monitor/stats/stats-command.ts');
const health = () => import('../monitor/health/health-command.ts');
const registry = () => import('../registry/commands.ts');
const list = (value: string, before: string[] = []): string[] => [...before, value];

export function monitorCommands(add: Add, skew: Command): void {
  dayCommands(add, skew);
  add(
    'report',
    "draw a day's report again from its snapshot",
    async (c, o) => (await monitor()).report(c, o),
    skew,
  )
    .requiredOption('--date <day>', 'a UTC day')
    .option('--hour <hour>', 'an hour of it that was judged alone, 0 to 23')
    .requiredOption('--service <name>', 'the feature service');
  add('trend', 'how features matched over the last days', async (c, o) => (await monitor()).trend(c, o), skew)
    .option('--service <name>', 'only this service')
    .option('--feature <name>', 'only this feature, by its full name or its own')
    .option('--days <n>', 'up to the newest verdict', '30');
  add(
    'whatif',
    'how a judged day would have matched with other settings',
    async (c, o) => {
      const checkout = async () => (await registry()).checkoutFunctions(c);
      return (await monitor()).whatif(c, o, o.checkout === true ? checkout : null);
    },
    skew,
  )
    .option('--date <day>', 'a UTC day such as 2026-11-21; yesterday unless given')
    .option('--service <name>', 'only this service (repeatable)', list)
    .option('--view <name>', 'only this view (repeatable)', list)
    .option('--cache <times>', 'cache times of the sidecar, such as 1s,30s')
    .option('--every <times>', 'intervals of the runs, such as 5m,1h')
    .option('--delay <times>', 'delays of the view')
    .option('--ttl <times>', 'TTLs of stored views')
    .option('--checkout', 'on-demand views also with the functions of the definition files, applied or not')
    .option('--report', 'shows the answer in the report of the day, too')
    .option('--sample <share>', 'of the entities, by a hash of their keys, such as 10%; all unless given');
  add(
    'stats',
    'how the shared columns of two Parquet files differ',
    async (c, o) => (await stats()).stats(c, o),
    skew,
  )
    .requiredOption('--a <file>', 'the reference, e.g. a training set')
    .requiredOption('--b <file>', 'what is held against it');
  add(
    'health',
    'freshness, last runs, skew, coverage, p99 and availability against their limits',
    async (c, o) => (await health()).health(c, o),
    skew,
  )
    .addOption(
      new Option('--prometheus <url>', 'read what a Prometheus scraped of the sidecars').conflicts('sidecar'),
    )
    .option('--sidecar <host:port>', 'read the admin port of a sidecar (repeatable)', list)
    .option('--over <duration>', 'how far back Prometheus is asked', '1d');
}

/** Those that take in the log and judge it. */
function dayCommands(add: Add, skew: Command): void {
  add(
    'ingest',
    'the vector log into hourly Parquet, each record once',
    async (c, o) => (await monitor()).ingest(c, o),
    skew,
  )
    .option('--follow', 'go on until it is stopped; else up to what the log holds now')
    .addOption(new Option('--from <source>', 'read the spool, or the topic').choices(['spool', 'topic']))
    .option('--share <i/n>', "the i-th of n shares of the topic's partitions, such as 1/2; all unless given");
  add('run', 'judge a day: served against replayed', async (c, o) => (await monitor()).run(c, o), skew)
    .option('--date <day>', 'a UTC day such as 2026-11-21; yesterday unless given')
    .option(
      '--hour <hour>',
      'only this hour of it, 0 to 23; or last: the newest that is over, without --date',
    )
    .option('--service <name>', 'only this service (repeatable)', list)
    .option(
      '--shard <i/n>',
      'judge the i-th of n parts of the work alone; a run without it writes the verdict of all parts',
    )
    .option('--other-engine', 'judge on-demand values of another V8 or kind of processor all the same')
    .addOption(
      new Option('--engine <engine>', 'what replays the day').choices(['duckdb', 'spark']).default('duckdb'),
    );
}

export function explainCommand(add: Add): void {
  add('explain', 'why a served vector holds what it holds', async (c, o) => (await monitor()).explain(c, o))
    .option('--request <id>', 'a request of the log; an id that was used twice lists both')
    .option('--pod <pod>', 'with --epoch and --sequence: a record of the log')
    .option('--epoch <epoch>', "16 hex digits, of the pod's start")
    .option('--sequence <n>', 'number of the record')
    .option('--row <n>', 'of the request, from 0; the first ten unless given')
    .option('--feature <name>', 'only this feature')
    .option('--service <name>', 'with --at, and --entity for its join keys: without a request')
    .option('--entity <key=value>', 'a join key (repeatable)', list)
    .option('--at <time>', 'a time such as 2026-11-21T11:42:00Z')
    .option('--input <name=value>', 'with --service: what a request would bring (repeatable)', list);
}
