/** What lies in object storage, `s3://bucket/path`: its reader and its login, once a connection asks for it. */
import { registryError } from '../../../contract/errors.ts';
import { givenText } from '../../../contract/std/given-text.ts';
import { isObject } from '../../../contract/std/files/local-path.ts';
import { isEndpoint } from '../../settings/s3-settings.ts';
import type { Folder } from '../../storage/folder.ts';
import { quoteText } from './duckdb.ts';
import type { DuckDb } from './duckdb.ts';
import { loadExtension } from './extension.ts';

/**
 * @param need  what it is needed for: `the source s3://lake/orders lies in object storage`
 * @throws      REG_EXTENSION when DuckDB lacks what reads it; REG_SOURCE when nobody said how it is reached
 */
export async function openObjectStorage(duck: DuckDb, need: string): Promise<void> {
  const { s3 } = duck;
  if (s3 === null) throw registryError('REG_SOURCE', `${need}, which this command does not read yet`);
  await loadExtension(duck, 'httpfs', need);
  const { region, pathStyle, login } = s3;
  if (s3.endpoint !== null && !isEndpoint(s3.endpoint)) {
    const message = `${need}, and AWS_ENDPOINT_URL is ${givenText(s3.endpoint)}: expected a URL such as https://storage.example.com`;
    throw registryError('REG_SOURCE', message, { help: 'Set s3.endpoint, or the variable.' });
  }
  const endpoint = s3.endpoint === null ? null : new URL(s3.endpoint);
  const options = [
    `REGION ${quoteText(region)}`,
    `URL_STYLE ${quoteText(pathStyle ? 'path' : 'vhost')}`,
    ...(endpoint === null
      ? []
      : [`ENDPOINT ${quoteText(endpoint.host)}`, `USE_SSL ${String(endpoint.protocol === 'https:')}`]),
    ...(login === null
      ? []
      : [`KEY_ID ${quoteText(login.accessKeyId)}`, `SECRET ${quoteText(login.secretAccessKey)}`]),
    ...(login?.sessionToken ? [`SESSION_TOKEN ${quoteText(login.sessionToken)}`] : []),
  ];
  await duck.run(`CREATE OR REPLACE SECRET plumb (TYPE s3, ${options.join(', ')})`);
}

/** To be called before files of histories or archives are read. @throws as `openObjectStorage` */
export async function openHistoryStorage(duck: DuckDb, { path }: Pick<Folder, 'path'>): Promise<void> {
  if (isObject(path)) await openObjectStorage(duck, `${path} lies in object storage`);
}
