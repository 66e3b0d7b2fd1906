/**
 * How a setting would have matched: from the exact match, an open dot, to the match within the promise, a filled one.
 * All settings of a view share one axis, on which a line marks those in force. It is hidden from screen readers: the
 * figures beside it say the same.
 */
import { scaleLinear } from 'd3-scale';
import type { ToldSetting } from '../../../whatif/told-what-if.ts';
import { html } from '../../../../project/page/markup.ts';
import type { Markup } from '../../../../project/page/markup.ts';
import { px } from '../../../../project/page/charts/plot.ts';

const WIDTH = 220;
const HEIGHT = 16;
const RADIUS = 4;

/** @returns the share at which the axis begins; it ends at 1 */
export function axisStart(settings: readonly ToldSetting[]): number {
  const shares = settings.flatMap(({ exactMatch, exactMatchWithinPromise }) =>
    [exactMatch, exactMatchWithinPromise].filter((share) => share !== null),
  );
  // Whole percents, and room for what matches in full.
  return Math.min(0.99, Math.floor(Math.min(1, ...shares) * 100) / 100);
}

/** @returns null: no value was present */
export function settingRange(
  { exactMatch, exactMatchWithinPromise }: ToldSetting,
  start: number,
  base: ToldSetting | null,
): Markup | null {
  if (exactMatch === null || exactMatchWithinPromise === null) return null;
  const x = scaleLinear([start, 1], [RADIUS + 1, WIDTH - RADIUS - 1]);
  const [exact, within] = [px(x(exactMatch)), px(x(exactMatchWithinPromise))];
  const mark = base?.exactMatchWithinPromise ?? null;
  const middle = HEIGHT / 2;
  return html`<svg class="range" viewBox="0 0 ${WIDTH} ${HEIGHT}" aria-hidden="true">
    <path class="grid" d="M0 ${middle}H${WIDTH}" />
    ${mark !== null && html`<path class="base" d="M${px(x(mark))} 0V${HEIGHT}" />`}
    <path class="within-line" d="M${exact} ${middle}H${within}" />
    <circle class="within-dot" cx="${within}" cy="${middle}" r="${RADIUS}" />
    <circle class="within-dot open" cx="${exact}" cy="${middle}" r="${RADIUS - 1}" />
  </svg>`;
}
