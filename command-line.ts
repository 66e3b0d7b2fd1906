/**
 * The table of commands: each command's name, options and the one program that it loads. Run by `plumb.ts`;
 * docs/commands.md is made from it.
 */
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { Add } from './command-line/add-command.ts';
import type { CommandContext, ExitCode } from './project/command.ts';
import { printResult } from './project/command.ts';
import { OWN_PACKAGE } from './project/own-package.ts';
import { completionScript, SHELLS } from './command-line/completion.ts';
import type { Shell } from './command-line/completion.ts';
import { TEMPLATE_NAMES } from './registry/init/template-name.ts';
import { applyCommands, bundleCommands } from './command-line/apply-commands.ts';
import { accessCommands } from './command-line/access-commands.ts';
import { k8sCommands } from './command-line/k8s-commands.ts';
import { explainCommand, monitorCommands } from './command-line/monitor-commands.ts';

const registry = () => import('./registry/commands.ts');
const access = () => import('./registry/access/commands.ts');
const bundles = () => import('./registry/bundles/commands.ts');
const registryLineage = () => import('./registry/lineage/lineage.ts');
const registrySearch = () => import('./registry/search/search.ts');
const feast = () => import('./registry/feast/import-feast.ts');
const assistant = () => import('./registry/assistant/mcp-command.ts');
const ownVersion = () => import('./registry/doctor/own-version.ts');
const doctor = () => import('./registry/doctor/doctor.ts');
const jsonSchema = () => import('./registry/json-schema/schema-command.ts');
const materializer = () => import('./materializer/commands.ts');
const gates = () => import('./materializer/gates/gate-commands.ts');
const training = () => import('./training/commands.ts');
const sidecar = () => import('./sidecar/commands.ts');
const spool = () => import('./sidecar/vector-log/log-commands.ts');
const shipper = () => import('./sidecar/shipper/ship-command.ts');
const catalogue = () => import('./catalogue/ui-command.ts');
const registryServer = () => import('./registry/remote/registry-routes.ts');
const loadtest = () => import('./loadtest/commands.ts');
/** Of an option that may be repeated. */
const list = (value: string, before: string[] = []): string[] => [...before, value];

/** Commands that work with bundles take the newest first, where bundles come from elsewhere; `serve` does it itself. */
const READS_BUNDLES =
  /^(show|lineage|search|materialize|wait|warm|backfill|stream|sql|train|compute|get|load|cat|ingest|run|explain|whatif|health)\b/;

/** Those of them that read and write runs: without the registry's database they do nothing. */
const IN_DATABASE = /^(materialize|wait|backfill|stream|train|run)\b/;

/** Commands that show what is applied, for which a token is asked where access is on; others ask for it themselves. */
const READS_REGISTRY = /^(show \[name\]|versions|diff|lineage|search|mcp)/;

/** Runs what a command does, with the context that the front door makes. */
type RunAction = (action: (context: CommandContext) => Promise<ExitCode>) => Promise<void>;

/** @returns all commands, not run yet. Mistakes on the command line are thrown; help is printed as it is */
export function commandLine(run: RunAction): Command {
  const program = new Command('plumb')
    .description(
      'Feature serving that proves every day that what a model was served is what it was trained on.',
    )
    .version(OWN_PACKAGE.version, '--version')
    .option('-C <dir>', "the project's folder", '.')
    .option('--json', 'data as JSON')
    .option('--set <path=value>', 'a setting for this run, e.g. --set serve.port=7000', collectSetting)
    // The front door reports a wrong command line, like every other error.
    .configureOutput({ outputError() {} })
    .exitOverride();
  const add: Add = (usage, description, action, parent = program) =>
    parent
      .command(usage)
      .description(description)
      .exitOverride()
      .action((...args: unknown[]) =>
        run(async (context) => {
          if (READS_REGISTRY.test(usage)) await (await access()).mayRead(context, usage.split(' ', 1)[0]!);
          if (READS_BUNDLES.test(usage))
            await (await bundles()).takeNewestFor(context, IN_DATABASE.test(usage));
          return action(context, ...args);
        }),
      );
  const group = (name: string, description: string): Command =>
    program.command(name).description(description).exitOverride();
  definitionCommands(add);
  materializeCommands(add);
  backfillCommand(add);
  streamCommand(add);
  trainCommand(add);
  computeCommand(add);
  servingCommands(add);
  loadCommand(add);
  add(
    'show [name]',
    'training sets that were made, or what one was made of',
    async (c, name) => (await training()).showTraining(c, name),
    group('training', 'training sets that were made'),
  );
  add(
    'compact',
    'join small files of histories, make their bases, remove what nobody reads',
    async (c, o) => (await materializer()).compactHistories(c, o),
    group('history', 'rows of aggregated views'),
  ).option('--view <id>', 'this view only; repeatable', list);
  logCommands(add, group('log', 'read the spool'));
  accessCommands(add, group('token', 'who may ask and change what'));
  bundleCommands(add, group('bundle', 'definitions on their way to where they are served'));
  monitorCommands(add, group('monitor', 'the daily skew report'));
  explainCommand(add);
  configCommands(add, group('config', 'settings'));
  k8sCommands(add, group('k8s', 'manifests of Kubernetes for this project'));
  setupCommands(add);
  add(
    'mcp',
    'the registry and the last verdicts for assistants, over stdin and stdout; read only',
    async (c) => (await assistant()).mcp(c),
  );
  const shell = new Argument('<shell>', 'which one').choices(SHELLS);
  add('completion', 'a script that completes commands and options in a shell', async (c, of: Shell) => {
    await c.print(completionScript(of, program));
    return 0;
  }).addArgument(shell);
  return program;
}

function setupCommands(add: Add): void {
  add('doctor', 'what is wrong with this set-up, and what to do: exit code 1 when something is', async (c) =>
    (await doctor()).doctor(c),
  );
  add('version', 'this program, and the formats that it reads', async (c) => (await ownVersion()).version(c));
}

function definitionCommands(add: Add): void {
  add('init [dir]', 'a new project from a template', async (c, dir, o) =>
    (await registry()).init(c, dir, o),
  ).addOption(
    new Option('--template <name>', 'what the project shows').choices(TEMPLATE_NAMES).default('quickstart'),
  );
  add('demo', 'the main job, end to end, on real data: a rehearsed day of an online shop', demo).option(
    '--dir <dir>',
    'where its project is made',
    '.plumb/demo',
  );
  add(
    'import-feast <from>',
    "a Feast repository's entities, views and services as definitions, and what has no counterpart",
    async (c, from, o) => (await feast()).importFeast(c, from, o),
  ).option('--python <program>', 'a Python that has Feast; a registry file needs none', 'python3');
  add('plan', 'compare the definitions with what is applied', async (c, o) => (await registry()).plan(c, o))
    .option('--exit-code', 'exit with 1 when there are changes')
    .option('--out <file>', 'keep the plan in a file, for `plumb apply FILE`');
  applyCommands(add);
  add('show [name]', 'the catalogue, or one definition', async (c, name, o) =>
    (await registry()).show(c, name, o),
  ).option('--at <apply>', 'as an earlier apply put it in force');
  add(
    'lineage [name]',
    'where a thing comes from and what comes of it; of each source what hangs on it',
    async (c, name, o) => (await registryLineage()).lineage(c, name, o),
  ).option('--svg <file>', 'draw it, too');
  add('search <words...>', 'definitions by name, meaning, tag, owner, entity', async (c, words, o) =>
    (await registrySearch()).search(c, words, o),
  ).option('--most <n>', 'how many at most', '20');
  add(
    'ui',
    'the catalogue, as pages and as JSON: what there is, how right and how fresh it is',
    async (c, o) => (await catalogue()).ui(c, o, (await registryServer()).registryRoutes),
  ).option('--port <port>', 'port of the pages');
  const what = new Argument('<of>', 'which files').choices(['definitions', 'settings']);
  add('schema', 'JSON Schema for editors: of definitions in YAML, or of plumbline.yaml', async (c, of) =>
    (await jsonSchema()).schema(c, of),
  ).addArgument(what);
}

function materializeCommands(add: Add): void {
  const fill = add('materialize', 'compute aggregated views, fill the online store', async (c, o) =>
    (await materializer()).materialize(c, o),
  )
    .option('--view <name>', 'only this view (repeatable)', list)
    .option('--from <time>', 'rows after this event time')
    .option('--to <time>', 'rows with event and created time up to and including this')
    .option('--full', 'ignore the bookmark of the last run')
    .option('--replace', 'go past the guard: overwrite fresher rows')
    .addOption(
      new Option(
        '--shard <i/n>',
        'write the i-th of n parts of the rows: n processes share a view',
      ).conflicts(['from', 'replace', 'dryRun', 'daemon']),
    )
    .option('--dry-run', 'say what would be written, and write nothing')
    .addOption(tileEngine().conflicts('daemon'))
    .addOption(
      new Option('--daemon', 'run views by their schedule until stopped').conflicts([
        'from',
        'to',
        'full',
        'replace',
        'dryRun',
      ]),
    );
  add(
    'wait',
    'wait until all views of a service are materialized past a time: exit code 0, else 1',
    async (c, o) => (await gates()).waitUntilMaterialized(c, o),
    fill,
  )
    .requiredOption('--service <name>', 'the feature service')
    .requiredOption('--as-of <time>', 'each view is complete up to it, also in the online store')
    .option('--timeout <duration>', 'how long to wait; 0s looks once', '10m');
  add(
    'warm',
    'how many entities of the last day have each feature of a service online: exit code 0, else 1',
    async (c, o) => (await gates()).tellWarm(c, o),
    fill,
  )
    .requiredOption('--service <name>', 'the feature service')
    .option('--share <share>', 'of the live entities that must have each feature', '95%');
}

function backfillCommand(add: Add): void {
  add('backfill', 'compute a view again, or a part of it, or single features', async (c, o) =>
    (await materializer()).backfill(c, o),
  )
    .requiredOption('--view <id>', 'the view')
    .option('--feature <name>', 'this feature alone, and keep the values of the others (repeatable)', list)
    .option('--from <time>', 'edges or rows after this event time; without it all, and the horizon moves')
    .option('--to <time>', 'up to and including this event time')
    .addOption(tileEngine());
}

function tileEngine(): Option {
  const option = new Option('--engine <engine>', 'what makes the tiles of aggregated views');
  return option.choices(['duckdb', 'spark']).default('duckdb');
}

const NO_TILES = ['source', 'archive', 'makeTiles', 'from'];
function streamCommand(add: Add): void {
  const stream = add(
    'stream',
    'take the messages of streams into archive, history and online store',
    async (c, o) => (await materializer()).stream(c, o),
  )
    .option('--source <name>', 'only this source (repeatable)', list)
    .option('--drain', 'end when all that is there has been read')
    .option('--from <time>', 'make rows after this time again that are not what the archive gives')
    .option('--archive', 'write the archive alone: another engine makes the tiles, and --tiles takes them')
    .addOption(
      new Option(
        '--make-tiles',
        'write the archive, and send tiles to topics in place of making rows',
      ).conflicts(['archive', 'tiles', 'from']),
    )
    .addOption(
      new Option(
        '--tiles <topic>',
        'make rows of tiles that another engine, or --make-tiles, sends',
      ).conflicts(NO_TILES),
    )
    .option('--view <id>', 'with --tiles: whose tiles they are; the only view over a topic unless given');
  add(
    'sql',
    'print the job with which another engine makes the tiles of a view',
    // `--view` is an option of both commands, and commander gives it to the outer one.
    async (c, _, sql: Command) => (await materializer()).streamSql(c, sql.optsWithGlobals()),
    stream,
  )
    .option('--view <id>', 'the view; the only one over a topic unless given')
    .addOption(new Option('--engine <name>', 'which engine').choices(['flink']).default('flink'))
    .option('--topic <name>', 'of the tiles; named after the view and its definition unless given')
    .option('--checkpoint <time>', 'how often the engine makes a checkpoint; tiles come with them', '10s');
}

function trainCommand(add: Add): void {
  add('train', 'a point-in-time training set', async (c, o) => (await training()).train(c, o))
    .option(
      '--labels <file>',
      'Parquet or CSV with a time and the join keys, or with --from-log a request_id',
    )
    .option('--service <name>', 'whose features to join')
    .option('--out <file>', 'Parquet or CSV to write')
    .addOption(
      new Option('--as <mode>', 'all of the history, or only what was known at the time')
        .choices(['trained', 'available'])
        .default('trained'),
    )
    .option('--time-column <name>', "the labels' column of times", 'event_timestamp')
    .option('--name <name>', "under which the registry keeps its manifest; the file's unless given")
    .option(
      '--input <name=column>',
      "an input of on-demand views and the labels' column that holds it (repeatable)",
      list,
    )
    .option('--strict', 'exit code 3 where labels lie past the history, in place of nulls and a note')
    .addOption(
      new Option(
        '--cap-to-warm',
        'leave out labels from before each feature was online with its full window',
      ).conflicts('fromLog'),
    )
    .addOption(
      new Option('--from-log', 'the values that were answered, from the archive of the log').conflicts('as'),
    )
    .option('--within <time>', 'from the log: the vector was answered at most so long before its label')
    .option('--statuses', 'from the log: a column with the status of each feature')
    .option('--without-masked', 'from the log: leave out features that are kept out of it')
    .option('--allow-gaps', 'from the log: take days of which it lacks some records')
    .addOption(
      new Option('--engine <name>', 'what joins labels and history')
        .choices(['duckdb', 'spark'])
        .default('duckdb'),
    )
    .option('--other-engine', 'though on-demand functions were applied, or ran the first time, on another V8')
    .addOption(
      new Option('--again <name>', 'a set that was made before, once more to the byte').conflicts([
        'service',
        'as',
        'name',
        'timeColumn',
        'strict',
        'input',
        'capToWarm',
        'fromLog',
        'within',
        'statuses',
        'withoutMasked',
        'allowGaps',
      ]),
    );
}

function computeCommand(add: Add): void {
  add('compute', 'features of an on-demand view over rows: an Arrow stream in, one out', async (c, o) =>
    (await training()).compute(c, o),
  )
    .requiredOption('--view <id>', 'the on-demand view')
    .option('--describe', 'only say which columns it takes and gives')
    .option('--other-engine', 'though it was applied on another V8 or kind of processor');
}

function servingCommands(add: Add): void {
  add('get', 'one vector, as a table', async (c, o) => (await sidecar()).get(c, o))
    .requiredOption('--service <name>', 'the feature service')
    .option('--entity <key=value>', 'a join key (repeatable)', list)
    .option('--context <name=value>', 'an input of on-demand features (repeatable)', list);
  add('serve', 'the sidecar', async (c, o) => (await sidecar()).serve(c, o))
    .option('--port <port>', 'port of the features')
    .option('--admin-port <port>', 'port of health and metrics');
}

function loadCommand(add: Add): void {
  add('load', 'load profiles against a running sidecar', async (c, o) => (await loadtest()).load(c, o))
    .option('--profile <name>', 'cached, cold, uniform, zipf, hot-keys, fifty-rows or faults', 'cached')
    .option('--rate <n>', 'requests a second (open loop), or max (closed loop)', '1000')
    .option('--duration <time>', 'how long is measured', '30s')
    .option('--warmup <time>', 'how long at the same rate before', '2s')
    .option('--slo <objective>', 'such as p99=10ms,errors=0.1%; exit code 1 when one is broken', list)
    .option('--url <url>', "http://127.0.0.1:PORT or unix:PATH; the project's own unless given")
    .option('--service <name>', "the feature service; the project's only one unless given")
    .option('--keys <file|range>', 'entities: 1..10000, a file of keys or of JSON lines', '1..1000')
    .option('--surface <name>', 'native, feast or tensor', 'native')
    .option('--connections <n>', 'of all processes together', '64')
    .option('--processes <n>', 'that make the load, each takes a core', '1')
    .option('--timeout <time>', 'after which a request has failed', '1s')
    .option('--deadline-ms <n>', 'sent with each request')
    .option('--seed <n>', 'of the choice of entities', '1')
    .option('--store-pid <pid>', "the store's process, which --profile faults stops and resumes")
    .option('--html <file>', 'write the latency picture');
}

function logCommands(add: Add, log: Command): void {
  add('cat', 'one JSON object a served request', async (c) => (await spool()).logCat(c), log);
  add('status', 'bytes, segments, lag', async (c) => (await spool()).logStatus(c), log);
  add('verify', 'check every frame', async (c) => (await spool()).logVerify(c), log);
  add('ship', 'ship what is left to Kafka', async (c, o) => (await shipper()).logShip(c, o), log).option(
    '--wait <duration>',
    'how long Kafka may take nothing before this gives up',
    '1m',
  );
}

function configCommands(add: Add, config: Command): void {
  add('show', 'every setting in force', async (c) => (await registry()).configShow(c), config);
  add(
    'check',
    'what is wrong with the settings: exit code 1 when something is',
    async (c) => (await import('./registry/doctor/config-check.ts')).configCheck(c),
    config,
  );
}

/** The example uses the programs as a newcomer's own script could; it is no program itself. */
async function demo(c: CommandContext, o: { dir: string }): Promise<ExitCode> {
  const { renderDemo, runDemo, today } = await import('./examples/retail/demo.ts');
  const result = await runDemo(o.dir, today(), c.logger);
  await printResult(c, result, () => renderDemo(result, c.color));
  return 0;
}

function collectSetting(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new InvalidArgumentError('expected path=value, e.g. serve.port=7000.');
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}
