/** The 24 hours of each view, the deploys among them, and how each view's data came online. */
import type {
  Availability,
  ComputedViewSnapshot,
  FidelityCounts,
  Snapshot,
  ViewSnapshot,
} from '../../verdict/snapshot.ts';
import { hasStopped, hourStrip } from './charts/hour-strip.ts';
import type { DrawnView } from './charts/hour-strip.ts';
import { key } from '../../../project/page/key.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../project/page/phone-fold.ts';
import { table } from '../../../project/page/table.ts';
import {
  countText,
  counted,
  durationText,
  momentText,
  percentText,
} from '../../../project/page/value-text.ts';

/** Views whose hours are drawn at once; those of more, when nothing was wrong with them, are folded. */
const FEW_VIEWS = 4;

const KEY = key(
  ['beyond', 'beyond the promise'],
  ['kept', 'within it'],
  ['outage', 'unavailable'],
  ['age', 'age of the data'],
  ['over', 'older than promised'],
  ['run', 'run'],
  ['broken', 'failed or unfinished'],
  ['line stopped', 'no event in the source'],
  ['line deploy', 'deploy'],
);

export function daySection(snapshot: Snapshot): Part {
  const { views, computed = [], date } = snapshot;
  const drawn: readonly DrawnView[] = [...views, ...computed];
  if (drawn.length === 0) return null;
  const loud = drawn.filter((view) => {
    return hasStopped(snapshot, view) || view.hours.some((hour) => hour.mismatches + hour.unavailable > 0);
  });
  const shown = drawn.length <= FEW_VIEWS ? drawn : loud;
  const quiet = drawn.filter((view) => !shown.includes(view));
  return html`<section>
    <h2>The day, hour by hour</h2>
    <p class="soft">
      Above the line the mismatches of each hour; below it how old the data online was, and the runs that
      renewed it.
    </p>
    <p>${KEY}</p>
    ${deployList(snapshot)} ${shown.map((view) => hourStrip(snapshot, view))}
    ${
      quiet.length > 0 &&
      html`<details class="fold">
        <summary>${counted(quiet.length, 'view')} without a mismatch</summary>
        ${quiet.map((view) => hourStrip(snapshot, view))}
      </details>`
    }
    ${views.length > 0 && foldedOnPhone('Views of the service', viewTable(views, date))}
    ${computed.length > 0 && foldedOnPhone('Computed on demand', computedTable(computed))}
    ${whatIfLine(snapshot)}
  </section>`;
}

/** Where the page ends: another question needs the day replayed once more. */
function whatIfLine({ date, hour, service }: Snapshot): Part {
  if (hour !== undefined) return null;
  return html`<p class="soft what-if">
    How match and age would change with another cache time, schedule, delay or TTL:
    <code>plumb monitor whatif --date ${date} --service ${service}</code>
  </p>`;
}

function deployList({ deploys, date }: Snapshot): Part {
  if (deploys.length < 2) return null;
  return html`<p class="soft">
    Deploys:
    ${deploys.map(({ at, bundle, serviceVersion, vectors }, i): Part => [
      i > 0 && '; ',
      `${momentText(at, date)} version ${serviceVersion}, bundle `,
      html`<code>${bundle.slice(0, 8)}</code>`,
      ` (${counted(vectors, 'vector')})`,
    ])}.
  </p>`;
}

function viewTable(views: readonly ViewSnapshot[], date: string): Markup {
  return table<ViewSnapshot>(
    'Views of the service',
    [
      {
        head: 'View',
        cell: ({ role, view, owner }) => [
          html`<b>${role}</b>`,
          html` <small
            >${role === view ? '' : `view ${view}, `}${owner === null ? 'no owner' : `owner ${owner}`}</small
          >`,
        ],
      },
      { head: 'Rows served were', cell: ({ fidelity }) => fidelityCell(fidelity) },
      { head: 'Available', cell: ({ availability }) => availabilityCell(availability) },
      { head: 'History complete to', cell: (view) => watermark(view, date) },
      {
        head: 'Freshness, delay',
        cell: ({ freshnessUs, delayUs }) => [
          durationText(freshnessUs),
          html` <small>${delayUs === 0 ? 'no delay' : `delay ${durationText(delayUs)}`}</small>`,
        ],
      },
      { head: 'Proposed delay', cell: proposal },
    ],
    views,
    'views',
  );
}

function computedTable(computed: readonly ComputedViewSnapshot[]): Markup {
  return table<ComputedViewSnapshot>(
    'Computed on demand',
    [
      {
        head: 'On-demand view',
        cell: ({ view, owner }) => [
          html`<b>${view}</b>`,
          html` <small>${owner === null ? 'no owner' : `owner ${owner}`}</small>`,
        ],
      },
      { head: 'Run again over what was logged', cell: againCell },
      { head: 'Available', cell: ({ availability }) => availabilityCell(availability) },
    ],
    computed,
    'views',
  );
}

/** Whether its function gives what was served, over the very inputs and rows that were logged. */
function againCell({ asked, differing }: ComputedViewSnapshot): Part {
  if (asked === 0) return html`<span class="soft">not asked</span>`;
  const same = `${countText(asked - differing)} the same`;
  if (differing === 0) return same;
  return [`${same},`, html` <small class="warn">${countText(differing)} gave another output</small>`];
}

const FIDELITY_WORDS: readonly (readonly [keyof FidelityCounts, string])[] = [
  ['foreign', 'another entity’s'],
  ['altered', 'altered'],
  ['missingInHistory', 'missing in the history'],
  ['unknown', 'foreign, whose is not known'],
  ['restamped', 'right, under other times'],
  ['notKept', 'not kept any more'],
];

/** Whether the rows that were served are what the history holds of them. */
function fidelityCell(fidelity: FidelityCounts | null): Part {
  if (fidelity === null) return html`<span class="soft">not asked</span>`;
  const bad = FIDELITY_WORDS.filter(([answer]) => fidelity[answer] > 0);
  const right = `${countText(fidelity.true)} as in the history`;
  return [
    right,
    ...bad.map(([answer, words], i) => {
      const isWrong = FIDELITY_WORDS.findIndex(([name]) => name === answer) < 4;
      return html` <small class="${isWrong && 'warn'}"
        >${countText(fidelity[answer])} ${words}${i < bad.length - 1 && ','}</small
      >`;
    }),
  ];
}

function availabilityCell(availability: Availability | null): Part {
  if (availability === null) return html`<span class="soft">not counted</span>`;
  const { minutes, availableMinutes, unavailable } = availability;
  const lost = unavailable === 0 ? null : html` <small>${counted(unavailable, 'vector')} without it</small>`;
  return [percentText(minutes === 0 ? null : availableMinutes / minutes), lost];
}

function watermark({ historyWatermark, newestSourceRow, badRows }: ViewSnapshot, date: string): Part {
  const left = badRows?.reasons.map(({ rows, example }) => `${rows} left out: ${example}`) ?? [];
  return [
    historyWatermark === null
      ? html`<span class="soft">its source</span>`
      : momentText(historyWatermark, date),
    newestSourceRow !== null && html` <small>${`newest event ${momentText(newestSourceRow, date)}`}</small>`,
    ...left.map((text) => html` <small>${text}</small>`),
  ];
}

function proposal({ proposedDelayUs, proposedDelayWhy, delayUs }: ViewSnapshot): Part {
  const text =
    proposedDelayUs === null
      ? html`<span class="soft">${proposedDelayWhy === null ? '–' : 'cannot tell'}</span>`
      : html`<span class="${proposedDelayUs !== delayUs && 'differs'}"
          >${proposedDelayUs === 0 ? 'none' : durationText(proposedDelayUs)}</span
        >`;
  return [text, proposedDelayWhy !== null && html` <small>${proposedDelayWhy}</small>`];
}
