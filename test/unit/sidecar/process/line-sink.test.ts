import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LineSink } from '../../../../sidecar/process/line-sink.ts';
import { FullPipe } from '../../../support/faults/full-pipe.ts';
import { scratchFolder } from '../../../support/scratch.ts';
import { until } from '../../../support/until.ts';

test('a full pipe: what fits waits, the rest is dropped, counted and told of once there is room', async () => {
  const pipe = new FullPipe();
  const fd = pipe.openWriter(constants.O_NONBLOCK);
  const told: number[] = [];
  const sink = new LineSink(fd, (lines) => told.push(lines), 1_000);
  for (let i = 0; i < 30; i++) sink.write(`${String(i).padStart(99, '0')}\n`);
  expect(sink.dropped).toBe(20);
  let text = '';
  await until(() => {
    text += pipe.drain();
    return text.endsWith('9\n');
  }, 'the lines that fitted');
  expect(text.trim().split('\n').map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(told).toEqual([20]);
  sink.write('again\n');
  await until(() => (text = pipe.drain()) !== '', 'a line after that');
  expect(text).toBe('again\n');
  expect(sink.dropped).toBe(20);
  closeSync(fd);
});

test('a file: every line in order; a descriptor that is closed costs the lines alone', async () => {
  const file = join(scratchFolder(), 'log');
  const fd = openSync(file, 'a');
  const sink = new LineSink(fd, () => {});
  for (let i = 0; i < 1_000; i++) sink.write(`line ${i}\n`);
  await until(() => readFileSync(file, 'utf8').endsWith('line 999\n'), 'all lines');
  expect(readFileSync(file, 'utf8').split('\n')).toHaveLength(1_001);
  closeSync(fd);
  sink.write('nobody\n');
  await until(() => sink.dropped === 1, 'the line is given up');
});
