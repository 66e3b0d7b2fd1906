/** Certificates of a test: an authority of its own, one for the servers by name, one for the client. By openssl. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scratchFolder } from '../scratch.ts';
import { findOrInstall } from './system-package.ts';

export interface Certificates {
  /** Files in PEM. */
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const PACKAGES = { 'apt-get': 'openssl', dnf: 'openssl', apk: 'openssl', brew: 'openssl' };

/** @param name  the only one that the server's certificate is good for */
export async function makeCertificates(name: string): Promise<Certificates> {
  const folder = scratchFolder();
  const program = await findOrInstall('openssl', PACKAGES);
  if (typeof program !== 'string')
    throw new Error(`certificates of tests need openssl: ${program.tried.join('; ')}`);
  const openssl = (...args: string[]): unknown => execFileSync(program, args, { cwd: folder, stdio: 'pipe' });
  const newKey = ['-newkey', 'rsa:2048', '-nodes'];
  const authority = [
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-days',
    '2',
    '-subj',
    '/CN=authority',
  ];
  openssl('req', '-x509', ...authority);
  writeFileSync(join(folder, 'names'), `subjectAltName=DNS:${name}`);
  for (const [file, more] of [
    ['server', ['-extfile', 'names']],
    ['client', []],
  ] as const) {
    openssl('req', ...newKey, '-keyout', `${file}.key`, '-out', `${file}.csr`, '-subj', `/CN=${file}`);
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', ...more];
    openssl('x509', '-req', '-in', `${file}.csr`, ...signed, '-out', `${file}.crt`);
  }
  const at = (file: string): string => join(folder, file);
  return {
    ca: at('ca.crt'),
    serverCert: at('server.crt'),
    serverKey: at('server.key'),
    clientCert: at('client.crt'),
    clientKey: at('client.key'),
  };
}
