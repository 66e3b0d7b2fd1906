/**
 * Node warns of its own modules that it calls experimental, such as node:sqlite, in whichever program loads them. Who
 * runs plumb can do nothing about it.
 */

/** From here on Node prints no such warning in this thread; all others are printed as before. */
export function hideExperimentalWarnings(): void {
  const listeners = process.listeners('warning');
  process.removeAllListeners('warning');
  process.on('warning', (warning) => {
    if (warning.name === 'ExperimentalWarning') return;
    for (const listener of listeners) listener(warning);
  });
}
