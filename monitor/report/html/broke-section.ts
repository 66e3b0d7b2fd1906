/** What broke since the last verdict: causes that are new, worse or gone, by view, and features that came or went. */
import type { BrokeSince, Snapshot, ViewCause } from '../../verdict/snapshot.ts';
import type { FeatureLink } from './feature-table.ts';
import { causeLink } from './glossary.ts';
import { incidentAnchor } from './incidents-section.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { countText, counted, dayText } from '../../../project/page/value-text.ts';

const MOST_NAMES = 12;
const DAY_MS = 86_400_000;

export function brokeSection(snapshot: Snapshot, link: FeatureLink): Part {
  const { brokeSince, date, features, trend } = snapshot;
  if (features.length === 0) return null;
  if (brokeSince === null) {
    return html`<section>
      <h2>What broke since yesterday</h2>
      <p class="soft">
        ${
          trend.length === 0
            ? 'This is the first verdict of this service: there is nothing to compare it with.'
            : 'Nothing was judged on this day, or on no day before it: there is nothing to compare.'
        }
      </p>
    </section>`;
  }
  const isYesterday = Date.parse(date) - Date.parse(brokeSince.date) === DAY_MS;
  const day = dayText(brokeSince.date);
  return html`<section>
    <h2>What broke since ${isYesterday ? 'yesterday' : day}</h2>
    ${!isYesterday && html`<p class="soft">${`${day} is the last day with a verdict to compare with.`}</p>`}
    ${changes(snapshot, brokeSince)} ${cameAndWent(snapshot, link)}
  </section>`;
}

function changes(snapshot: Snapshot, { new: fresh, worse, gone }: BrokeSince): Part {
  if (fresh.length + worse.length + gone.length === 0)
    return html`<p>Nothing: no cause is new, worse or gone.</p>`;
  return html`<ul class="broke">
    ${fresh.map((one) => change(snapshot, one, 'new', `${counted(one.beyondPromise, 'value')} beyond the promise`))}
    ${worse.map((one) => change(snapshot, one, 'worse', `${countText(one.before)} → ${counted(one.beyondPromise, 'value')} beyond the promise`))}
    ${gone.map((one) => change(snapshot, one, 'gone', `${counted(one.before, 'value')} then, none now`))}
  </ul>`;
}

function change(snapshot: Snapshot, { view, cause }: ViewCause, kind: string, words: string): Markup {
  const anchor = kind === 'gone' ? null : incidentAnchor(snapshot, view, cause);
  return html`<li>
    <span class="chip ${kind}">${kind}</span> ${causeLink(cause)} in <code>${view}</code>:
    <span class="soft">${words}</span>${anchor !== null && html` <a href="#${anchor}">incident</a>`}
  </li>`;
}

function cameAndWent({ trend, features }: Snapshot, link: FeatureLink): Part {
  const before = trend.at(-1)?.exactMatch;
  if (before === undefined) return null;
  const names = new Set(features.map(({ name }) => name));
  const added = [...names].filter((name) => !Object.hasOwn(before, name));
  const gone = Object.keys(before).filter((name) => !names.has(name));
  return [
    list('Features new since then: ', added, link),
    list('Features no longer served: ', gone, (name) => html`<code>${name}</code>`),
  ];
}

function list(words: string, names: readonly string[], show: (name: string) => Markup): Part {
  const shown = names.slice(0, MOST_NAMES).map((name, i): Part => [i > 0 && ', ', show(name)]);
  const others = names.length - shown.length;
  return (
    names.length > 0 && html`<p class="soft">${[words, shown, others > 0 && ` and ${others} more`, '.']}</p>`
  );
}
