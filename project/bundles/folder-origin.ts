/** Bundles from another folder, such as a volume that many machines mount. Who may write there is trusted. */
import { isBefore, pointerText } from '../../contract/bundles/bundle-pointer.ts';
import type { BundlePointer } from '../../contract/bundles/bundle-pointer.ts';
import {
  bundleText,
  readPointer,
  writeBundle,
  writePointer,
} from '../../contract/definitions/bundle-folder.ts';
import type { BundleOrigin } from './bundle-origin.ts';

export function folderOrigin(folder: string): BundleOrigin {
  return {
    name: folder,
    needsSignature: false,
    async pointer() {
      const pointer = readPointer(folder);
      return pointer === null ? null : pointerText(pointer);
    },
    async content({ name }) {
      return bundleText(folder, name);
    },
    async publish(texts, pointer) {
      if (isLater(folder, pointer)) return;
      for (const text of texts.values()) writeBundle(folder, text);
      writePointer(folder, pointer);
    },
    close() {},
  };
}

/** What cannot be read, of an older plumb or damaged, is written over. */
function isLater(folder: string, pointer: BundlePointer): boolean {
  try {
    const there = readPointer(folder);
    return there !== null && isBefore(pointer, there);
  } catch {
    return false;
  }
}
