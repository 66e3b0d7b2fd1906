/** What every command starts from: a project's settings, the clock that recorded times come from, and its voice. */
import { rehearsalClock, stepText, systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import type { Logger } from '../contract/std/logger.ts';
import { registryError } from '../contract/errors.ts';
import { loadSettings } from './settings/settings.ts';
import type { SettingFlags } from './settings/setting-sources.ts';
import type { Settings } from './settings/settings.ts';

export interface Project {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * The settings from the file as it is now, under the same environment and flags.
   *
   * @throws REG_SETTINGS
   */
  reread(): Settings;
}

/** @throws REG_SETTINGS, also when the rehearsal's control file cannot be read */
export function openProject(
  folder: string,
  logger: Logger,
  environment = process.env,
  flags: SettingFlags = {},
): Project {
  const reread = (): Settings => loadSettings(folder, environment, flags);
  const settings = reread();
  return { settings, clock: openClock(settings, logger), logger, reread };
}

function openClock(settings: Settings, logger: Logger): Clock {
  const { control, runLastsUs } = settings.clock;
  if (control === null) return systemClock((stepUs) => logger.warn(stepText(stepUs)));
  try {
    return rehearsalClock(control, runLastsUs);
  } catch (error) {
    throw registryError(
      'REG_SETTINGS',
      `clock.control: ${(error as Error).message}`,
      { field: 'clock.control' },
      error,
    );
  }
}

/** The sentence that a program says at its start when its clock is not the machine's. */
export function rehearsalNotice(clock: Clock): string | null {
  if (clock.rehearsal === null) return null;
  return `REHEARSAL: recorded times come from ${clock.rehearsal}, not from this machine's clock. Not for production.`;
}
