/** Settings of `plumb ui`. */
import { z } from 'zod';
import { list, port } from './setting-values.ts';

export interface UiSettings {
  /** The address that it listens on. */
  readonly host: string;
  readonly port: number;
  /** What a Host header may name beside loopback. */
  readonly allowedHosts: readonly string[];
}

export const UI_SETTINGS = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: port.default(6570),
    allowedHosts: list.default([]),
  })
  .prefault({});
