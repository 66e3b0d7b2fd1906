/** What every command starts from: a project's settings, the clock that recorded times come from, and its voice. */
import type { Caller } from './access/caller.ts';
import { stepText } from './clock.ts';
import type { ProjectClock } from './clock.ts';
import type { CommandContext } from './command.ts';
import { openClock } from './open-clock.ts';
import type { Logger } from '../contract/std/logger.ts';
import { registryError } from '../contract/errors.ts';
import { loadSettings } from './settings/settings.ts';
import type { SettingFlags } from './settings/setting-sources.ts';
import type { Settings } from './settings/settings.ts';

export interface Project {
  readonly settings: Settings;
  readonly clock: ProjectClock;
  readonly logger: Logger;
  /** Who asks, where a server has found that out; absent: whoever runs the command. */
  readonly caller?: Caller;
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
  return { settings, clock: clockOf(settings, logger), logger, reread };
}

function clockOf(settings: Settings, logger: Logger): ProjectClock {
  try {
    return openClock(settings.clock, (stepUs) => logger.warn(stepText(stepUs)));
  } catch (error) {
    throw registryError(
      'REG_SETTINGS',
      `clock.control: ${(error as Error).message}`,
      { field: 'clock.control' },
      error,
    );
  }
}

/** Opens the project of a command, and says what its clock has to say. */
export function projectOf(context: CommandContext, flags: SettingFlags = {}): Project {
  const project = openProject(context.folder, context.logger, process.env, { ...context.flags, ...flags });
  const { notice } = project.clock;
  if (notice !== null) context.logger.warn(notice);
  return project;
}
