/** The command `plumb monitor health`. */
import { parseDuration } from '../../contract/std/duration.ts';
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import type { CommandContext, ExitCode } from '../../project/command.ts';
import { printResult } from '../../project/command.ts';
import { projectOf } from '../../project/project.ts';
import { monitorError } from '../errors.ts';
import { exitCodeOfHealth } from './health-check.ts';
import { renderHealth } from './health-table.ts';
import { projectHealth } from './health.ts';

interface AskedHealth {
  readonly prometheus?: string;
  readonly sidecar?: readonly string[];
  readonly over: string;
}

/** Says how the project is; exit code 1 when a check does not hold, 3 when one could not be made. */
export async function health(context: CommandContext, options: AskedHealth): Promise<ExitCode> {
  const { prometheus, sidecar, over } = options;
  const overUs = parseDuration(over);
  if (overUs === null || overUs === 0) {
    throw monitorError('MON_HEALTH', `--over: expected a duration such as 1h or 1d, got ${over}`);
  }
  if (prometheus !== undefined && !(/^https?:\/\//i.test(prometheus) && URL.canParse(prometheus))) {
    throw monitorError('MON_HEALTH', '--prometheus: expected a URL that begins with http:// or https://');
  }
  const wrong = sidecar?.find((at) => !/^(\[[0-9a-fA-F:.]+\]|[^\s:/@?#]+):\d{1,5}$/.test(at));
  if (wrong !== undefined) {
    throw monitorError(
      'MON_HEALTH',
      `--sidecar: expected HOST:ADMINPORT such as 10.0.0.7:6567, got ${wrong}`,
    );
  }
  const project = projectOf(context);
  const checks = await projectHealth(project, {
    overUs,
    ...(prometheus === undefined ? {} : { prometheus }),
    ...(sidecar === undefined ? {} : { sidecars: sidecar }),
  });
  const data = { at: formatTimestamp(project.clock.nowUs()), health: checks };
  await printResult(context, data, () => renderHealth(checks, { color: context.color }));
  return exitCodeOfHealth(checks);
}
