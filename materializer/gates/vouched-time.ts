/** Up to which time the online store vouches for a view's rows. */
import { existsSync } from 'node:fs';
import type { OnlineSettings } from '../../project/settings/settings.ts';
import type { OnlineWriter } from '../online/online-writer.ts';
import { openOnlineWriter } from '../online/open-online-writer.ts';

/** A gate makes no store. @returns null where there is no file: nothing is online then */
export async function openWhereKept(online: OnlineSettings): Promise<OnlineWriter | null> {
  return online.kind === 'sqlite' && !existsSync(online.url) ? null : openOnlineWriter(online);
}

/** @returns null when a marker is missing */
export async function leastMarker(writer: OnlineWriter, view: string): Promise<number | null> {
  const { watermarksUs } = await writer.readMarkers(view);
  return watermarksUs.reduce(
    (least, us) => (least === null || us === null ? null : Math.min(least, us)),
    Infinity,
  );
}
