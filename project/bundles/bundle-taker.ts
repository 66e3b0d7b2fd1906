/**
 * Takes bundles from where they come from into the folder of bundles, from which every program loads them. Places are
 * asked in their order; the first that gives a pointer which may be taken, with all that it names, counts. What is
 * refused, and a place that cannot be asked, is told once, and the next place is asked; the folder keeps the last good
 * bundle, so that a program starts while all places are down.
 */
import type { KeyObject } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  isBefore,
  bundlesOf,
  isSignedBy,
  pointerFromText,
  pointerText,
  sha256Of,
} from '../../contract/bundles/bundle-pointer.ts';
import type { BundlePointer, NamedBundle } from '../../contract/bundles/bundle-pointer.ts';
import {
  bundleOfText,
  bundleText,
  readPointer,
  writeBundle,
  writePointer,
} from '../../contract/definitions/bundle-folder.ts';
import { registryError } from '../../contract/errors.ts';
import type { Logger } from '../../contract/std/logger.ts';
import type { Settings } from '../settings/settings.ts';
import { openOrigin } from './open-origin.ts';
import type { BundleOrigin } from './bundle-origin.ts';
import { travelKeys } from './travel-keys.ts';

/** What a place gave cannot be taken. */
class RefusedBundle extends Error {}

export class BundleTaker {
  /** Whether a place gave something that was refused, when they were last asked. */
  refuses = false;
  /** Whether no place could be asked, or none had a bundle, then. */
  isAlone = false;
  /** Why each place that was asked then gave none: `the online store: refused: ...`. */
  troubles: readonly string[] = [];
  readonly #folder: string;
  readonly #project: string;
  readonly #origins: readonly BundleOrigin[];
  readonly #keys: readonly KeyObject[];
  readonly #unsigned: boolean;
  readonly #logger: Logger;
  readonly #told = new Map<string, string>();

  private constructor(settings: Settings, origins: readonly BundleOrigin[], logger: Logger) {
    this.#folder = settings.bundles;
    this.#project = settings.project;
    this.#origins = origins;
    this.#keys = travelKeys(settings.bundleTravel);
    this.#unsigned = settings.bundleTravel.unsigned;
    this.#logger = logger;
  }

  /**
   * @returns null where bundles are taken from nowhere: the folder is where they are published
   * @throws  REG_KEY when the file of a key cannot be used
   */
  static async open(settings: Settings, logger: Logger): Promise<BundleTaker | null> {
    const { bundleTravel: travel, online } = settings;
    if (travel.from.length === 0) return null;
    const origins = await Promise.all(travel.from.map((place) => openOrigin(place, travel, online)));
    if (travel.unsigned && origins.some(({ needsSignature }) => needsSignature)) {
      logger.warn(
        'bundles.unsigned: whoever may write where bundles come from can make every pod run code of theirs; sign ' +
          'bundles (`plumb bundle key`), and name the key in bundles.keys',
      );
    }
    return new BundleTaker(settings, origins, logger);
  }

  /** Asks the places. Never rejects: where nothing could be taken, the folder is as it was. */
  async take(): Promise<void> {
    this.refuses = false;
    this.isAlone = true;
    const troubles: string[] = [];
    this.troubles = troubles;
    for (const origin of this.#origins) {
      try {
        await this.#takeFrom(origin);
        this.isAlone = false;
        this.#tell(origin, '');
        return;
      } catch (error) {
        const isRefusal = error instanceof RefusedBundle;
        this.refuses ||= isRefusal;
        const { message } = error as Error;
        const what = isRefusal ? `refused: ${message}` : `not to be had: ${message}`;
        troubles.push(`${origin.name}: ${what}`);
        this.#tell(origin, what);
      }
    }
  }

  close(): void {
    for (const origin of this.#origins) origin.close();
  }

  async #takeFrom(origin: BundleOrigin): Promise<void> {
    const text = await origin.pointer();
    if (text === null) throw new Error('nothing is published there');
    const pointer = this.#checked(origin, text);
    const kept = this.#kept();
    if (kept !== null && pointerText(kept) === text && this.#hasAll(pointer)) return;
    if (kept !== null && isBefore(pointer, kept)) {
      const [there, here] = [pointer, kept].map((one) => one.sequence);
      throw new RefusedBundle(`it has apply ${there}, and apply ${here} was taken before`);
    }
    for (const bundle of bundlesOf(pointer)) await this.#fetch(origin, bundle);
    writePointer(this.#folder, pointer);
  }

  /** What cannot be read is written over by what is taken. */
  #kept(): BundlePointer | null {
    try {
      return readPointer(this.#folder);
    } catch {
      return null;
    }
  }

  #hasAll(pointer: BundlePointer): boolean {
    return bundlesOf(pointer).every(({ name }) => existsSync(join(this.#folder, `${name}.json`)));
  }

  #checked({ needsSignature }: BundleOrigin, text: string): BundlePointer {
    let pointer: BundlePointer;
    try {
      pointer = pointerFromText(text);
    } catch (error) {
      const why = `what is published there is damaged: ${(error as Error).message}`;
      throw new RefusedBundle(why, { cause: error });
    }
    if (pointer.project !== this.#project) {
      const own = `this is project ${this.#project}`;
      throw new RefusedBundle(`bundle ${pointer.name} is of project ${pointer.project}; ${own}`);
    }
    if (!needsSignature || this.#unsigned || isSignedBy(pointer, this.#keys)) return pointer;
    const what = pointer.signature === null ? 'nobody has signed it' : 'none of bundles.keys has signed it';
    throw new RefusedBundle(`bundle ${pointer.name}: ${what}`);
  }

  /** Into the folder, unless it is there. */
  async #fetch(origin: BundleOrigin, bundle: NamedBundle): Promise<void> {
    const { hash, name } = bundle;
    const kept = bundleText(this.#folder, name);
    if (kept !== null && sha256Of(kept) === hash) return;
    const text = await origin.content(bundle);
    if (text === null) throw new Error(`bundle ${name} is not there`);
    const got = sha256Of(text);
    if (got !== hash) {
      const short = (of: string): string => `${of.slice(0, 16)}...`;
      throw new RefusedBundle(
        `bundle ${name} is damaged: its bytes have the SHA-256 ${short(got)}, not ${short(hash)}`,
      );
    }
    try {
      bundleOfText(text, name);
    } catch (error) {
      throw new RefusedBundle(`bundle ${name} is damaged: ${(error as Error).message}`, { cause: error });
    }
    writeBundle(this.#folder, text);
  }

  /** Says the same once. */
  #tell({ name }: BundleOrigin, what: string): void {
    if ((this.#told.get(name) ?? '') === what) return;
    this.#told.set(name, what);
    if (what === '') this.#logger.info(`bundles are taken from ${name} again`);
    else this.#logger.warn(`bundles from ${name} are ${what}`);
  }
}

/** What became of asking the places once. */
type TakenOnce = Pick<BundleTaker, 'refuses' | 'isAlone' | 'troubles'>;

/**
 * Takes what is newest once, for a command that works with bundles.
 *
 * @returns null where bundles are taken from nowhere
 */
export async function takeNewest(settings: Settings, logger: Logger): Promise<TakenOnce | null> {
  const taker = await BundleTaker.open(settings, logger);
  if (taker === null) return null;
  try {
    await taker.take();
    return taker;
  } finally {
    taker.close();
  }
}

/** The error where the folder has no bundle: what was refused is another matter than what was never applied. */
export function noBundle(folder: string, taken: TakenOnce | null): Error {
  const none = `no bundle is published in ${folder}`;
  if (taken === null || taken.troubles.length === 0) return registryError('REG_NOT_APPLIED', none);
  const why = `no bundle is in ${folder}, and none could be taken: ${taken.troubles.join('; ')}`;
  if (taken.refuses) {
    const help =
      'Compare bundles.keys with the key that bundles are signed with (`plumb bundle key FILE` prints it); what is ' +
      'damaged the next `plumb apply` publishes anew.';
    return registryError('REG_BUNDLE', why, { help });
  }
  const help =
    'Look whether the places of bundles.from can be reached, and whether `plumb apply` publishes to them.';
  return registryError('REG_NOT_APPLIED', why, { help });
}
