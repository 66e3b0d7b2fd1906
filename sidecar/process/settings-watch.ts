/**
 * Watches plumbline.yaml for the layers of the cache and the level of log lines, the only settings that a running
 * sidecar takes over. A file that
 * cannot be read, or holds a mistake, changes nothing; the log warns of it once. Called by main.ts.
 *
 *   look: text as before -> nothing     another text -> wait     the same other text again -> take it, or refuse it
 *
 * Why twice: an editor may cut a file to nothing before it writes it, and the half of a YAML file is often valid.
 */
import { join } from 'node:path';
import { readRegularText } from '../../contract/std/files/regular-file.ts';
import type { Project } from '../../project/project.ts';
import type { CacheLayers, ServeSettings } from '../../project/settings/serve-settings.ts';
import type { Settings } from '../../project/settings/settings.ts';

const POLL_MS = 1_000;

export interface SettingsWatch {
  /** Looks now, as the timer does every second. */
  look(): void;
  /** Takes what the file holds now, whether it changed or not: a SIGHUP asks for it. */
  reload(): void;
  stop(): void;
}

/** @param setLayers, setLevel  take what differs from what is in force */
export function watchSettings(
  project: Project,
  setLayers: (layers: CacheLayers) => void,
  setLevel: (level: ServeSettings['logLevel']) => void,
): SettingsWatch {
  const { settings, logger } = project;
  const file = join(settings.folder, 'plumbline.yaml');
  const othersAtStart = otherSettingsText(settings);
  let { cacheLayers: layers, logLevel: level } = settings.serve;
  /** The text that was last taken or refused, and the one that the last look saw. */
  let taken = textOf(file);
  let seen = taken;
  const take = (): void => {
    try {
      const next = project.reread();
      const changed = changedLayers(layers, next.serve.cacheLayers);
      layers = next.serve.cacheLayers;
      if (changed.length > 0) {
        setLayers(layers);
        logger.info(`cache layers: ${changed.join(', ')}`);
      }
      if (next.serve.logLevel !== level) {
        // Said while lines of this level are still, or already, written.
        if (level === 'info') logger.info(`log lines from level ${next.serve.logLevel} on`);
        setLevel(next.serve.logLevel);
        if (level !== 'info') logger.info(`log lines from level ${next.serve.logLevel} on`);
        level = next.serve.logLevel;
      }
      if (otherSettingsText(next) !== othersAtStart) {
        logger.warn(
          'plumbline.yaml: only serve.cacheLayers and serve.logLevel are taken now, other changes at the next start',
        );
      }
    } catch (error) {
      logger.warn(`plumbline.yaml is refused, what is in force stays as it is: ${(error as Error).message}`);
    }
  };
  const look = (): void => {
    const text = textOf(file);
    const isSettled = text === seen;
    seen = text;
    if (text === taken || !isSettled) return;
    taken = text;
    take();
  };
  const reload = (): void => {
    seen = taken = textOf(file);
    logger.info('reading plumbline.yaml again');
    take();
  };
  const timer = setInterval(look, POLL_MS).unref();
  return { look, reload, stop: () => clearInterval(timer) };
}

/** @returns null when the file cannot be read, which `reread` says better */
function textOf(file: string): string | null {
  try {
    return readRegularText(file);
  } catch {
    return null;
  }
}

/** @returns `stale off`, for each layer that differs */
function changedLayers(from: CacheLayers, to: CacheLayers): string[] {
  const names = Object.keys(to) as (keyof CacheLayers)[];
  return names.filter((name) => from[name] !== to[name]).map((name) => `${name} ${to[name] ? 'on' : 'off'}`);
}

function otherSettingsText(settings: Settings): string {
  return JSON.stringify({ ...settings, serve: { ...settings.serve, cacheLayers: null, logLevel: null } });
}
