/** What Slack takes, whatever names and sentences hold: its limits, and nothing that calls or draws. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { alertDay } from '../../../../monitor/alerts/alert-days.ts';
import { openAlerts } from '../../../../monitor/alerts/alert-fold.ts';
import { alertMessage } from '../../../../monitor/alerts/alert-message.ts';
import type { AlertedService, AlertMessage } from '../../../../monitor/alerts/alert-message.ts';
import { slackBody } from '../../../../monitor/alerts/receivers/slack.ts';
import { judgedDay } from '../../../support/fixtures/judged-days.ts';
import type { FaultSample } from '../../../support/fixtures/judged-days.ts';

interface Posted {
  readonly text: string;
  readonly blocks: readonly {
    readonly type: string;
    readonly text: { readonly type: string; readonly text: string; readonly verbatim?: boolean };
  }[];
}

function messageOf(faults: readonly FaultSample[], service = 'basket', project = 'retail'): AlertMessage {
  const day = judgedDay({
    service,
    date: '2026-11-20',
    faults: faults.map((one) => ({ ...one, atOnce: true })),
  });
  const alerted: AlertedService = {
    service,
    judged: {
      service,
      date: day.date,
      verdict: day.verdict,
      sentence: day.sentence,
      isProvisional: false,
      report: null,
    },
    open: openAlerts([alertDay(day)]),
    reportOf: ({ date }) => `https://reports.example.com/${encodeURIComponent(service)}/${date}.html`,
  };
  return alertMessage(project, [alerted], () => ({ taken: 0, told: [], begun: [] }));
}

function posted(message: AlertMessage): Posted {
  return JSON.parse(slackBody(message)!.body) as Posted;
}

describe('a message for Slack', () => {
  test('says what is wrong, since when, whose it is and what to run', () => {
    const { text, blocks } = posted(messageOf([{ view: 'stores' }]));
    expect(text).toBe('Plumbline retail: 1 alert opened');
    expect(blocks.map(({ type }) => type)).toEqual(['header', 'section']);
    expect(blocks[1]!.text.text.split('\n')).toEqual([
      '*stores: materialization lag, since 2026-11-20*',
      '<https://reports.example.com/basket/2026-11-20.html|basket, 2026-11-20>: ' +
        'stores__revenue_30d: 75 values of 15 rows beyond the promise, 09:20 to 11:05',
      'owner ml-platform; model basket-value',
      '`plumb show stores`',
    ]);
  });

  test.each([
    ['<!channel> <@U123> <https://evil.example|click>', /<[!@#]|<https:\/\/evil/],
    ['*bold* ~struck~ `code` _soft_', /[*~`]bold|[*~`]struck|`code|_soft/],
    ['two\nlines\r\nand\u2028more', /two\n|\r|\u2028/],
    ['a > quote & <b>', /&(?!amp;|lt;|gt;)/],
    ['\u202Eevil', /\u202E/],
  ])('%j stays text', (hostile, draws) => {
    const { text, blocks } = posted(
      messageOf([{ view: hostile, owner: hostile, model: hostile, command: hostile }], hostile, hostile),
    );
    // Our own marks are the stars round the first line, the link of each service, and a line of code, where nothing is
    // a mark but what ends it.
    const lines = blocks.flatMap((block) => block.text.text.split('\n'));
    const others = lines
      .filter((line) => !/^`[^`]*`$/.test(line))
      .map((line) => line.replaceAll(/^\*|\*$|<https:\/\/reports[^|]*\|/g, ''));
    for (const shown of [text, ...others]) expect(shown).not.toMatch(draws);
  });

  test('has at most 50 blocks, and says how many more alerts there are', () => {
    const faults = Array.from({ length: 60 }, (_, i) => ({
      view: `v${i}`,
      owner: 'o',
      model: 'm',
      command: 'c',
    }));
    const { blocks } = posted(messageOf(faults));
    expect(blocks).toHaveLength(50);
    expect(blocks.at(-1)!.text.text).toMatch(/^and 12 more/);
  });

  test('keeps the limits of blocks, texts and the whole, and says what it leaves out', () => {
    const anything = fc.oneof(
      fc.string({ maxLength: 900, unit: 'binary' }),
      fc.constantFrom('<!here>', '&&&&&&&&', '*'.repeat(2_000), '<'.repeat(3_500)),
    );
    const fault = fc.record({ view: anything, owner: anything, model: anything, command: anything });
    fc.assert(
      fc.property(fc.array(fault, { minLength: 1, maxLength: 70 }), anything, (faults, project) => {
        const message = messageOf(faults, 'basket', project);
        const { text, blocks } = posted(message);
        expect(blocks.length).toBeLessThanOrEqual(50);
        expect([text, blocks[0]!.text.text].every((title) => title.length <= 150)).toBe(true);
        for (const { text: own } of blocks) expect(own.text.length).toBeGreaterThan(0);
        for (const { text: own } of blocks) expect(own.text.length).toBeLessThanOrEqual(3_000);
        expect(blocks.slice(1).every(({ text: own }) => own.verbatim === true)).toBe(true);
        const all = blocks.reduce((sum, { text: own }) => sum + own.text.length, 0);
        expect(all).toBeLessThanOrEqual(13_000);
        const said = /^and (\d+) more/.exec(blocks.at(-1)!.text.text);
        expect(blocks.length - 1 - (said === null ? 0 : 1) + Number(said?.[1] ?? 0)).toBe(
          message.opened.length,
        );
      }),
      { numRuns: 60 },
    );
  });
});
