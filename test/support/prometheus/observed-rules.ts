/**
 * The alerts of `deploy/helm/plumbline/alerts` in a real Prometheus, their times shortened to seconds:
 *
 *   const rules = await ObservedRules.start({ sidecar: { targets: ['127.0.0.1:6567'] } });
 *   await rules.expectSilent('PlumblineStoreAway');
 *   await redis.kill('SIGSTOP');
 *   await rules.expectFiring('PlumblineStoreAway');
 */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { startPrometheus } from './prometheus-server.ts';
import { scratchFolder } from '../scratch.ts';
import { until } from '../until.ts';

const ALERTS = join(import.meta.dirname, '../../../deploy/helm/plumbline/alerts');
/** What rates look back over. */
export const WINDOW_S = 30;
/** A machine with much else to do answers a scrape late. */
const SCRAPE = '3s';
/** Looking takes what Prometheus and the programs need as well. */
const LOOK_MS = 500;
/** Where a rule waits for minutes or hours, seconds. */
type Limits = readonly (readonly [was: string, is: string])[];

interface Scraped {
  /** `host:port` */
  readonly targets: readonly string[];
  /** `/metrics` unless given. */
  readonly path?: string;
}

export class ObservedRules {
  readonly url: string;
  /** Every alert that was seen to fire. */
  readonly seen = new Set<string>();
  readonly #startedMs = performance.now();

  private constructor(url: string) {
    this.url = url;
  }

  /** @param jobs  by name; @param limits  put into the rules' expressions, each at least once */
  static async start(jobs: Readonly<Record<string, Scraped>>, limits: Limits = []): Promise<ObservedRules> {
    const url = await startPrometheus({
      global: { scrape_interval: SCRAPE, scrape_timeout: SCRAPE, evaluation_interval: '1s' },
      rule_files: [join(shortenedRules(limits), '*.yaml')],
      scrape_configs: Object.entries(jobs).map(([name, { targets, path = '/metrics' }]) => ({
        job_name: name,
        metrics_path: path,
        static_configs: [{ targets }],
      })),
    });
    return new ObservedRules(url);
  }

  /** Looks once. @returns what fires now, by name */
  async look(): Promise<readonly string[]> {
    const { data } = (await (await fetch(`${this.url}/api/v1/alerts`)).json()) as {
      data: { alerts: { state: string; labels: { alertname: string } }[] };
    };
    const firing = data.alerts.filter(({ state }) => state === 'firing');
    const names = firing.map(({ labels }) => labels.alertname);
    for (const name of names.filter((one) => !this.seen.has(one))) {
      this.seen.add(name);
      const seconds = ((performance.now() - this.#startedMs) / 1_000).toFixed(0);
      process.stderr.write(`${seconds.padStart(4)} s  ${name} fires\n`);
    }
    return names;
  }

  /** Waits until each of them was seen to fire. */
  async expectFiring(...alerts: readonly string[]): Promise<void> {
    await until(
      async () => {
        await this.look();
        return alerts.every((alert) => this.seen.has(alert));
      },
      `firing: ${alerts.join(', ')}`,
      LOOK_MS,
    );
  }

  /** Waits until none of them fires any more, and forgets that they were seen. */
  async expectEnded(...alerts: readonly string[]): Promise<void> {
    await until(
      async () => {
        const firing = await this.look();
        return alerts.every((alert) => !firing.includes(alert));
      },
      `over: ${alerts.join(', ')}`,
      LOOK_MS,
    );
    for (const alert of alerts) this.seen.delete(alert);
  }

  /** None of them was seen to fire up to now. */
  async expectSilent(...alerts: readonly string[]): Promise<void> {
    await this.look();
    expect(alerts.filter((alert) => this.seen.has(alert))).toEqual([]);
  }
}

/** The rules as they are but for their times. @returns their folder */
function shortenedRules(limits: Limits): string {
  const files = readdirSync(ALERTS).map((name) => {
    const text = readFileSync(join(ALERTS, name), 'utf8');
    return [
      name,
      text.replaceAll(/^ +for: .*\n/gm, '').replaceAll(/\[\d+[mhd]\]/g, `[${WINDOW_S}s]`),
    ] as const;
  });
  for (const [was] of limits)
    expect(
      files.some(([, text]) => text.includes(was)),
      was,
    ).toBe(true);
  const shortened = files.map(([name, text]) => [
    name,
    limits.reduce((changed, [was, is]) => changed.replaceAll(was, is), text),
  ]);
  return scratchFolder(Object.fromEntries(shortened) as Record<string, string>);
}
