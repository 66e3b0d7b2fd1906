/**
 * What a receiver knows after any days, judged in any order and again, while it is away at times and runs die between
 * sending and recording: once it takes messages again it knows exactly the alerts that are open, and it is told nothing
 * twice but what a run that died had sent.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { afterRun } from '../../monitor/alerts/after-run.ts';
import { alertDays } from '../../monitor/alerts/alert-days.ts';
import { alertKey, openAlerts } from '../../monitor/alerts/alert-fold.ts';
import { writeSnapshot } from '../../monitor/verdict/snapshot-folder.ts';
import { silentLogger } from '../../contract/std/logger.ts';
import { openProject } from '../../project/project.ts';
import { judgedDay } from '../support/fixtures/judged-days.ts';
import { listenOnce } from '../support/http/test-server.ts';
import { scratchFolder } from '../support/scratch.ts';

/** `PLUMB_SEED=random PLUMB_RUNS=1000 npx vitest run test/property/alerts-once` looks further. */
const RUNS = Number(process.env['PLUMB_RUNS'] ?? 20);

interface AlertOfMessage {
  readonly view: string;
  readonly cause: string;
}

interface Message {
  readonly opened: readonly AlertOfMessage[];
  readonly noted: readonly AlertOfMessage[];
  readonly closed: readonly AlertOfMessage[];
}

/** A person who reads every message, and how often one told what was known already. */
class Reader {
  readonly known = new Map<string, 'page' | 'note'>();
  repeats = 0;

  read({ opened, noted, closed }: Message): void {
    for (const [level, alerts] of [
      ['page', opened],
      ['note', noted],
    ] as const) {
      for (const alert of alerts) {
        const before = this.known.get(alertKey(alert));
        if (before === level || before === 'page') this.repeats += 1;
        this.known.set(alertKey(alert), level);
      }
    }
    for (const alert of closed) if (!this.known.delete(alertKey(alert))) this.repeats += 1;
  }
}

const runs = fc.record({
  day: fc.integer({ min: 1, max: 5 }),
  faults: fc.subarray([
    { view: 'stores', cause: 'materialization lag', atOnce: false },
    { view: 'stores', cause: 'late arrival', atOnce: true },
    { view: 'customers', cause: 'materialization lag', atOnce: true },
  ]),
  provisional: fc.boolean(),
  tooFew: fc.boolean(),
  fate: fc.constantFrom('well', 'well', 'well', 'away', 'dies', 'damages'),
});

test('a receiver comes to know what is open, and is told it once', async () => {
  let isAway = false;
  let reader = new Reader();
  let told = '';
  /** told.json as it is when a message arrives: what a run leaves that dies then. */
  let begun: string | null = null;
  const server = await listenOnce((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      begun = textOf(told);
      if (!isAway) reader.read(JSON.parse(body) as Message);
      response.writeHead(isAway ? 403 : 200).end();
    });
  });
  await fc.assert(
    fc.asyncProperty(fc.array(runs, { minLength: 3, maxLength: 14 }), async (all) => {
      const alerts = [{ kind: 'webhook', url: `http://${server.at}` }];
      const folder = scratchFolder({ 'plumbline.yaml': JSON.stringify({ monitor: { alerts } }) });
      const project = openProject(folder, silentLogger, {});
      const { reports } = project.settings;
      told = join(reports, 'basket', 'told.json');
      reader = new Reader();
      let mayRepeat = false;
      for (const { day, faults, provisional, tooFew, fate } of all) {
        const snapshot = judgedDay({
          service: 'basket',
          date: `2026-11-0${day}`,
          faults,
          provisional,
          tooFew,
        });
        writeSnapshot(reports, snapshot);
        isAway = fate === 'away';
        const { repeats } = reader;
        begun = null;
        await afterRun(project, [snapshot]);
        if (!mayRepeat) expect(reader.repeats).toBe(repeats);
        if (!isAway) {
          mayRepeat = false;
          const open = openAlerts(alertDays(reports, 'basket', silentLogger));
          expect([...reader.known.keys()].toSorted()).toEqual(open.map(alertKey).toSorted());
          for (const alert of open) {
            // What was an alarm stays one for the reader until it closes.
            if (alert.level === 'page') expect(reader.known.get(alertKey(alert))).toBe('page');
          }
        }
        if (fate === 'dies') {
          mayRepeat = true;
          if (begun !== null) writeFileSync(told, begun);
        }
        if (fate === 'damages' && textOf(told) !== null) {
          mayRepeat = true;
          writeFileSync(told, '{"version":1,');
          // What was open and is forgotten now is told again; what closes meanwhile is not, since nothing knows of it.
          await afterRun(project, [snapshot]);
        }
      }
    }),
    { numRuns: RUNS },
  );
});

function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}
