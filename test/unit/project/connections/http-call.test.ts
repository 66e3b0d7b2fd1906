/** A call of an HTTP server: its login, its limits, and what is said where there is no answer. */
import { describe, expect, test } from 'vitest';
import { CallError, httpCall } from '../../../../project/connections/http-call.ts';
import { listenOnce } from '../../../support/http/test-server.ts';

const CALL = { method: 'GET', limitMs: 60_000, ca: null } as const;

const errorOf = async (url: string): Promise<CallError> => {
  const error = await httpCall({ ...CALL, url }).catch((thrown: unknown) => thrown);
  if (!(error instanceof CallError)) throw new Error(`no CallError: ${String(error)}`);
  return error;
};

describe('a call', () => {
  test('sends the login of the URL as basic authentication, and not in the path', async () => {
    const seen: (string | undefined)[] = [];
    const server = await listenOnce((request, response) => {
      seen.push(request.headers.authorization, request.url);
      response.end('hello');
    });
    const answer = await httpCall({ ...CALL, url: `http://us%40er:pa%3Ass@${server.at}/path?q=1` });
    expect(answer).toMatchObject({ status: 200, text: 'hello' });
    expect(seen).toEqual([`Basic ${Buffer.from('us@er:pa:ss').toString('base64')}`, '/path?q=1']);
  });

  test('takes no answer that is longer than its limit', async () => {
    const server = await listenOnce((_, response) => response.end('x'.repeat(100_000)));
    const error = await errorOf(`http://${server.at}/`);
    expect(error).toMatchObject({ mayPass: false, mayHaveArrived: true });
    expect(error.message).toContain('longer than 65536 bytes');
    const url = `http://${server.at}/`;
    expect((await httpCall({ ...CALL, url, maxBytes: 100_000 })).text).toHaveLength(100_000);
  });

  test('has the status of a refusal whatever its length', async () => {
    const server = await listenOnce((_, response) => response.writeHead(500).end('busy '.repeat(50_000)));
    const answer = await httpCall({ ...CALL, url: `http://${server.at}/` });
    expect(answer.status).toBe(500);
    expect(answer.text.slice(0, 9)).toBe('busy busy');
    expect(answer.text.length).toBeLessThanOrEqual(65_536);
  });

  test('with a token that no header can hold is not repeated, and does not show it', async () => {
    const server = await listenOnce((_, response) => response.end());
    const headers = { authorization: 'Bearer SECRET\nmore' };
    const call = httpCall({ ...CALL, url: `http://${server.at}/`, headers });
    await expect(call).rejects.toMatchObject({ mayPass: false, mayHaveArrived: false });
    await expect(call).rejects.toThrow(
      /^its token holds a character that no header may have, such as a line break/,
    );
    await expect(call).rejects.not.toThrow('SECRET');
  });

  test('may have arrived where the connection breaks, and has not where there was none', async () => {
    const server = await listenOnce((request) => request.socket.destroy());
    expect(await errorOf(`http://${server.at}/`)).toMatchObject({ mayPass: true, mayHaveArrived: true });
    await server.close();
    expect(await errorOf(`http://${server.at}/`)).toMatchObject({ mayPass: true, mayHaveArrived: false });
  });

  test.each(['nonsense', 'ftp://host/SECRET', '/SECRET'])(
    '%s is no address, and is not repeated',
    async (url) => {
      const error = await errorOf(url);
      expect(error.mayPass).toBe(false);
      expect(error.message).not.toContain('SECRET');
    },
  );
});
