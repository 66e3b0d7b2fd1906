/** Runs of the materializer: the newest of all views, and one with what it read, wrote and refused. */
import { runToJson } from '../../contract/run-record.ts';
import type { RunRecord } from '../../contract/run-record.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { html } from '../../project/page/markup.ts';
import type { Markup, Part } from '../../project/page/markup.ts';
import { table } from '../../project/page/table.ts';
import { countText, durationText } from '../../project/page/value-text.ts';
import type { CatalogueNow } from '../known/catalogue.ts';
import type { Drawn } from '../parts/frame.ts';
import { link } from '../parts/links.ts';
import { facts, head, section, state } from '../parts/pieces.ts';
import { page } from './page.ts';
import type { Asked } from './page.ts';

const MOST_RUNS = 100;

async function readRuns({ database }: CatalogueNow, { query }: Asked) {
  const view = query('view');
  const runs = await database.reads.newestRuns({ most: MOST_RUNS, ...(view === undefined ? {} : { view }) });
  return { view: view ?? null, runs };
}

function drawRuns({ runs, view }: Awaited<ReturnType<typeof readRuns>>): Drawn {
  return {
    title: 'Runs',
    body: html`<h1>Runs</h1>
      ${runs.length === 0 ? html`<p class="lead">No view was materialized yet.</p>` : runsTable(runs, view === null)}`,
  };
}

/** @param ofAll  whether they are of several views */
export function runsTable(runs: readonly RunRecord[], ofAll: boolean): Markup {
  return table(
    runs.length === 1 ? 'One run' : `The newest ${runs.length}`,
    [
      { head: 'Started', cell: ({ runId, startedUs }) => link('run', runId, minute(startedUs)) },
      ...(ofAll ? [{ head: 'View', cell: ({ view }: RunRecord) => link('view', view) }] : []),
      {
        head: 'State',
        cell: (run: RunRecord) => html`${state(run.state)}${run.kind !== 'ordinary' && ` ${run.kind}`}`,
      },
      { head: 'Took', cell: (run: RunRecord) => tookText(run) },
      { head: 'Read', number: true, cell: ({ read }: RunRecord) => countText(read) },
      { head: 'Rejected', number: true, cell: ({ rejected }: RunRecord) => countText(rejected) },
      { head: 'Too late', number: true, cell: ({ lateEvents }: RunRecord) => countText(lateEvents) },
      { head: 'Written', number: true, cell: ({ written }: RunRecord) => countText(written) },
    ],
    runs,
  );
}

function minute(us: number): string {
  return formatTimestamp(us).slice(0, 19).replace('T', ' ');
}

function tookText({ startedUs, finishedUs }: RunRecord): string {
  return finishedUs === null ? '' : durationText(finishedUs - startedUs);
}

async function readRun({ database }: CatalogueNow, { name }: Asked) {
  return database.reads.run(name);
}

function drawRun(run: RunRecord): Drawn {
  const reasons = Object.entries(run.rejectReasons);
  return {
    title: run.runId,
    body: html`${head(html`run of ${link('view', run.view)}`, run.runId, null)}
      <p class="lead">${state(run.state)} ${run.error !== null && run.error}</p>
      ${facts([
        ['Started', minute(run.startedUs)],
        ['Took', run.finishedUs === null ? 'not over, or killed' : tookText(run)],
        ['Kind', run.kind],
        ['Complete up to', minute(run.watermarkUs)],
        ['Read from', run.fromUs === null ? 'the beginning' : minute(run.fromUs)],
        ['Read up to', minute(run.toUs)],
        ['Newest event seen', run.newestEventUs !== null && minute(run.newestEventUs)],
        ['Bundle', html`<code>${run.bundle}</code>`],
        ['Part', run.shard !== undefined && `${run.shard.index} of ${run.shard.count}`],
      ])}
      ${section('What it found of the data', quality(run))}
      ${section(
        'Why rows were rejected',
        reasons.length > 0 &&
          table(
            'Rejected rows are kept, with their reason',
            [
              { head: 'Reason', cell: ([why]) => why },
              { head: 'Rows', number: true, cell: ([, rows]) => countText(rows) },
            ],
            reasons,
          ),
      )}`,
  };
}

function quality(run: RunRecord): Part {
  return facts([
    ['Read', countText(run.read)],
    ['Counted', countText(run.counted)],
    ['Excluded by where', countText(run.excluded)],
    ['Rejected', countText(run.rejected)],
    ['Too late', countText(run.lateEvents)],
    ['An allowance that takes them all', run.latenessNeededUs !== null && durationText(run.latenessNeededUs)],
    ['Not due yet', countText(run.waiting)],
    ['Rows of history', countText(run.historyRows)],
    ['Written online', countText(run.written)],
    ['Kept, as fresher ones were online', countText(run.older)],
    ['Conflicts', run.conflict > 0 && countText(run.conflict)],
  ]);
}

export const RUN_PAGES = [
  page({ path: '/runs', read: readRuns, draw: drawRuns }),
  page({ path: '/runs/:name', read: readRun, draw: drawRun, json: runToJson }),
];
