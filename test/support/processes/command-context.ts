/** A command in this process: what it prints is kept. For tests of what commands say, without a start of Node. */
import type { CommandContext } from '../../../project/command.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import type { SettingFlags } from '../../../project/settings/setting-sources.ts';

interface KeptContext extends CommandContext {
  /** What was printed since the last call. */
  said(): string;
}

/** @param flags  as `--set` gives them */
export function commandContext(folder: string, json = false, flags: SettingFlags = {}): KeptContext {
  let printed = '';
  return {
    folder,
    json,
    color: false,
    logger: silentLogger,
    flags,
    tellErrors() {},
    print: async (text) => void (printed += String(text)),
    said() {
      const said = printed;
      printed = '';
      return said;
    },
  };
}
