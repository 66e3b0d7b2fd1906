/**
 * Puts what other settings would have served into the verdict of the day, and draws its page anew: a report shows what
 * stands in its snapshot alone. A day that is judged again has nothing of it any more. Called by
 * `plumb monitor whatif --report`.
 */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { Project } from '../../project/project.ts';
import { amendSnapshot, readSnapshot, reportFile } from '../verdict/snapshot-folder.ts';
import { settingName } from '../whatif/sentences.ts';
import type { ToldSetting, ToldView, ToldWhatIf } from '../whatif/told-what-if.ts';
import { computedNotes, roleNotes } from '../whatif/what-if-table.ts';
import type { WhatIf } from '../whatif/what-if.ts';
import { drawDay } from './report-folder.ts';

const MEASURED = 'as measured';
const BASE = 'the same, simulated';

/**
 * @returns the pages that show it; of a day that was judged anew meanwhile there is none, which is told
 * @throws  MON_REPORTS, MON_SNAPSHOT
 */
export function reportWhatIf({ settings, logger, clock }: Project, answers: readonly WhatIf[]): string[] {
  const { reports } = settings;
  return answers.flatMap((answer) => {
    const { service, date, judgedAt } = answer;
    const snapshot = readSnapshot(reports, service, date);
    if (snapshot?.judgedAt !== judgedAt) {
      logger.warn(
        `${service} was judged anew for ${date} meanwhile: its report does not show this; ask again`,
      );
      return [];
    }
    const amended = { ...snapshot, whatIf: toldWhatIf(answer, formatTimestamp(clock.nowUs())) };
    amendSnapshot(reports, amended);
    drawDay(reports, amended, logger);
    return [reportFile(reports, service, date)];
  });
}

function toldWhatIf({ sampled, roles, computed }: WhatIf, askedAt: string): ToldWhatIf {
  return { askedAt, sampled, views: [...roles.map(toldRole), ...computed.map(toldComputed)] };
}

function toldRole(of: WhatIf['roles'][number]): ToldView {
  const { role, view, now, unknown, measured, simulated, settings } = of;
  if (simulated === null) return { role, view, unknown, settings: [], notes: [] };
  return {
    role,
    view,
    unknown: null,
    settings: [
      toldSetting(MEASURED, measured),
      { ...toldSetting(BASE, simulated), isBase: true },
      ...settings.map((one) => toldSetting(settingName(one, now), one)),
    ],
    notes: roleNotes(of),
  };
}

function toldComputed(of: WhatIf['computed'][number]): ToldView {
  const { role, view, unknown, measured, simulated, settings, checkout } = of;
  if (simulated === null) return { role, view, unknown, settings: [], notes: [] };
  return {
    role,
    view,
    unknown: null,
    settings: [
      toldSetting(MEASURED, { ...measured, otherValues: null }),
      { ...toldSetting(BASE, simulated), isBase: true },
      ...settings.map((one) => toldSetting(`${one.view}: ${one.name}`, one)),
      ...(checkout === null || checkout.unknown !== null
        ? []
        : [toldSetting('the function of the checkout', checkout)]),
    ],
    notes: computedNotes(of),
  };
}

function toldSetting(name: string, rates: Omit<ToldSetting, 'name' | 'isBase'>): ToldSetting {
  const { exactMatch, exactMatchWithinPromise, ageP50Us, ageP99Us, otherValues } = rates;
  const matches = { name, isBase: false, exactMatch, exactMatchWithinPromise };
  return otherValues === undefined
    ? { ...matches, ageP50Us: ageP50Us ?? null, ageP99Us: ageP99Us ?? null }
    : { ...matches, otherValues };
}
