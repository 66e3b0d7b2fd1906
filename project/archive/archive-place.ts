/** Where the archive of served vectors lies: a folder on this machine, or a prefix in object storage. */
import { join } from 'node:path';
import { isObject } from '../../contract/std/files/local-path.ts';
import type { Settings } from '../settings/settings.ts';
import type { Folder } from '../storage/folder.ts';
import { openFolder } from '../storage/open-folder.ts';

/** @throws REG_STORE where it lies in object storage and the endpoint of that is no URL */
export function servedFolder({ served, elsewhere }: Pick<Settings, 'served' | 'elsewhere'>): Folder {
  return openFolder(served, elsewhere.s3);
}

/** @returns the folder on this machine for the locks of ingests, which is the archive's own where that lies here */
export function lockPlace({ served, folder }: Pick<Settings, 'served' | 'folder'>): string {
  return isObject(served) ? join(folder, '.plumb/served') : served;
}
