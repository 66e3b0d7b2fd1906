/** What a test file's process compiled is kept for the others: Vitest ends it before Node would keep it. */
import { flushCompileCache } from 'node:module';
import { afterAll } from 'vitest';

afterAll(() => flushCompileCache());
