/**
 * The sidecar's commands `serve` and `get`. Those that read the spool are in `vector-log/log-commands.ts` and
 * `shipper/ship-command.ts`: a serving sidecar should not spend memory on what they load.
 */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { registryError } from '../contract/errors.ts';
import { printResult } from '../project/command.ts';
import { projectOf } from '../project/project.ts';
import type { SettingFlags } from '../project/settings/setting-sources.ts';
import { tuneCollector } from './process/gc-tuning.ts';
import { sidecarError } from './errors.ts';
import { getVector, renderVector, vectorToJson } from './get.ts';
import { logLines } from './process/log-lines.ts';
import { serveUntilSignal } from './main.ts';

/** Serves until SIGTERM or SIGINT. */
export async function serve(
  context: CommandContext,
  options: { port?: string; adminPort?: string },
): Promise<ExitCode> {
  const flags: Record<string, string> = {};
  if (options.port !== undefined) flags['serve.port'] = options.port;
  if (options.adminPort !== undefined) flags['serve.adminPort'] = options.adminPort;
  tuneCollector();
  const lines = logLines(process.stderr, context.logger);
  context.tellErrors((error, sentence) => lines.fail(error, sentence));
  const project = projectOf({ ...context, logger: lines.logger }, flags satisfies SettingFlags);
  lines.setLevel(project.settings.serve.logLevel);
  await serveUntilSignal(project, lines);
  return 0;
}

/** One vector, as a table. */
export async function get(
  context: CommandContext,
  options: { service: string; entity?: string[]; context?: string[] },
): Promise<ExitCode> {
  const keys = pairsOf(options.entity ?? [], {
    flag: 'entity',
    code: 'SRV_KEY_MISSING',
    help: (name) => `Give the value behind the name of the join key: --entity ${name ?? 'driver_id'}=1001`,
  });
  const given = pairsOf(options.context ?? [], {
    flag: 'context',
    code: 'SRV_INPUT_MISSING',
    help: (name) => `Give the value behind the name of the input: --context ${name ?? 'cart_value'}=12.5`,
  });
  const { service } = options;
  const vector = await getVector(projectOf(context), { service, keys, context: given });
  await printResult(context, vectorToJson(vector), () => renderVector(vector));
  return 0;
}

interface PairFlag {
  readonly flag: string;
  readonly code: 'SRV_KEY_MISSING' | 'SRV_INPUT_MISSING';
  readonly help: (name: string | null) => string;
}

/** @returns what stands behind each name */
function pairsOf(pairs: readonly string[], { flag, code, help }: PairFlag): Record<string, string> {
  const values: Record<string, string> = {};
  for (const pair of pairs) {
    const at = pair.indexOf('=');
    if (at < 1) {
      throw sidecarError(code, `--${flag}: expected key=value, got ${JSON.stringify(pair)}`, {
        field: flag,
        help: help(/^\w+$/.test(pair) ? pair : null),
      });
    }
    const key = pair.slice(0, at);
    if (Object.hasOwn(values, key)) {
      const both = `${JSON.stringify(values[key])} and ${JSON.stringify(pair.slice(at + 1))}`;
      throw registryError('REG_USAGE', `--${flag} ${key} is given twice, as ${both}`, {
        field: key,
        help: 'One command asks for one vector: run it once for each.',
      });
    }
    values[key] = pair.slice(at + 1);
  }
  return values;
}
