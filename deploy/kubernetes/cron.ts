/** Schedules as the CronJobs of Kubernetes take them. */
const CRON_BOUNDS: readonly (readonly [number, number])[] = [
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];
/** By number: the first month is 1, the first day of a week 0. */
const CRON_NAMES: readonly (readonly string[])[] = [
  [],
  [],
  [],
  ' jan feb mar apr may jun jul aug sep oct nov dec'.split(' '),
  'sun mon tue wed thu fri sat'.split(' '),
];

/** Whether it is five fields within their bounds, with names, ranges and steps; or `@daily` and its like. */
export function isCron(schedule: string): boolean {
  if (/^@(hourly|daily|midnight|weekly|monthly|yearly|annually)$/.test(schedule)) return true;
  const fields = schedule.split(' ');
  return fields.length === CRON_BOUNDS.length && fields.every((field, i) => isCronField(field, i));
}

function isCronField(field: string, i: number): boolean {
  const [low, high] = CRON_BOUNDS[i]!;
  const numberOf = (text: string): number => {
    const named = CRON_NAMES[i]!.indexOf(text.toLowerCase());
    if (named >= low && text !== '') return named;
    return /^[0-9]{1,2}$/.test(text) ? Number(text) : -1;
  };
  return field.split(',').every((part) => {
    const [range, step, ...more] = part.split('/');
    if (more.length > 0 || (step !== undefined && !/^[1-9][0-9]?$/.test(step))) return false;
    if (range === '*' || range === '?') return true;
    const ends = range!.split('-').map(numberOf);
    return ends.length <= 2 && ends.every((end) => end >= low && end <= high) && ends[0]! <= ends.at(-1)!;
  });
}
