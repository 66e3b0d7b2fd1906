/** The labels of a set, and with `--cap-to-warm` those of them from before a feature was warm online left out. */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { WarmCap } from '../../contract/training-manifest.ts';
import { trainingError } from '../errors.ts';
import { keepLabels } from '../labels/kept-labels.ts';
import { LABEL_KEYS, readLabels } from '../labels/training-labels.ts';
import type { LabelNeeds, Labels } from '../labels/training-labels.ts';
import type { SetMaking } from '../set-features.ts';
import { warmSince } from './warm-since.ts';

interface CappedLabels {
  readonly labels: Labels;
  /** Null: all labels are taken, whenever they are from. */
  readonly cap: WarmCap | null;
}

/** @throws TRAIN_LABELS; TRAIN_COLD when a feature is not warm yet, or all labels are from before it was */
export async function cappedLabels(making: SetMaking, needs: LabelNeeds): Promise<CappedLabels> {
  const { duck, labels: file, options, project, bundle, service, scratch } = making;
  const whole = await readLabels(duck, file, needs);
  const warm =
    options.cap ?? (options.capToWarm === true ? await warmSince(project.settings, bundle, service) : null);
  if (warm === null) return { labels: whole, cap: null };
  const { sinceUs, feature } = warm;
  // A label without a time gets no values, and says so.
  const which = `t IS NULL OR t >= ${sinceUs}`;
  const [row] = await duck.rows(`SELECT count(*) FILTER (${which})::DOUBLE AS kept FROM ${LABEL_KEYS}`);
  const leftOut = whole.rows - (row!['kept'] as number);
  const cap = { sinceUs, feature, leftOut };
  if (leftOut === 0) return { labels: whole, cap };
  if (leftOut === whole.rows)
    throw trainingError(
      'TRAIN_COLD',
      `all ${leftOut} labels are from before ${formatTimestamp(sinceUs)}, when ${feature} was warm online for the first time`,
    );
  return { labels: await readLabels(duck, await keepLabels(duck, file, which, scratch), needs), cap };
}
