/** Which kind of folder a path names. */
import { isObject } from '../../contract/std/files/local-path.ts';
import type { S3Settings } from '../settings/s3-settings.ts';
import type { Folder } from './folder.ts';
import { localFolder } from './local-folder.ts';
import { objectFolder } from './object-folder.ts';

/**
 * @param path  absolute, or `s3://bucket/path`
 * @throws      REG_STORE where it lies in object storage and the endpoint of that is no URL
 */
export function openFolder(path: string, s3: S3Settings): Folder {
  return isObject(path) ? objectFolder(path, s3) : localFolder(path);
}
