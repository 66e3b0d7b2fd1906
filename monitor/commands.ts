/** The monitor's commands: `plumb monitor ingest, run, report, trend, whatif`, and `plumb explain`. */
import { randomUUID } from 'node:crypto';
import { loadCurrentBundle, readPointer } from '../contract/definitions/bundle-folder.ts';
import { formatTimestamp } from '../contract/std/timestamp.ts';
import { emitLineage } from '../project/open-lineage/emit.ts';
import { verdictDatasets } from '../project/open-lineage/run-event.ts';
import type { Project } from '../project/project.ts';
import type { CommandContext, ExitCode } from '../project/command.ts';
import { printResult } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import { registryError } from '../contract/errors.ts';
import type { OnDemandView } from '../contract/model.ts';
import { RegistryDatabase } from '../project/database/registry-database.ts';
import { askedBy } from './explain/explain-options.ts';
import type { ExplainOptions } from './explain/explain-options.ts';
import { renderExplanation } from './explain/explanation-text.ts';
import { afterRun } from './alerts/after-run.ts';
import { renderIngest } from './ingest/ingest-result.ts';
import { WHOLE, parseShare } from '../project/archive/ingest-share.ts';
import { runIngest } from './ingest/main.ts';
import { askedSpan } from './judged-span.ts';
import type { MonitorEngine } from './run.ts';
import { parseRoleShard } from './kept/role-shard.ts';
import type { KeptShard } from './kept/role-shard.ts';
import { judgeDay, judgeShard, redrawReport } from './main.ts';
import type { JudgedDay } from './main.ts';
import { reportWhatIf } from './report/reported-what-if.ts';
import { readTrends } from './report/trend.ts';
import { exitCodeOf } from './verdict/verdict.ts';
import { renderTrends } from './report/terminal/trend-table.ts';
import { renderVerdict } from './report/terminal/verdict-table.ts';
import type { WhatIfOptions } from './whatif/asked-settings.ts';
import { renderWhatIf } from './whatif/what-if-table.ts';
import { whatIf } from './whatif/what-if.ts';

/** Ingests what the log holds now, or goes on until SIGINT or SIGTERM; commits what it has read before it ends. */
export async function ingest(
  context: CommandContext,
  options: { follow?: boolean; from?: 'spool' | 'topic'; share?: string },
): Promise<ExitCode> {
  const share = options.share === undefined ? WHOLE : parseShare(options.share);
  if (share === null) {
    const message = `--share: expected the number of a share and how many there are, such as 1/2, got ${options.share}`;
    throw registryError('REG_USAGE', message, { field: 'share' });
  }
  const stop = new AbortController();
  const end = (): void => stop.abort();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, end);
  try {
    const result = await runIngest(projectOf(context), {
      follow: options.follow === true,
      signal: stop.signal,
      share,
      ...(options.from === undefined ? {} : { from: options.from }),
    });
    await printResult(context, result, () => renderIngest(result));
    return 0;
  } finally {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.removeListener(signal, end);
  }
}

/**
 * Judges a day or an hour; exit code 1 when a verdict is alert or alarm, 3 when there was too little data to judge.
 * Where a service cannot be judged, the verdicts of the others are told first.
 */
export async function run(
  context: CommandContext,
  options: {
    date?: string;
    hour?: string;
    service?: string[];
    shard?: string;
    otherEngine?: boolean;
    engine?: MonitorEngine;
  },
): Promise<ExitCode> {
  const project = projectOf(context);
  const asked = {
    otherEngine: options.otherEngine === true,
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    ...(options.date === undefined ? {} : { date: options.date }),
    ...(options.hour === undefined ? {} : { hour: options.hour }),
    ...(options.service === undefined ? {} : { services: options.service }),
  };
  if (options.shard !== undefined) {
    const shard = parseRoleShard(options.shard);
    const kept = await judgeShard(project, asked, shard);
    await printResult(context, kept, () => kept.map((one) => shardText(one, options.shard!)).join('\n'));
    return 0;
  }
  const judged: JudgedDay[] = [];
  let failed: unknown = null;
  try {
    await judgeDay(project, asked, (day) => judged.push(day));
  } catch (error) {
    await tellFailed(project, options.service, judged, error as Error);
    if (judged.length === 0) throw error;
    failed = error;
  }
  for (const day of judged) await tellLineage(project, day);
  const snapshots = judged.map(({ snapshot }) => snapshot);
  const told = await afterRun(project, snapshots, failed === null);
  const render = (): string => {
    return [...judged.map((day) => verdictText(context, day)), ...(told === '' ? [] : [told])].join('\n\n');
  };
  await printResult(context, snapshots, render);
  if (failed !== null) throw failed;
  return exitCodeOf(snapshots.map(({ verdict }) => verdict));
}

async function tellLineage(project: Project, { snapshot, snapshotFile }: JudgedDay): Promise<void> {
  const { settings, clock } = project;
  await emitLineage(project, () => {
    const bundle = loadCurrentBundle(settings.bundles);
    const service = bundle.services.get(snapshot.service);
    return {
      ...verdictDatasets(settings, bundle, service, snapshotFile),
      job: `monitor.${snapshot.service}`,
      runId: randomUUID(),
      endedAt: formatTimestamp(clock.nowUs()),
      error: null,
    };
  });
}

/** Of each service that was to be judged and was not. */
async function tellFailed(
  project: Project,
  asked: readonly string[] | undefined,
  judged: readonly JudgedDay[],
  { message }: Error,
): Promise<void> {
  const { settings, clock } = project;
  const { url, file } = settings.lineage;
  if (url === null && file === null) return;
  // Without one the error says so.
  const bundle = readPointer(settings.bundles) === null ? null : loadCurrentBundle(settings.bundles);
  if (bundle === null) return;
  const done = new Set(judged.map(({ snapshot }) => snapshot.service));
  for (const name of (asked ?? [...bundle.services.keys()]).filter((one) => !done.has(one)))
    await emitLineage(project, () => ({
      ...verdictDatasets(settings, bundle, bundle.services.get(name), settings.reports),
      job: `monitor.${name}`,
      runId: randomUUID(),
      endedAt: formatTimestamp(clock.nowUs()),
      error: message,
    }));
}

function shardText({ service, roles, judged, keptBefore }: KeptShard, shard: string): string {
  const before = keptBefore === 0 ? '' : `, ${keptBefore} had been before`;
  return `${service}, shard ${shard}: ${judged} of ${roles} views judged${before}. A run without --shard writes the verdict.`;
}

function verdictText(context: CommandContext, { snapshot, reportFile }: JudgedDay): string {
  const { columns } = process.stdout;
  return `${renderVerdict(snapshot, { color: context.color, columns })}\n\nReport: ${reportFile}`;
}

/** Draws the report of a day or an hour again, from its stored snapshot alone. */
export async function report(
  context: CommandContext,
  options: { date: string; hour?: string; service: string },
): Promise<ExitCode> {
  const project = projectOf(context);
  const day = redrawReport(project, options.service, askedSpan(options, project.clock.nowUs()));
  await printResult(context, { report: day.reportFile }, () => day.reportFile);
  return 0;
}

/** How features matched over the last days, from the stored snapshots. */
export async function trend(
  context: CommandContext,
  options: { service?: string; feature?: string; days: string },
): Promise<ExitCode> {
  const { settings, logger } = projectOf(context);
  const { service, feature } = options;
  const trends = readTrends(
    settings.reports,
    {
      days: daysOf(options.days),
      ...(service === undefined ? {} : { service }),
      ...(feature === undefined ? {} : { feature }),
    },
    logger,
  );
  await printResult(context, trends, () => renderTrends(trends, process.stdout.columns));
  return 0;
}

const MOST_DAYS = 366;

function daysOf(text: string): number {
  const days = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  if (days >= 1 && days <= MOST_DAYS) return days;
  const message = `--days: expected a whole number from 1 to ${MOST_DAYS}, got ${JSON.stringify(text)}`;
  throw registryError('REG_USAGE', message, { field: 'days' });
}

/**
 * How a judged day would have been with other settings.
 *
 * @param checkout  reads the on-demand views of the definition files; null: they are not asked for
 */
export async function whatif(
  context: CommandContext,
  options: WhatIfOptions & { report?: boolean },
  checkout: (() => Promise<ReadonlyMap<string, OnDemandView>>) | null,
): Promise<ExitCode> {
  const project = projectOf(context);
  const services = await whatIf(project, options, checkout === null ? null : await checkout());
  const reports = options.report === true ? reportWhatIf(project, services) : [];
  const shown = reports.map((file) => `\n\nReport: ${file}`).join('');
  await printResult(context, services, () => `${renderWhatIf(services)}${shown}`);
  return 0;
}

/** Says why a served vector, or an entity at a time, has the values that it has. */
export async function explain(context: CommandContext, options: ExplainOptions): Promise<ExitCode> {
  const asked = askedBy(options);
  const project = projectOf(context);
  const vectors = await RegistryDatabase.using(project.settings.registry, (database) =>
    asked(project, database),
  );
  await printResult(context, vectors, () => renderExplanation(vectors, context.color));
  return 0;
}
