/** Settings of alerts: what is given, what is refused, and that no address of a receiver is ever shown. */
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { silentLogger } from '../../../../contract/std/logger.ts';
import { loadSettings } from '../../../../project/settings/settings.ts';
import { configShow } from '../../../../registry/commands.ts';
import { scratchFolder } from '../../../support/scratch.ts';

const project = (monitor: string): string => scratchFolder({ 'plumbline.yaml': `monitor: ${monitor}\n` });
const monitorOf = (monitor: string, environment = {}) => loadSettings(project(monitor), environment).monitor;

describe('settings of the monitor', () => {
  test('nobody is told of anything unless it is asked for', () => {
    const { alerts, metrics, pushUrl, heartbeatUrl } = monitorOf('{}');
    expect([alerts, metrics, pushUrl, heartbeatUrl]).toEqual([[], null, null, null]);
  });

  test('receivers are called by their kind, or by a name of their own; files are relative to the project', () => {
    const folder = project(
      '{ alerts: [{ kind: slack, urlFile: s }, { kind: webhook, name: ops, urlEnv: HOOK, tokenFile: t }] }',
    );
    expect(loadSettings(folder, {}).monitor.alerts).toEqual([
      {
        name: 'slack',
        kind: 'slack',
        address: { secret: null, file: join(folder, 's'), variable: null },
        bearer: null,
      },
      {
        name: 'ops',
        kind: 'webhook',
        address: { secret: null, file: null, variable: 'HOOK' },
        bearer: { secret: null, file: join(folder, 't'), variable: null },
      },
    ]);
  });

  test('the environment gives single ones', () => {
    const environment = {
      PLUMB_MONITOR_HEARTBEAT_URL: 'https://hc.example.com/x',
      PLUMB_MONITOR_SEND_MS: '1000',
    };
    expect(monitorOf('{}', environment)).toMatchObject({
      heartbeatUrl: 'https://hc.example.com/x',
      sendMs: 1_000,
    });
  });

  test.each([
    [
      '{ kind: pager, url: "https://h/HUSH" }',
      /kind: expected one of webhook, slack, alertmanager, got "pager"/,
    ],
    ['{ kind: webhook }', /alerts\.0: a receiver needs exactly one of url, urlFile and urlEnv/],
    ['{ kind: webhook, url: "https://h/HUSH", urlEnv: X }', /exactly one of url/],
    ['{ kind: webhook, url: "ftp://h/HUSH" }', /url: expected a URL that begins with http/],
    ['{ kind: webhook, url: "h/HUSH" }', /url: expected a URL that begins with http/],
    [
      '{ kind: webhook, url: "https://h/HUSH", token: HUSH, tokenEnv: X }',
      /one of token, tokenFile and tokenEnv/,
    ],
    ['{ kind: slack, url: "https://h/HUSH", token: HUSH }', /a Slack webhook takes no token/],
    ['{ kind: webhook, uri: "https://h/HUSH" }', /has no setting "uri", did you mean "url"/],
    ['{ kind: webhook, url: "https://h/HUSH", name: "a b" }', /name: expected a name of letters/],
    ['{ kind: webhook, url: { HUSH: 1 } }', /url: expected text/],
    [
      '{ kind: webhook, url: "https://h/HUSH" }, { kind: webhook, url: "https://i" }',
      /two receivers have one name/,
    ],
    ['"https://h/HUSH"', /alerts\.0: expected options/],
  ])('%s is refused, and its secret stays one', (receivers, said) => {
    let message = '';
    try {
      monitorOf(`{ alerts: [${receivers}] }`);
    } catch (error) {
      ({ message } = error as Error);
    }
    expect(message).toMatch(said);
    expect(message).not.toContain('HUSH');
  });

  test('config show hides every address and token', async () => {
    const folder = project(
      '{ pushUrl: "http://u:HUSH@push/HUSH", heartbeatUrl: "https://hc/HUSH", alerts: [{ kind: webhook, url: "https://h/HUSH", token: HUSH }] }',
    );
    for (const json of [true, false]) {
      const lines: string[] = [];
      const print = async (text: string): Promise<void> => void lines.push(text);
      const context = { folder, json, color: false, logger: silentLogger, flags: {}, tellErrors() {}, print };
      await configShow(context);
      expect(lines.join('\n')).not.toContain('HUSH');
      expect(lines.join('\n')).toContain('webhook');
    }
  });
});
