/** A headless Chromium for tests of pages: found on the path, or installed with the system's package manager. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import type { BrowserContext } from 'playwright-core';
import { findOrInstall, findProgram } from './system-package.ts';

const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** No sandbox, since tests may run as root in a container; nothing that speaks to the network by itself. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/**
 * @returns  the absolute path of a Chromium or Chrome
 * @throws   one sentence with what was tried, where none can be had
 */
async function chromiumPath(): Promise<string> {
  for (const program of PROGRAMS) {
    const path = findProgram(program);
    if (path !== null) return path;
  }
  const found = await findOrInstall('chromium', { 'apt-get': 'chromium', dnf: 'chromium', apk: 'chromium' });
  if (typeof found === 'string') return found;
  throw new Error(
    `This test needs a Chromium: put one of ${PROGRAMS.join(', ')} on the path (${found.tried.join('; ')}).`,
  );
}

export interface Browser {
  /** An empty profile of its own. */
  readonly context: BrowserContext;
  close(): Promise<void>;
}

export async function startChromium(): Promise<Browser> {
  const executablePath = await chromiumPath();
  const profile = mkdtempSync(join(tmpdir(), 'plumb-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: FLAGS,
    headless: true,
  });
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
