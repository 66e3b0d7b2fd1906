/** How object storage is reached: the settings below `s3`, else what AWS's own variables say. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { registryError } from '../../contract/errors.ts';
import { flag, localPath } from './setting-values.ts';

/** How sources that are no plain files on this machine are reached: the settings `duckdb` and `s3`. */
export interface Elsewhere {
  /** The folder of DuckDB's extensions, absolute; null: DuckDB's own. */
  readonly extensions: string | null;
  readonly s3: S3Settings;
}

export interface S3Settings {
  /** `http://127.0.0.1:9000`; null: AWS. That of AWS's variables is looked at when it is used. */
  readonly endpoint: string | null;
  readonly region: string;
  /** The bucket stands in the path, not before the host. */
  readonly pathStyle: boolean;
  /** null: there is none, and what is public alone can be read. */
  readonly login: S3Login | null;
  /** A folder on this machine, absolute, for files that are on their way there. */
  readonly aside: string;
}

interface S3Login {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken: string | null;
}

const ENDPOINT = 'expected a URL such as https://storage.example.com, without a path';

export const S3_SETTINGS = z
  .strictObject({
    endpoint: z.string().refine(isEndpoint, ENDPOINT).nullable().default(null),
    region: z.string().min(1).nullable().default(null),
    pathStyle: flag.nullable().default(null),
    accessKeyId: z.string().min(1).nullable().default(null),
    secretAccessKeyFile: localPath.nullable().default(null),
  })
  .prefault({});

export function isEndpoint(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol) && url.pathname === '/' && url.username === '';
}

/**
 * @param path         makes a path absolute
 * @param environment  has AWS's variables
 * @throws             REG_SETTINGS when a login is half given, or its file cannot be read
 */
export function s3Settings(
  given: z.output<typeof S3_SETTINGS>,
  path: (text: string) => string,
  environment: NodeJS.ProcessEnv,
): S3Settings {
  const endpoint =
    given.endpoint ?? environment['AWS_ENDPOINT_URL_S3'] ?? environment['AWS_ENDPOINT_URL'] ?? null;
  return {
    endpoint,
    region: given.region ?? environment['AWS_REGION'] ?? environment['AWS_DEFAULT_REGION'] ?? 'us-east-1',
    pathStyle: given.pathStyle ?? endpoint !== null,
    login: loginOf(given, path) ?? loginOfEnvironment(environment),
    aside: path('.plumb/aside'),
  };
}

function loginOf(
  { accessKeyId, secretAccessKeyFile: file }: z.output<typeof S3_SETTINGS>,
  path: (text: string) => string,
): S3Login | null {
  if (accessKeyId === null && file === null) return null;
  if (accessKeyId === null || file === null) {
    const lacks = accessKeyId === null ? 'accessKeyId' : 'secretAccessKeyFile';
    throw registryError('REG_SETTINGS', `s3: expected ${lacks} too, a login has both`, {
      field: `s3.${lacks}`,
    });
  }
  try {
    return { accessKeyId, secretAccessKey: readFileSync(path(file), 'utf8').trim(), sessionToken: null };
  } catch (error) {
    const message = `s3.secretAccessKeyFile: ${file} cannot be read: ${(error as Error).message}`;
    throw registryError('REG_SETTINGS', message, { field: 's3.secretAccessKeyFile' });
  }
}

function loginOfEnvironment(environment: NodeJS.ProcessEnv): S3Login | null {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (!accessKeyId || !secretAccessKey) return null;
  return { accessKeyId, secretAccessKey, sessionToken: environment['AWS_SESSION_TOKEN'] ?? null };
}
