/**
 * Where the archive's files stand below the folder of served values:
 *
 *   {service}/v{version}.{n}/date=2026-11-21/hour=10/00000017.parquet        one row a vector
 *   _views/{view}/v{version}.{n}/date=…/hour=…/00000017.parquet              one row a vector and view, of requests
 *                                                                            for single features
 *
 * n begins at 0 and grows where a column's type changed (column-types.ts). A name that is no plain one, which only a
 * record has that no sidecar of ours wrote, stands percent-encoded. Readers of Parquet pass over names that begin with
 * `_` or `.`, so that is how all begins that is no data.
 */
import { formatTimestamp } from '../../contract/std/timestamp.ts';
import { xxHash64 } from '../../contract/wire/online/xxhash.ts';

/** What is no letter, digit, `_` or `-`; and what a name may not begin with. */
const ODD = /[^A-Za-z0-9_-]|^[^A-Za-z0-9]/gu;
/** Longer names are cut, since a file's name has at most 255 bytes. */
const MAX_NAME = 150;
/** The folder of views, and that of the files of the present hour, which has the same folders below it. */
const VIEWS = '_views';
export const OPEN = '_open';

/** @returns the name of a folder, another one for each name */
function folderName(name: string): string {
  const plain = name.replace(ODD, (sign) =>
    [...Buffer.from(sign)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );
  if (plain.length > 0 && plain.length <= MAX_NAME) return plain;
  return `${plain.slice(0, MAX_NAME - 20)}%${xxHash64(name).toString(16)}`;
}

/** @returns the folder of a service's version, without its n */
export function serviceFolder(service: string, version: number): string {
  return `${folderName(service)}/v${version}`;
}

/** @param view  its id, `purchases` or `purchases@v2` */
export function viewFolder(view: string): string {
  const [, name, version] = /^(.*?)(?:@v(\d{1,9}))?$/s.exec(view)!;
  return `${VIEWS}/${folderName(name!)}/v${version ?? 1}`;
}

/** @returns `2026-11-21T10`, the UTC hour of a time */
export function hourOf(us: number): string {
  return formatTimestamp(us).slice(0, 13);
}

/** @param hour  `2026-11-21T10` */
export function hourFolder(hour: string): string {
  return `date=${hour.slice(0, 10)}/hour=${hour.slice(11)}`;
}

/** @returns `2026-11-21T10` of a path in the archive; null: it is in no hour's folder */
export function hourOfPath(path: string): string | null {
  const found = /(?:^|\/)date=(\d{4}-\d\d-\d\d)\/hour=(\d\d)(?:\/|$)/.exec(path);
  return found === null ? null : `${found[1]}T${found[2]}`;
}

/** Whether a folder of the archive is a version of a service or a view: `churn/v3.0`. */
export function isVersionFolder(name: string): boolean {
  return /^v\d+\.\d+$/.test(name);
}

/** The services' folders, and those of views, stand at these two depths. */
export function isViews(name: string): boolean {
  return name === VIEWS;
}
