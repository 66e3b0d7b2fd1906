/** `npm run docs`: every link of the site leads to a file, and its pages can be read where they lie, as files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { startChromium } from '../support/processes/chromium.ts';
import { scratchFolder } from '../support/scratch.ts';

const ROOT = join(import.meta.dirname, '../..');

/** Links that lead nowhere, of all pages. */
function brokenLinks(site: string): string[] {
  const pages = readdirSync(site, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.html'),
  );
  expect(pages.length).toBeGreaterThan(60);
  return pages.flatMap((page) =>
    [
      ...readFileSync(join(site, page), 'utf8').matchAll(/\s(?:href|src)="(?![a-z]+:|\/\/|#)([^"#]*)/g),
    ].flatMap(([, link]) => (existsSync(join(site, dirname(page), link!)) ? [] : [`${page}: ${link}`])),
  );
}

test('the site is whole, begins with the picture, and is read from files', async () => {
  const site = join(scratchFolder(), 'site');
  const environment = { ...process.env, SITE_OUT: site };
  execFileSync(process.execPath, ['site/build.mjs'], { cwd: ROOT, env: environment, stdio: 'pipe' });
  expect(brokenLinks(site)).toEqual([]);
  const browser = await startChromium();
  try {
    const page = await browser.context.newPage();
    await page.goto(pathToFileURL(join(site, 'index.html')).href);
    expect(await page.title()).toContain('Plumbline');
    const picture = page.locator('main img').first();
    const box = await picture.boundingBox();
    expect(box!.width).toBeGreaterThan(400);
    await page.locator('main a', { hasText: 'ten minutes' }).click();
    expect(relative(site, new URL(page.url()).pathname)).toBe('tutorial.html');
    expect(await page.locator('h1').innerText()).toContain('Ten minutes on your own data');
  } finally {
    await browser.close();
  }
});
