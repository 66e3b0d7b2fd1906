/**
 * The words of the page and how its figures came about, at its foot; where a word stands above, it links to its line
 * here. What each cause of the day means and what to do about it is here too.
 */
import { CAUSES } from '../../../contract/cause.ts';
import type { Cause } from '../../../contract/cause.ts';
import type { Snapshot } from '../../verdict/snapshot.ts';
import { CAUSE_GUIDE } from '../../../project/page/cause-guide.ts';
import { html, withCode } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../project/page/phone-fold.ts';
import { causeTotals } from '../ranking.ts';

interface Entry {
  readonly word: string;
  readonly means: string;
}

/** By the name that links use; docs/glossary.md has the same. */
export const WORDS = {
  replayed: {
    word: 'Replayed, as trained',
    means:
      'what a training set would hold for this entity at the time it was served: of the history’s rows whose event time plus delay is not later, the newest by event time, then created time.',
  },
  available: {
    word: 'As available',
    means:
      'the same from the rows that had been written by then: the best that an honest store could have served.',
  },
  exact: {
    word: 'Exact match',
    means:
      'what the model received equals the replayed value bit for bit, after fallbacks and in the number type of its surface.',
  },
  present: {
    word: 'Values present',
    means:
      'values that at least one side has. All rates are of these; what is absent on both sides is no match.',
  },
  promise: {
    word: 'Within the promise',
    means:
      'a mismatch that the view’s freshness allows: every row that serving lacked was younger than it, and the cause is one of time. It is drawn pale. What is beyond it counts against the verdict.',
  },
  row: {
    word: 'Row',
    means:
      'one entity’s values of one view, with its times. A row served a thousand times is one observation, so intervals count distinct rows.',
  },
  interval: {
    word: 'Interval',
    means:
      'Wilson’s 95 % interval of the rate over distinct rows. An alert needs all of it, and the rate over vectors, below the limit.',
  },
  harm: {
    word: 'Harm',
    means:
      'over the values beyond the promise, how far each is off: the difference in standard deviations, 1 at most, and 1 where there is no number. Incidents are ranked by it.',
  },
  edge: {
    word: 'Edge, delay, watermark',
    means:
      'an aggregated view has a row for the end of each hop, its edge; joins see it after the delay. The watermark is the time up to which the view is complete.',
  },
  unjudged: {
    word: 'Unjudged, provisional',
    means:
      'the history does not reach the edge that was due yet, so nobody can say. A day is provisional until late events can no longer count; then it is judged once more.',
  },
  tail: {
    word: 'Gap, open tail',
    means:
      'numbers missing between records of the log; and a sidecar that stopped without its last record, so that what came after its last one is not known.',
  },
  distance: {
    word: 'D',
    means:
      'Kolmogorov and Smirnov’s distance: the widest gap between the shares of served and of replayed values up to a point.',
  },
} as const satisfies Record<string, Entry>;

type Word = keyof typeof WORDS;

/** A word of the page as a link to its line in the glossary. */
export function term(word: Word, text: string): Markup {
  return html`<a href="#w-${word}">${text}</a>`;
}

/** A cause as a link to what it means. */
export function causeLink(cause: Cause): Markup {
  return html`<a href="#${causeAnchor(cause)}">${cause}</a>`;
}

function causeAnchor(cause: Cause): string {
  return `c-${CAUSES.indexOf(cause)}`;
}

/** @param causes  those that the page names beside the ones that its features count */
export function glossary(snapshot: Snapshot): Markup {
  const causes = new Set<Cause>(causeTotals(snapshot).map(({ cause }) => cause));
  for (const { cause } of snapshot.incidents) causes.add(cause);
  for (const { cause } of [
    ...(snapshot.brokeSince?.new ?? []),
    ...(snapshot.brokeSince?.worse ?? []),
    ...(snapshot.brokeSince?.gone ?? []),
  ])
    causes.add(cause);
  for (const feature of snapshot.features) {
    for (const example of feature.examples) for (const cause of example.causes) causes.add(cause);
  }
  return html`<section class="glossary">
    ${causes.size > 0 && causeList([...causes])}
    <h2 id="method">Words and method</h2>
    ${foldedOnPhone('The words of this page', wordList())}
  </section>`;
}

function wordList(): Markup {
  return html`<dl class="words">
    ${Object.entries<Entry>(WORDS).map(
      ([id, { word, means }]) =>
        html`<div id="w-${id}">
          <dt>${word}</dt>
          <dd>${means}</dd>
        </div>`,
    )}
  </dl>`;
}

function causeList(causes: readonly Cause[]): Part {
  const list = html`<dl class="words">
    ${causes.map((cause) => {
      const { family, means, next } = CAUSE_GUIDE[cause];
      return html`<div id="${causeAnchor(cause)}">
        <dt><i class="swatch ${family}"></i>${cause}</dt>
        <dd>${means} ${withCode(next)}</dd>
      </div>`;
    })}
  </dl>`;
  return html`<h2>What the causes mean</h2>
    ${foldedOnPhone('The causes of this page', list)}`;
}
