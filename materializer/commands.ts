/** The materializer's commands: `materialize`, `backfill`, `history compact`. */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { printResult } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import { runToJson } from '../contract/run-record.ts';
import type { RunRecord } from '../contract/run-record.ts';
import { formatDuration } from '../contract/std/duration.ts';
import { renderTable } from '../contract/std/text-table.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import type { MaterializeOptions } from './materialize.ts';
import { parseShard } from './run/run-shard.ts';
import type { DryRun } from './dry-run.ts';
import { timeOf } from './time-option.ts';
import { untilStopped } from './until-stopped.ts';

interface MaterializeFlags {
  readonly view?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly full?: boolean;
  readonly replace?: boolean;
  readonly daemon?: boolean;
  readonly dryRun?: boolean;
  readonly shard?: string;
  readonly engine?: MaterializeOptions['engine'];
}

/** Brings history and online store up to date, one line a view. */
export async function materialize(context: CommandContext, flags: MaterializeFlags): Promise<ExitCode> {
  const main = await import('./main.ts');
  const { view: views, engine } = flags;
  if (flags.daemon === true) {
    const chosen = views === undefined ? {} : { views };
    await untilStopped((signal) => main.daemon(projectOf(context), { ...chosen, signal }));
    return 0;
  }
  const options = {
    ...(views === undefined ? {} : { views }),
    ...(engine === undefined ? {} : { engine }),
    fromUs: optionalTime('from', flags.from),
    toUs: optionalTime('to', flags.to),
    full: flags.full === true,
    replace: flags.replace === true,
    ...(flags.shard === undefined ? {} : { shard: parseShard(flags.shard) }),
  };
  if (flags.dryRun === true) {
    const found = await untilStopped((signal) => main.dryRuns(projectOf(context), { signal, ...options }));
    await printResult(context, { dryRuns: found }, () => renderDryRuns(found));
    return 0;
  }
  const records = await untilStopped((signal) =>
    main.materialize(projectOf(context), { signal, ...options }),
  );
  await printResult(context, { runs: records.map(runToJson) }, () => renderRuns(records));
  return 0;
}

interface BackfillFlags {
  readonly view: string;
  readonly feature?: string[];
  readonly from?: string;
  readonly to?: string;
  readonly engine?: MaterializeOptions['engine'];
}

/** Computes a view again, or a part of it, or single features. */
export async function backfill(context: CommandContext, flags: BackfillFlags): Promise<ExitCode> {
  const { materialize: run } = await import('./main.ts');
  const { view, feature: features, engine } = flags;
  const range = { fromUs: optionalTime('from', flags.from), toUs: optionalTime('to', flags.to) };
  const chosen = {
    views: [view],
    ...(features === undefined ? {} : { features }),
    ...(engine === undefined ? {} : { engine }),
  };
  const records = await untilStopped((signal) =>
    run(projectOf(context), { ...chosen, ...range, kind: 'backfill', signal }),
  );
  await printResult(context, { runs: records.map(runToJson) }, () => renderRuns(records));
  return 0;
}

/**
 * Computes views that an apply has made new, of those that only gained features these alone.
 *
 * @param told  called with each run once it is done
 */
export async function backfillApplied(
  context: CommandContext,
  views: readonly string[],
  told: (run: RunRecord) => Promise<void>,
): Promise<readonly RunRecord[]> {
  const { backfillNew } = await import('./main.ts');
  return untilStopped((signal) => backfillNew(projectOf(context), { ids: views, told }, signal));
}

interface StreamFlags {
  readonly source?: string[];
  readonly drain?: boolean;
  readonly archive?: boolean;
  readonly makeTiles?: boolean;
  readonly tiles?: string;
  readonly view?: string;
  readonly from?: string;
}

/** Takes the messages of streams into their archives and views, until it is drained or stopped; one line a view. */
export async function stream(context: CommandContext, flags: StreamFlags): Promise<ExitCode> {
  const main = await import('./main.ts');
  const { source, drain, archive, makeTiles, tiles: topic, view, from } = flags;
  if (topic !== undefined) {
    const options = { topic, drain: drain === true, ...(view === undefined ? {} : { view }) };
    const record = await untilStopped((signal) =>
      main.streamTiles(projectOf(context), { ...options, signal }),
    );
    await printResult(context, { runs: [runToJson(record)] }, () => renderRuns([record]));
    return 0;
  }
  const chosen = source === undefined ? {} : { sources: source };
  const records = await untilStopped((signal) =>
    main.stream(projectOf(context), {
      ...chosen,
      archiveOnly: archive === true,
      makesTiles: makeTiles === true,
      drain: drain === true,
      ...(from === undefined ? {} : { fromUs: timeOf('from', from) }),
      signal,
    }),
  );
  const shown = (): string => {
    if (makeTiles === true)
      return 'The messages are archived, and their tiles sent; no rows were made of them.';
    return archive === true ? 'The messages are archived; no rows were made of them.' : renderRuns(records);
  };
  await printResult(context, { runs: records.map(runToJson) }, shown);
  return 0;
}

interface StreamSqlFlags {
  readonly view?: string;
  readonly topic?: string;
  readonly checkpoint: string;
}

/** Prints the job with which another engine makes a view's tiles. */
export async function streamSql(context: CommandContext, flags: StreamSqlFlags): Promise<ExitCode> {
  const { tileJob } = await import('./stream/tiles/job-sql.ts');
  const { view, topic, checkpoint } = flags;
  const job = await tileJob(projectOf(context), {
    ...(view === undefined ? {} : { view }),
    ...(topic === undefined ? {} : { topic }),
    checkpoint,
  });
  await printResult(context, job, () => job.sql.trimEnd());
  return 0;
}

/** Joins the files of histories, makes their bases and removes what nobody reads, one line a view. */
export async function compactHistories(
  context: CommandContext,
  { view }: Pick<MaterializeFlags, 'view'>,
): Promise<ExitCode> {
  const { compact } = await import('./main.ts');
  const tended = await compact(projectOf(context), view);
  const rows = tended.map((one) => [
    one.view,
    ...[one.filesBefore, one.filesAfter, one.basesMade, one.filesRemoved].map(String),
  ]);
  const head = ['view', 'files', 'now', 'bases made', 'removed'];
  await printResult(context, { histories: tended }, () =>
    renderTable(head, rows, ['left', 'right', 'right', 'right', 'right']),
  );
  return 0;
}

function renderDryRuns(found: readonly DryRun[]): string {
  const rows = found.map((run) => [
    run.view,
    formatTimestamp(run.watermarkUs).replace('.000000', ''),
    ...[run.historyRows, run.entities, run.read, run.counted, run.rejected, run.lateEvents, run.waiting].map(
      String,
    ),
  ]);
  const head = [
    'view',
    'up to',
    'to history',
    'entities',
    'read',
    'counted',
    'rejected',
    'too late',
    'waiting',
  ];
  const table = renderTable(head, rows, ['left', 'left', ...head.slice(2).map(() => 'right' as const)]);
  return `${table}\n\nNothing was written: this is what a run would do now.`;
}

function optionalTime(flag: string, text: string | undefined): number | null {
  return text === undefined ? null : timeOf(flag, text);
}

function renderRuns(records: readonly RunRecord[]): string {
  const rows = records.map((run) => [
    run.view,
    formatTimestamp(run.watermarkUs).replace('.000000', ''),
    String(run.historyRows),
    String(run.written),
    String(run.equal),
    String(run.older),
    String(run.conflict),
    String(run.rejected),
    String(run.lateEvents),
    formatDuration(Math.round(((run.finishedUs ?? run.startedUs) - run.startedUs) / 1_000) * 1_000),
  ]);
  const head = [
    'view',
    'complete up to',
    'history',
    'written',
    'equal',
    'older',
    'conflict',
    'rejected',
    'too late',
    'took',
  ];
  return renderTable(head, rows, ['left', 'left', ...head.slice(2).map(() => 'right' as const)]);
}
