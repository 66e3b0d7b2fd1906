/** What can be asked of a vector of an on-demand view: whether its function can run again over what was logged. */
export const ASKED = 0;
/** Its inputs, its outputs or a row that it uses cannot be read. */
export const IS_UNDECODED = 1;
/** A row that it uses is of another definition than the bundle's, so that it is not known which features it has. */
export const OTHER_DEFINITION = 2;
/** A join key that it takes is logged as an HMAC, and nobody knows whose it is. */
export const UNKNOWN_KEY = 3;
/** Nothing of the view is in the archive, which was written by an ingest that did not know on-demand views. */
export const NOT_ARCHIVED = 4;
/** What it uses of another on-demand view is not in the log, and its function does not give it again. */
export const NOT_GIVEN = 5;
/** Another V8 ran its function, or another kind of processor, than runs it now. */
export const OTHER_ENGINE = 6;

/** Why it is not, as the end of a sentence such as `8 values are ...`; undecoded values are counted apart. */
export const WHY_NOT: Readonly<Record<number, string>> = {
  [OTHER_DEFINITION]: 'computed of rows that another definition wrote',
  [UNKNOWN_KEY]: 'computed of join keys of which the log has only HMACs',
  [NOT_ARCHIVED]: 'in files that an ingest wrote which knew no on-demand views',
  [NOT_GIVEN]: 'computed of what another on-demand view does not give again',
  [OTHER_ENGINE]:
    'computed by another V8 or kind of processor than judges them, and their last bits may differ (--other-engine judges them all the same)',
};
