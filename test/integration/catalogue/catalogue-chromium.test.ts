/** The catalogue as a browser shows it: its policy allows no script; by keyboard, on a phone, in light and in dark. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCatalogue } from '../../../catalogue/serving.ts';
import { openProject } from '../../../project/project.ts';
import { RegistryDatabase } from '../../../project/database/registry-database.ts';
import { startChromium } from '../../support/processes/chromium.ts';
import type { Browser } from '../../support/processes/chromium.ts';
import { fillRegistry, LAST_DAY, SMALL } from '../../support/registry/filled-registry.ts';

let browser: Browser;
let folder: string;
let catalogue: Awaited<ReturnType<typeof openCatalogue>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-catalogue-'));
  writeFileSync(join(folder, 'plumbline.yaml'), 'project: shop\nui: { port: 0 }\n');
  mkdirSync(join(folder, '.plumb'));
  const logger = { info() {}, warn() {}, progress() {} };
  const project = openProject(folder, logger, {});
  await RegistryDatabase.using(project.settings.registry, (database) => fillRegistry(database, SMALL));
  catalogue = await openCatalogue(project);
  browser = await startChromium();
}, 400_000);

afterAll(async () => {
  await catalogue?.close();
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

const PATHS = [
  '/',
  '/search?q=purchases+in+the+last+week',
  '/features',
  '/services',
  '/features/purchases_0__count_0d',
  '/views/purchases_0',
  '/services/churn_0',
  '/training-sets/november',
  `/incidents/${LAST_DAY}.churn_0.purchases_0.materialization-lag.1`,
];

interface Seen {
  readonly page: Page;
  readonly requests: string[];
  readonly complaints: string[];
}

async function open(path: string): Promise<Seen> {
  const page = await browser.context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(catalogue.url + path, { waitUntil: 'load' });
  return { page, requests, complaints };
}

describe('every page', () => {
  test.each(PATHS)('%s asks no other host, is complained of nowhere, and fits a phone', async (path) => {
    const { page, requests, complaints } = await open(path);
    expect(requests.filter((url) => !url.startsWith(`${catalogue.url}/`))).toEqual([]);
    expect(complaints).toEqual([]);
    expect(await page.locator('svg[role=img]:not(:has(> title)):not([aria-label])').count()).toBe(0);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 900 });
        const box = await page.locator('body').evaluate((body) => [body.scrollWidth, body.clientWidth]);
        expect([path, width, box[0]! <= box[1]!]).toEqual([path, width, true]);
      }
    }
    await page.close();
  });
});

test('by keyboard: past the head, then a search that leads to the feature', async () => {
  const { page } = await open('/');
  await page.keyboard.press('Tab');
  const skip = page.locator(':focus');
  expect(await skip.innerText()).toBe('Skip to the page');
  expect((await skip.boundingBox())!.x).toBeGreaterThanOrEqual(0);
  await page.keyboard.press('Enter');
  await expect.poll(() => page.url(), { timeout: 120_000 }).toMatch(/#page$/);
  await page.locator('input[name=q]').focus();
  await page.keyboard.type('purchses in 2 days');
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/search\?q=purchses/);
  await page.locator('main .list a').first().focus();
  await page.keyboard.press('Enter');
  await page.waitForURL(/\/features\/purchases_\d__count_1d$/);
  expect(await page.locator('h1').innerText()).toBe('count_1d');
  expect(await page.locator('.figures').innerText()).toContain('Exact match');
  // What is folded opens without a script.
  const python = page.locator('summary', { hasText: 'Python' });
  await python.focus();
  await page.keyboard.press('Enter');
  expect(await page.getByText('urllib.request').first().isVisible()).toBe(true);
  await page.close();
});
