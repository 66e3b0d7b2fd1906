/**
 * The sidecar's commands `serve` and `get`. Those that read the spool are in `vector-log/log-commands.ts` and
 * `shipper/ship-command.ts`: a serving sidecar should not spend memory on what they load.
 */
import type { CommandContext, ExitCode } from '../project/command.ts';
import { registryError } from '../contract/errors.ts';
import { printResult, projectOf } from '../project/command.ts';
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
  await serveUntilSignal(project, () => lines.dropped);
  return 0;
}

/** One vector, as a table. */
export async function get(
  context: CommandContext,
  options: { service: string; entity: string[] },
): Promise<ExitCode> {
  const keys: Record<string, string> = {};
  for (const pair of options.entity) {
    const at = pair.indexOf('=');
    if (at < 1) {
      throw sidecarError('SRV_KEY_MISSING', `--entity: expected key=value, got ${JSON.stringify(pair)}`, {
        field: 'entity',
        help: `Give the value behind the name of the join key: --entity ${/^\w+$/.test(pair) ? pair : 'driver_id'}=1001`,
      });
    }
    const key = pair.slice(0, at);
    if (Object.hasOwn(keys, key)) {
      const values = `${JSON.stringify(keys[key])} and ${JSON.stringify(pair.slice(at + 1))}`;
      throw registryError('REG_USAGE', `--entity ${key} is given twice, as ${values}`, {
        field: key,
        help: 'One command asks for one vector: run it once for each entity.',
      });
    }
    keys[key] = pair.slice(at + 1);
  }
  const vector = await getVector(projectOf(context), { service: options.service, keys });
  await printResult(context, vectorToJson(vector), () => renderVector(vector));
  return 0;
}
