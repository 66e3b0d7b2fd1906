/** How Spark is started for `--engine spark`. */
import { z } from 'zod';
import { localPath } from './setting-values.ts';

export interface SparkSettings {
  /** The program that starts it, as `spark-submit` takes its arguments. */
  readonly command: string;
  /** null: what Spark's own configuration says. */
  readonly master: string | null;
  /** Settings of Spark, each by `--conf`. */
  readonly conf: Readonly<Record<string, string>>;
  /** Folder that every machine of Spark's sees under this path, absolute. */
  readonly folder: string;
}

export const SPARK_SETTINGS = z
  .strictObject({
    command: z.string().min(1).default('spark-submit'),
    master: z.string().min(1).nullable().default(null),
    conf: z
      .record(
        z.string().regex(/^spark\.\S+$/),
        z.union([z.string(), z.number(), z.boolean()]).transform(String),
      )
      .default({}),
    folder: localPath.default('.plumb/spark'),
  })
  .prefault({});

/** @param path  makes a path absolute */
export function sparkSettings(
  given: z.output<typeof SPARK_SETTINGS>,
  path: (text: string) => string,
): SparkSettings {
  // A bare name is looked for on the path, as a shell does.
  const command = given.command.includes('/') ? path(given.command) : given.command;
  return { ...given, command, folder: path(given.folder) };
}
