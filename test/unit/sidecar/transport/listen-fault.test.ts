import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { listenFault, probeListenFault } from '../../../../sidecar/transport/listen-fault.ts';

test('a port in use is told from one that is not allowed, and from an address of another machine', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  expect(await probeListenFault('127.0.0.1', port)).toBe(
    'the port is in use by another program (EADDRINUSE)',
  );
  server.close();
  await once(server, 'close');
  expect(await probeListenFault('127.0.0.1', port)).toContain('try again');
  expect(await probeListenFault('192.0.2.1', 0)).toBe('this machine has no such address (EADDRNOTAVAIL)');
  const denied = Object.assign(new Error('listen EACCES'), { code: 'EACCES' });
  expect(listenFault(denied)).toContain('this user may not open it');
  const descriptors = Object.assign(new Error('listen EMFILE'), { code: 'EMFILE' });
  expect(listenFault(descriptors)).toContain('the limit of open files');
  expect(listenFault(new Error('something else'))).toBe('something else');
});
