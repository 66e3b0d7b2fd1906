/**
 * Drift in words: how a feature's served values differ from those of a training set and of the same weekday before. It
 * moves no verdict, so it stands with the features, and only where it has a level.
 */
import type { DriftReferences } from '../../../drift/drift-references.ts';
import type { FeatureDifference } from '../../../drift/feature-drift.ts';
import type { FeatureSnapshot, Snapshot } from '../../../verdict/snapshot.ts';
import type { FeatureLink } from '../feature-table.ts';
import { term } from '../glossary.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup, Part } from '../../../../project/page/markup.ts';
import { counted, dayText, numberText, shareText } from '../../../../project/page/value-text.ts';

const MOST_NAMES = 12;

/** Which features drifted, the strongest first; null: none did, or nothing was measured. */
export function driftSummary({ features, drift }: Snapshot, link: FeatureLink): Part {
  if (drift === undefined) return null;
  const drifted = features
    .filter((feature) => levelOf(feature) !== 'none')
    .toSorted((a, b) => Number(levelOf(b) === 'alarm') - Number(levelOf(a) === 'alarm'));
  if (drifted.length === 0) return null;
  const names = drifted.slice(0, MOST_NAMES).map(({ name }, i): Part => [i > 0 && ', ', link(name)]);
  const rest = drifted.length - MOST_NAMES;
  return html`<p class="drift">
    <b>${counted(drifted.length, 'feature')} drifted</b> from what models were trained on or from the weekday
    before, which moves no verdict: ${names}${rest > 0 && ` and ${rest} more`}.
  </p>`;
}

function levelOf({ drift }: FeatureSnapshot): 'none' | 'flagged' | 'alarm' {
  const levels = new Set([drift?.training?.level, drift?.weekday?.level]);
  if (levels.has('alarm')) return 'alarm';
  const isOutside = drift?.mean?.outside === true || drift?.standardDeviation?.outside === true;
  return levels.has('flagged') || isOutside ? 'flagged' : 'none';
}

/** A line for each reference that the feature's values differ from. */
export function driftLines({ drift }: FeatureSnapshot, references: DriftReferences | undefined): Part {
  if (drift === undefined || references === undefined) return null;
  const { training, weekdays } = references;
  const lines: Part[] = [];
  if (drift.training !== null && training !== null && drift.training.level !== 'none') {
    const set = `training set ${training.name} of ${dayText(training.madeAt.slice(0, 10))}`;
    lines.push(line(`Against ${set}`, drift.training));
  }
  if (drift.weekday !== null && drift.weekday.level !== 'none') {
    lines.push(line(`Against ${weekdays.map(dayText).join(', ')}`, drift.weekday));
  }
  for (const [name, spread] of [
    ['mean', drift.mean],
    ['standard deviation', drift.standardDeviation],
  ] as const) {
    if (spread === null || !spread.outside) continue;
    const { served, low, high, sets } = spread;
    lines.push(
      html`<li>
        ${`Its ${name}, ${numberText(served)}, lies outside ${numberText(low)} to ${numberText(high)}, where ${counted(sets, 'training set')} make the next one likely: for review.`}
      </li>`,
    );
  }
  return (
    lines.length > 0 &&
    html`<ul class="notes drift">
      ${lines}
    </ul>`
  );
}

/** Of snapshots from before ranks were compared nothing is known. */
function shiftText({ ranks }: Partial<NonNullable<FeatureDifference['ordered']>>): string {
  return ranks === undefined ? '–' : `${ranks.shift > 0 ? '+' : ''}${ranks.shift.toFixed(3)}`;
}

function line(against: string, { level, ordered, categories, nulls, rows }: FeatureDifference): Markup {
  const shareOf = (side: 'reference' | 'served'): string => shareText(nulls[side] / rows[side]);
  const before = shareOf('reference');
  const nullWords = before === shareOf('served') ? '' : `; nulls ${before} then, ${shareOf('served')} served`;
  const distance: Part =
    ordered !== null
      ? [
          term('distance', 'D'),
          ` = ${ordered.ks.d.toFixed(3)} at ${numberText(ordered.ks.location)}, ranks moved by ${shiftText(ordered)}`,
        ]
      : categories === null
        ? 'no value on one side'
        : `shares of a value differ by up to ${shareText(categories.lInfinity)}`;
  return html`<li>
    ${against}: ${distance}${nullWords}
    <span class="${level === 'alarm' ? 'alarm' : 'warn'}"
      >${level === 'alarm' ? 'drift alarm' : 'flagged'}</span
    >
  </li>`;
}
