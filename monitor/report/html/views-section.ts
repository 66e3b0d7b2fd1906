/** The section on how the data came online that day: the runs as a timeline, and each view's times and delay. */
import type { Snapshot, ViewSnapshot } from '../../verdict/snapshot.ts';
import { html } from './markup/markup.ts';
import type { Markup, Part } from './markup/markup.ts';
import { runTimeline } from './charts/run-timeline.ts';
import { table } from './markup/table.ts';
import { durationText, momentText } from './markup/value-text.ts';

export function viewsSection(snapshot: Snapshot): Markup {
  const timeline = runTimeline(snapshot);
  const { date } = snapshot;
  return html`<section>
    <h2>Materialization</h2>
    ${
      timeline === null
        ? html`<p class="soft">No run is recorded whose rows could be served on that day.</p>`
        : html`<p class="soft">
              How old the data online was through the day, above each view’s runs. The dashed line is the
              freshness that was promised.
            </p>
            <p>
              <span class="key"
                ><i class="area age"></i>age <i class="area over"></i>older than promised
                <i class="area run"></i>run <i class="area other"></i>backfill or stream
                <i class="area broken"></i>failed or unfinished</span
              >
            </p>
            <div class="scroll" tabindex="0" role="region" aria-label="Timeline of the day's runs">
              ${timeline}
            </div>`
    }
    ${
      snapshot.views.length > 0 &&
      table<ViewSnapshot>(
        'Views of the service',
        [
          { head: 'View', cell: ({ view }) => view },
          { head: 'Owner', cell: ({ owner }) => owner ?? html`<span class="soft">none named</span>` },
          { head: 'History complete to', cell: (view) => watermark(view, date) },
          { head: 'Freshness promised', cell: ({ freshnessUs }) => durationText(freshnessUs) },
          { head: 'Delay', cell: ({ delayUs }) => (delayUs === 0 ? 'none' : durationText(delayUs)) },
          { head: 'Proposed delay', cell: proposal },
        ],
        snapshot.views,
        'views',
      )
    }
  </section>`;
}

function watermark({ historyWatermark, newestSourceRow, badRows }: ViewSnapshot, date: string): Part {
  const left = badRows?.reasons.map(({ rows, example }) => `${rows} left out: ${example}`) ?? [];
  return [
    historyWatermark === null ? html`<span class="soft">unknown</span>` : momentText(historyWatermark, date),
    newestSourceRow !== null &&
      html` <small>${`newest event of its source ${momentText(newestSourceRow, date)}`}</small>`,
    ...left.map((text) => html` <small>${text}</small>`),
  ];
}

function proposal({ proposedDelayUs, proposedDelayWhy, delayUs }: ViewSnapshot): Part {
  const text =
    proposedDelayUs === null
      ? html`<span class="soft">cannot tell</span>`
      : html`<b class="${proposedDelayUs !== delayUs && 'differs'}"
          >${proposedDelayUs === 0 ? 'none' : durationText(proposedDelayUs)}</b
        >`;
  return [text, proposedDelayWhy !== null && html` <small>${proposedDelayWhy}</small>`];
}
