/**
 * What runs on-demand functions: one V8 on one kind of processor, on which a function gives the same bits everywhere.
 * On another they may differ: those of Math.pow do in 9 % of values between Node 22 and 24.
 */
import { registryError } from '../errors.ts';
import type { OnDemandView } from '../model.ts';

/** Of this process. Heartbeats of the vector log name it, and bundles that on which the functions were tried. */
export const ENGINE = `V8 ${process.versions.v8} ${process.arch}`;

/**
 * @param views      that are to be computed
 * @param isAllowed  whether another engine may compute them
 * @throws REG_ENGINE when a view was applied on another one; a bundle of before does not say on which
 */
export function refuseOtherEngine(
  views: Iterable<Pick<OnDemandView, 'id' | 'engine'>>,
  isAllowed: boolean | undefined,
): void {
  if (isAllowed === true) return;
  for (const { id, engine } of views) {
    if (engine === undefined || engine === ENGINE) continue;
    throw registryError('REG_ENGINE', `${id} was applied on ${engine}, and this is ${ENGINE}`);
  }
}

/** Whether functions give the same bits here as there; an engine that nobody told (an empty text) is taken for it. */
export function isOwnEngine(engine: string): boolean {
  return engine === '' || engine === ENGINE;
}
