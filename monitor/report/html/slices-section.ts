/**
 * The parts of the traffic beside each other: whether one pod, bundle or surface holds the mismatches. Hours have their
 * own drawing; a property that all traffic shares is told in one line.
 */
import { SLICES } from '../../verdict/snapshot.ts';
import type { Slice, SliceBy, Snapshot } from '../../verdict/snapshot.ts';
import { html } from '../../../project/page/markup.ts';
import type { Markup, Part } from '../../../project/page/markup.ts';
import { foldedOnPhone } from '../../../project/page/phone-fold.ts';
import { table } from '../../../project/page/table.ts';
import { countText, percentText, shareText } from '../../../project/page/value-text.ts';

/** Of each property; the others are added up. */
const MOST_ROWS = 6;
const BUNDLE_DIGITS = 8;

const NAMES: Readonly<Record<SliceBy, string>> = {
  hour: 'hour',
  pod: 'pod',
  bundle: 'bundle',
  serviceVersion: 'version',
  surface: 'surface',
  source: 'read from',
  entityIsNew: 'entities',
};

interface Line extends Slice {
  /** Of the values and of the mismatches of its property, and of those beyond the promise. */
  readonly shares: { readonly values: number; readonly mismatches: number; readonly beyondPromise: number };
}

export function slicesSection({ slices }: Pick<Snapshot, 'slices'>): Part {
  const kinds = SLICES.filter((by) => by !== 'hour').map((by) => slices.filter((slice) => slice.by === by));
  const several = kinds.filter((own) => own.length > 1);
  const single = kinds.filter((own) => own.length === 1).map(([slice]) => slice!);
  if (slices.every(({ mismatches }) => mismatches === 0)) return null;
  if (several.length === 0 && single.length === 0) return null;
  return html`<section>
    <h2>Where the mismatches are</h2>
    ${several.length > 0 && foldedOnPhone('The traffic by its properties', slicesTable(several.flatMap(linesOf)))}
    ${
      single.length > 0 &&
      html`<p class="soft">
        ${`All of the traffic: ${single.map(({ by, value }) => `${NAMES[by]} ${nameOf(by, value)}`).join(', ')}.`}
      </p>`
    }
  </section>`;
}

/** The parts by one property. */
function linesOf(own: readonly Slice[]): Line[] {
  const shareOf = (slice: Slice, count: 'values' | 'mismatches' | 'beyondPromise'): number =>
    slice[count] === 0 ? 0 : slice[count] / own.reduce((all, one) => all + one[count], 0);
  // They come in order, those with the most beyond the promise first.
  const shown =
    own.length <= MOST_ROWS + 1 ? own : [...own.slice(0, MOST_ROWS), together(own.slice(MOST_ROWS))];
  return shown.map((slice) => {
    const shares = {
      values: shareOf(slice, 'values'),
      mismatches: shareOf(slice, 'mismatches'),
      beyondPromise: shareOf(slice, 'beyondPromise'),
    };
    return { ...slice, shares };
  });
}

function together(slices: readonly Slice[]): Slice {
  const sum = (count: 'values' | 'mismatches' | 'beyondPromise'): number =>
    slices.reduce((all, slice) => all + slice[count], 0);
  return {
    by: slices[0]!.by,
    value: 'all others',
    values: sum('values'),
    mismatches: sum('mismatches'),
    beyondPromise: sum('beyondPromise'),
  };
}

function slicesTable(lines: readonly Line[]): Markup {
  return table<Line>(
    'The traffic by its properties, where it has more than one',
    [
      {
        head: 'Part of the traffic',
        cell: ({ by, value }) => html`<small>${NAMES[by]}</small> ${nameOf(by, value)}`,
      },
      { head: 'Values', number: true, cell: ({ values, shares }) => shareCell(values, shares.values) },
      {
        head: 'Mismatches',
        number: true,
        cell: ({ mismatches, shares }) => shareCell(mismatches, shares.mismatches),
      },
      {
        head: 'Beyond the promise',
        number: true,
        cell: (line) => {
          const { beyondPromise, shares } = line;
          return html`<span class="${stands(line) && 'alarm'}"
            >${shareCell(beyondPromise, shares.beyondPromise)}</span
          >`;
        },
      },
      {
        head: 'Within the promise',
        number: true,
        cell: ({ values, beyondPromise }) => percentText(values === 0 ? null : 1 - beyondPromise / values),
      },
    ],
    lines,
    'slices',
  );
}

/** Whether it has nearly all that is beyond the promise, and little of the traffic. */
function stands({ beyondPromise, shares }: Line): boolean {
  return beyondPromise > 0 && shares.beyondPromise >= 0.8 && shares.values <= 0.4;
}

function shareCell(count: number, share: number): Part {
  return [countText(count), count > 0 && html` <small>${shareText(share)}</small>`];
}

function nameOf(by: SliceBy, value: string): string {
  if (by === 'bundle' && /^[0-9a-f]+$/.test(value)) return value.slice(0, BUNDLE_DIGITS);
  return value;
}
