/**
 * Whether this is `npm run test:long`. Only there times decide, against a control of the same run: `npm test` must pass
 * on a machine that does much else.
 */
export const IS_LONG_RUN = process.env['PLUMB_TEST_LONG'] === '1';
