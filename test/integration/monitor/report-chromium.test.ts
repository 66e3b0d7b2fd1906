/** The report as a browser shows it: nothing asked of the network, nothing complained of, nothing sticking out. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { renderReport } from '../../../monitor/report/html/report.ts';
import type { Snapshot } from '../../../monitor/verdict/snapshot.ts';
import { startChromium } from '../../support/processes/chromium.ts';
import type { Browser } from '../../support/processes/chromium.ts';
import { incidentDay } from '../../support/fixtures/incident-day.ts';
import { badDay, emptyDay, goodDay, largeDay } from '../../support/fixtures/sample-snapshot.ts';

let browser: Browser;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plumb-report-'));
  browser = await startChromium();
}, 400_000);

afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Seen {
  readonly page: Page;
  readonly requests: string[];
  readonly complaints: string[];
}

function draw(snapshot: Snapshot, name: string): string {
  const file = join(folder, `${name}.html`);
  writeFileSync(file, renderReport(snapshot));
  return file;
}

async function open(file: string): Promise<Seen> {
  const page = await browser.context.newPage();
  const requests: string[] = [];
  const complaints: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => complaints.push(error.message));
  await page.goto(pathToFileURL(file).href, { waitUntil: 'load' });
  return { page, requests, complaints };
}

/** How far content sticks out past the window's right edge, in pixels. */
function overflow(page: Page): Promise<number> {
  return page.evaluate(
    'Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) - window.innerWidth',
  );
}

const DAYS = { good: goodDay, bad: badDay, full: incidentDay, empty: emptyDay, large: largeDay };

describe.each(Object.entries(DAYS))('the report of a %s day', (name, makeSnapshot) => {
  let file: string;
  beforeAll(() => {
    file = draw(makeSnapshot(), name);
  });

  test('is one file that asks nothing of the network and causes no complaint', async () => {
    const { page, requests, complaints } = await open(file);
    expect(requests).toEqual([page.url()]);
    expect(complaints).toEqual([]);
    await page.close();
  });

  test.each([1280, 768, 390])('fits into %d pixels, in light and in dark', async (width) => {
    const { page } = await open(file);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      // Everything unfolded: what is hidden must fit too.
      await page.evaluate('document.querySelectorAll("details").forEach((d) => { d.open = true; })');
      expect(await overflow(page)).toBeLessThanOrEqual(0);
      const picture = join(folder, `${name}-${width}-${colorScheme}.png`);
      await page.screenshot({ path: picture });
      expect(statSync(picture).size).toBeGreaterThan(10_000);
    }
    await page.close();
  });
});

describe('the report of a full day', () => {
  let file: string;
  beforeAll(() => {
    file = draw(incidentDay(), 'full');
  });

  test('has its headings in the order of need, and a title on every chart', async () => {
    const { page } = await open(file);
    expect(await page.locator('h1').innerText()).toContain('basket');
    expect(await page.locator('h2').allInnerTexts()).toEqual([
      'Incidents',
      'What broke since yesterday',
      'The day, hour by hour',
      'Where the mismatches are',
      'What was compared',
      'Features',
      'Each feature',
      'What the causes mean',
      'Words and method',
    ]);
    expect(await page.locator('svg[role=img]').count()).toBeGreaterThan(100);
    expect(await page.locator('svg[role=img]:not(:has(> title))').count()).toBe(0);
    // Three views, each with the mismatches of its hours and the age of its data.
    expect(await page.locator('svg.day').count()).toBe(6);
    await page.close();
  });

  test('opens with what needs a look, and everything clean or within the promise is folded', async () => {
    const { page } = await open(file);
    const seen = (text: string): Promise<boolean> => page.getByText(text).first().isVisible();
    expect(await page.locator('.incident').filter({ visible: true }).count()).toBe(3);
    expect(await seen('17.18 % of 7,900 values present are beyond the promise, above 10 %')).toBe(false);
    expect(await page.locator('.feature[open]').count()).toBe(2);
    expect(await page.locator('.feature').filter({ visible: true }).count()).toBe(8);
    await page.close();
  });

  test('a link in a folded list unfolds the feature it names, whatever it is folded in', async () => {
    const { page } = await open(file);
    const name = 'session_features__clicks_7_1h';
    const body = page
      .locator('details.feature', { has: page.getByRole('heading', { name, exact: true }) })
      .locator('.body');
    expect(await body.isVisible()).toBe(false);
    await page.locator('details.clean', { hasText: 'session_features' }).locator('summary').click();
    await page.locator('.names').getByRole('link', { name }).click();
    await body.waitFor({ state: 'visible', timeout: 60_000 });
    await page.close();
  });

  test('the hours of a view fit a phone whole, from 00 to 24', async () => {
    const { page } = await open(file);
    await page.setViewportSize({ width: 390, height: 800 });
    const boxes = await page.locator('svg.day').evaluateAll((all) =>
      all.map((one) => {
        const { left, right } = one.getBoundingClientRect();
        return [Math.round(left), Math.round(right)];
      }),
    );
    expect(new Set(boxes.map(String))).toEqual(new Set(['16,374']));
    expect(await page.locator('.hours').first().innerText()).toMatch(/^00\s*03\s*06/);
    await page.close();
  });

  test.each(['screen', 'print'] as const)(
    'has text that stands out from what is behind it on %s',
    async (media) => {
      const { page } = await open(file);
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme, media });
        expect(await page.evaluate(LOW_CONTRAST)).toEqual([]);
      }
      await page.close();
    },
  );

  test('prints everything, within margins, and folds nothing away', async () => {
    const { page } = await open(file);
    await page.emulateMedia({ media: 'print' });
    const hidden = await page
      .locator('details.fold .incident, details.fold .feature, details.feature .body')
      .evaluateAll((all) => all.filter((one) => one.getBoundingClientRect().height === 0).length);
    expect(hidden).toBe(0);
    const pdf = (await page.pdf({ preferCSSPageSize: true })).toString('latin1');
    const pages = pdf.match(/\/Type \/Page\b/g)!.length;
    expect(pages).toBeGreaterThan(10);
    expect(pages).toBeLessThan(60);
    await page.close();
  });
});

/** Colours of text on the page or on a card that fall short of WCAG's 4.5 to 1. */
const LOW_CONTRAST = `(() => {
  const light = (rgb) => {
    const [r, g, b] = rgb.map((c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const parse = (text) => text.match(/[\\d.]+/g).slice(0, 3).map(Number);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = getComputedStyle(at).backgroundColor;
      if (!colour.endsWith(', 0)') && colour !== 'transparent') return parse(colour);
    }
    return [255, 255, 255];
  };
  const low = new Set();
  for (const element of document.querySelectorAll('p,li,a,small,code,span,b,dt,dd,th,caption,h1,h2,h3,h4,strong')) {
    if (!element.textContent.trim()) continue;
    const [a, b] = [light(parse(getComputedStyle(element).color)), light(behind(element))].sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) low.add(element.tagName + '.' + element.className + ' ' + ratio.toFixed(2));
  }
  return [...low];
})()`;
