/** Makes the way online of a view's stream, and of what the store may lose of it. */
import type { DuckDb } from '../../../project/engine/duckdb/duckdb.ts';
import type { Project } from '../../../project/project.ts';
import { newestRows } from './newest-rows.ts';
import { OnlineOutput } from './online-output.ts';
import type { OnlineOptions } from './online-output.ts';

type Given = Omit<OnlineOptions, 'keyPrefix' | 'newestRows' | 'warn'> & {
  readonly project: Pick<Project, 'settings' | 'logger'>;
  readonly duck: DuckDb;
  readonly runId: string;
};

export function openOnlineOutput({ project, duck, runId, ...given }: Given): OnlineOutput {
  const { settings, logger } = project;
  return new OnlineOutput({
    ...given,
    keyPrefix: settings.online.keyPrefix,
    newestRows: (writtenMs) => newestRows({ ...given, duck, settings, runId }, writtenMs),
    warn: (line) => logger.warn(line),
  });
}
