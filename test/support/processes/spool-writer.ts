/**
 * A sidecar reduced to its log, to be killed: logs requests and prints one line for each that it has "answered",
 * which it does only after the commit. Arguments: folder, requests a tick, largest row in bytes.
 */
import { writeSync } from 'node:fs';
import { systemClock } from '../../../project/clock.ts';
import { silentLogger } from '../../../contract/std/logger.ts';
import { VectorLog } from '../../../sidecar/vector-log/vector-log.ts';
import { commitAndWait } from './committed.ts';
import { servedRequest } from '../fixtures/served-requests.ts';

const [folder, perTick, rowBytes] = process.argv.slice(2);
const log = await VectorLog.open({
  folder: folder!,
  pod: 'pod-1',
  clock: systemClock(),
  durability: 'written',
  maxBytes: 2 ** 40,
  onFull: 'shed-log',
  logger: silentLogger,
});

let id = 0;
async function tick(): Promise<void> {
  let answers = '';
  for (let i = 0; i < Number(perTick); i++) {
    const requestId = `r${process.pid}-${++id}`;
    log.append(servedRequest(requestId, 24 + ((id * 7_919) % Number(rowBytes))));
    answers += `${log.stats().epoch} ${log.stats().sequence} ${requestId}\n`;
  }
  const { queued } = log.stats().levels;
  await commitAndWait(log);
  // At level queued, which a slow disk and a busy machine lead to, a killed process may lose what it answered.
  if (log.stats().levels.queued === queued) writeSync(1, answers);
  setImmediate(tick);
}
// Waiting for another thread's write keeps no process alive.
setInterval(() => {}, 60_000);
void tick();
