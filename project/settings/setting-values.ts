/** Kinds of setting values: each parses the value of a file, a flag or the environment, or says what it expected. */
import { z } from 'zod';
import { parseBytes } from '../../contract/std/byte-size.ts';
import { parseDuration } from '../../contract/std/duration.ts';
import { isLocalPath, isObject } from '../../contract/std/files/local-path.ts';

export const duration = z.union([z.string(), z.number()]).transform((value, context) => {
  const us = parseDuration(String(value));
  if (us !== null) return us;
  context.addIssue({
    code: 'custom',
    message: `expected a duration such as 90s or 7d, got ${JSON.stringify(value)}`,
  });
  return z.NEVER;
});

export const bytes = z.union([z.string(), z.number()]).transform((value, context) => {
  const size = parseBytes(String(value));
  if (size !== null) return size;
  context.addIssue({
    code: 'custom',
    message: `expected a size such as 512MiB or 2GiB, got ${JSON.stringify(value)}`,
  });
  return z.NEVER;
});

/** The environment has only text. */
export const numeric = (fits: z.ZodNumber) =>
  z.preprocess((value) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value), fits);

const PORT = 'expected a port, a whole number from 0 (any free one) to 65535';
export const port = numeric(z.number(PORT).int(PORT).min(0, PORT).max(65_535, PORT));
/** A file or a folder, relative to the project's folder or absolute. */
export const localPath = z.string().refine(isLocalPath, 'expected a path on this machine');
/** The same, or a place in object storage. */
export const storedPath = z
  .string()
  .refine(
    (text) => isLocalPath(text) || isObject(text),
    'expected a path on this machine, or s3://bucket/path',
  );
export const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')], {
  error: 'expected true or false',
});
export const httpUrl = z
  .string()
  .refine(
    (text) => /^https?:\/\//i.test(text) && URL.canParse(text),
    'expected a URL that begins with http:// or https://',
  );
export const milliseconds = () =>
  z.number({
    error: ({ code }) =>
      code === 'invalid_type' ? 'expected milliseconds as a plain number, such as 250' : undefined,
  });
export const list = z.preprocess(
  (value) => (typeof value === 'string' ? value.split(',').map((item) => item.trim()) : value),
  z.array(z.string().min(1)),
);
