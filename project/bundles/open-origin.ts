/** Opens a place that bundles come from; a store's client is loaded only where it is used. */
import type { BundleTravel, OriginPlace } from '../settings/bundle-settings.ts';
import type { OnlineSettings } from '../settings/settings.ts';
import type { BundleOrigin } from './bundle-origin.ts';
import { folderOrigin } from './folder-origin.ts';
import { httpOrigin } from './http-origin.ts';

/** Without asking the place anything. */
export async function openOrigin(
  place: OriginPlace,
  { ca }: Pick<BundleTravel, 'ca'>,
  online: OnlineSettings,
): Promise<BundleOrigin> {
  switch (place.kind) {
    case 'folder':
      return folderOrigin(place.folder);
    case 'http':
      return httpOrigin(place.url, ca);
    case 'online':
      if (online.kind === 'sqlite') return (await import('./sqlite-origin.ts')).sqliteOrigin(online.url);
      return (await import('./redis-origin.ts')).redisOrigin(online);
  }
}
