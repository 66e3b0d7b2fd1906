import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { HttpConnection } from '../../../../loadtest/generator/http-connection.ts';

test.each([
  ['with a length', (size: number) => [String(size)]],
  ['in chunks', () => []],
])('answers %s are whole, one after another, however many pieces they come in', async (_, length) => {
  const body = `{"values":[${'0,'.repeat(40_000)}0]}`;
  const server = createServer((_request, response) => {
    const [bytes] = length(body.length);
    response.writeHead(200, bytes === undefined ? {} : { 'content-length': bytes });
    response.write(body.slice(0, 5));
    response.end(body.slice(5));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const answers: string[] = [];
  await new Promise<void>((resolve) => {
    const { port } = server.address() as AddressInfo;
    const target = { host: '127.0.0.1', port, hostHeader: 'localhost' };
    const connection = new HttpConnection(target, {
      onFree: (free) => {
        if (answers.length < 3) return free.send('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n', 0, 0);
        connection.close();
        resolve();
      },
      onAnswer: (_connection, status, answer) => void answers.push(`${status} ${answer.toString('latin1')}`),
      onLost: () => void answers.push('lost'),
    });
  });
  expect(answers).toHaveLength(3);
  for (const answer of answers) {
    expect(answer).toMatch(/^200 HTTP\/1\.1 200 OK/);
    expect(answer.replaceAll(/\r\n[0-9a-f]+\r\n/g, '')).toContain(body.slice(5));
  }
});
