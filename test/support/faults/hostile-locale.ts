/** A locale in which Lua's `<` on strings is not the order of their bytes; made here where the machine can. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

interface HostileLocale {
  /** For a server's environment. */
  readonly env: Readonly<Record<string, string>>;
  /** The caller's to remove. */
  readonly folder: string;
}

export function hostileLocale(): HostileLocale {
  const folder = mkdtempSync(join(tmpdir(), 'plumb-locale-'));
  spawnSync('localedef', ['-i', 'en_US', '-f', 'UTF-8', join(folder, 'en_US.UTF-8')]);
  const made = existsSync(join(folder, 'en_US.UTF-8', 'LC_COLLATE'));
  return { env: { LC_ALL: 'en_US.UTF-8', ...(made ? { LOCPATH: folder } : {}) }, folder };
}
