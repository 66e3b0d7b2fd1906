/** Why a port cannot be opened, in words that tell what to do. */
import { createServer } from 'node:net';

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is in use by another program',
  EACCES: 'this user may not open it; ports below 1024 mostly take root or CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address',
  ENOTFOUND: 'there is no host of that name',
  EMFILE: 'the limit of open files is reached: raise it (ulimit -n, LimitNOFILE)',
  ENFILE: 'the limit of open files of this machine is reached: raise it (fs.file-max)',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
};

export function listenFault(error: Error): string {
  const { code } = error as NodeJS.ErrnoException;
  const reason = code === undefined ? undefined : REASONS[code];
  return reason === undefined ? error.message : `${reason} (${code})`;
}

/** Tries once more, for a transport that does not say why it could not listen. */
export function probeListenFault(host: string, port: number): Promise<string> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error) => resolve(listenFault(error)));
    probe.listen({ host, port, exclusive: true }, () =>
      probe.close(() => resolve('the system refused it just now, and would not any more; try again')),
    );
  });
}
