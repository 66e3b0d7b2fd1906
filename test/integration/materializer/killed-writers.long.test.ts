import { test } from 'vitest';
import { killWriters } from '../../support/faults/killed-history-writers.ts';

test('two writers at once, each killed at a random step again and again', () => killWriters(40), 860_000);
